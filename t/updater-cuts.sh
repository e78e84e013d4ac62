# For the tests that cut an update short, behind lib.sh: the real agent in
# two versions, an update of one to the other under strace(1), which kills it
# or fills the disk at a chosen system call, and what has to be true when
# muster-updater was started again.
# shellcheck shell=sh disable=SC2154
D=$T/bin
TARGET=$D/muster-agent
STATE=$T/state
LOCK=$STATE/agent.lock
MUSTER_STATE_DIR=$STATE
MUSTER_RUN_DIR=$T/run
MUSTER_LOG_DIR=$T/log
MUSTER_CONFIG=$T/empty.json
echo "{}" >"$MUSTER_CONFIG"
MUSTER_AGENT_SERVER=http://127.0.0.1:9
MUSTER_AGENT_WEB_LISTEN=none
export MUSTER_STATE_DIR MUSTER_RUN_DIR MUSTER_LOG_DIR MUSTER_CONFIG
export MUSTER_AGENT_SERVER MUSTER_AGENT_WEB_LISTEN
AGENT=${MUSTER_AGENT:-$BIN/muster-agent}
strace -o /dev/null true 2>/dev/null || skip_all 'strace cannot trace here'
# Leaks cannot be looked for under strace.
[ -z "${ASAN_OPTIONS-}" ] || export ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0"
[ -x "$AGENT" ] || skip_all 'muster-agent is not built'

# version_of FILE
version_of() { "$1" --version | sed -n '1s/.* //p'; }

# make_version FILE VERSION: the agent, as if it had been built as another
# version, of as many characters.
make_version() {
	rm -f "$1"
	perl -0777 -pe "s/\\b\\Q$OLD\\E\\b/$2/g" "$AGENT" >"$1"
	chmod 755 "$1"
}
OLD=$(version_of "$AGENT")
NEW=9${OLD#?}
mkdir -p "$T/versions"
cp "$AGENT" "$T/versions/old"
make_version "$T/versions/good" "$NEW"
# It takes the lock, and then has no more to show.
cat >"$T/versions/bad" <<END
#!/bin/sh
[ "\${1-}" != --version ] || { echo 'muster-agent $NEW'; exit; }
echo 'the bad one says good-bye' >&2
exec muster-lock -F "$LOCK" sh -c 'sleep 0.05; exit 3'
END
chmod 755 "$T/versions/bad"

holder() { muster-lock --status "$LOCK" 2>/dev/null | sed -n 's/^pid	//p'; }
lives() { muster-lock --status "$LOCK" 2>/dev/null | grep -q '^alive	yes'; }
# Every agent that runs the target; its modules (-P) come and go with it.
processes() {
	find /proc -mindepth 2 -maxdepth 2 -name exe -lname "$TARGET*" \
	    2>/dev/null | sed 's,/proc/,,; s,/exe,,'
}
agents() {
	for pid in $(processes); do
		tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null |
		    grep -q -- ' -P ' || echo "$pid"
	done
}
# An updater that still watches its new agent would take the end of that one
# for a failure, and roll back: into the next case.  It goes first.
updaters() {
	find /proc -mindepth 2 -maxdepth 2 -name exe \
	    -lname "$T/*muster-updater*" 2>/dev/null |
	    sed 's,/proc/,,; s,/exe,,'
}
no_updater() { [ -z "$(updaters)" ]; }
end_agents() {
	for pid in $(updaters); do kill -KILL "$pid" 2>/dev/null; done
	wait_for no_updater
	for pid in $(processes); do kill -KILL "$pid" 2>/dev/null; done
	pid=$(holder)
	[ -z "$pid" ] || ! lives || kill -KILL "$pid"
	wait_for no_agent
}
no_agent() { [ -z "$(processes)" ] && ! lives; }
at_end end_agents

# begin VERSION: the old agent runs, VERSION waits to be installed.
begin() {
	end_agents
	rm -rf "$STATE" "$T/log" "$T/run" "$D"
	mkdir -p "$D" "$T/log"
	cp "$T/versions/old" "$TARGET"
	cp "$T/versions/$1" "$T/new"
	cp "$BIN/muster-updater" "$T/muster-updater"
	("$TARGET" >"$T/first" 2>&1 &)
	wait_for lives
}

# update [WORD...]: WORDS stand before the updater.
update() {
	"$@" "$T/muster-updater" --binary "$T/new" --target "$TARGET" --wait 0s \
	    --verify-time "${VERIFY:-5s}" --settle 100ms --remove-file --remove-self \
	    --prove "${PROVE:-beat,config,control,server}" \
	    --checksum "$(sha256sum "$T/new" | sed 's/ .*//')"
}

# One agent works, of the version that is installed, and nothing lies about.
one_agent() {
	version=$(version_of "$TARGET")
	wait_for lives && wait_for is_alone || return 1
	muster-lock --status "$LOCK" | grep -q "^version	$version$" ||
	    { echo "the lock is not of version $version"; return 1; }
	wait_for is_clean
}
# What an agent that runs writes is there under another name for a moment.
is_clean() { is "$(ls "$D")" muster-agent && is "$(left_over)" ''; }
is_alone() { is "$(agents)" "$(holder)"; }

# What an update makes and has to clear away.  Before there was a journal the
# package and the updater are still those of who brought them.
left_over() {
	brought="$T/new $T/muster-updater"
	[ -e "$STATE/update.json" ] || brought=
	# shellcheck disable=SC2086
	find "$STATE" $brought 2>/dev/null | sed 's,.*/,,' | grep -xE "$MADE" ||
	    :
}
MADE='.*\.(tmp|new|old|staged|part|patch)|update\.d|new|muster-.*'

# again: muster-updater as the next start finds it; 0 and 1 are both good.
again() { muster-updater --recover || [ $? = 1 ]; }

cut_step() { sed -n 's/.*"step": *"\([a-z_]*\)".*/\1/p' "$STATE/update.json"; }

# calls_of VERSION: the calls of an update that nobody disturbs, one a line,
# each with its name, how often it came by then, and whether it could find
# the disk full: it writes to a file, or makes or renames one.
calls_of() {
	begin "$1"
	update strace -y -o "$T/calls" >"$T/cut" 2>&1
	sed -n '/^[a-z][a-z0-9_]*(/p' "$T/calls" | awk -v T="$T/" '{
	    name = $0; sub(/\(.*/, "", name)
	    full = index($0, T) && (name ~ /^p?write|^ftrunc|^fsync|^mkdir/ ||
		name ~ /^rename|^link|^copy_file/ || /O_CREAT/)
	    print name, ++n[name], full ? "disk" : "-" }'
}

# killed_at CALL N VERSION: fails when there were not so many.
killed_at() {
	begin "$3"
	update strace -o "$T/calls" -e "trace=$1" \
	    -e "inject=$1:signal=KILL:when=$2" >"$T/cut" 2>&1
	[ $? -gt 128 ]
}

# full_at CALL N VERSION: that call finds the disk full.
full_at() {
	begin "$3"
	update strace -o "$T/calls" -e "trace=$1" \
	    -e "inject=$1:error=ENOSPC:when=$2" >"$T/cut" 2>&1
	grep -q INJECTED "$T/calls"
}

# at_point TITLE killed_at|full_at CALL N VERSION: cuts there, and checks.  A
# process waited for a bit less may spare the last of some calls.
at_point() {
	"$2" "$3" "$4" "$5" || missed=$((missed + 1))
	check_again "$1 at $3 $4"
}
missed=0
cuts=0

show_all() {
	cat "$T/cut" "$T/again" "$T/why"
	cat "$STATE/update.json" 2>/dev/null
	return 1
}

# check_again WHAT: after a cut; counts by step and by what stayed.
check_again() {
	at=$(cut_step 2>/dev/null)
	{ again >"$T/again" 2>&1 && one_agent; } >"$T/why" 2>&1 ||
	    ok "$1: one agent, and nothing left over" show_all
	cuts=$((cuts + 1))
	[ "$version" = "$NEW" ] && end=new || end=old
	echo "${at:-none} $end" >>"$T/table"
}

# The table: for each step of the journal, how many cuts and how they ended.
print_table() {
	echo "# step        cuts   old   new"
	sort "$T/table" | awk '{ n[$1]++; e[$1 " " $2]++ }
	    END { for (s in n) printf "# %-11s %4d %5d %5d\n", s, n[s],
		e[s " old"], e[s " new"] }' | sort
}

# For the updater's tests, behind lib.sh: an agent in $D/muster-agent, which
# is a script that answers --version and keeps its lock by muster-lock.
# shellcheck shell=sh disable=SC2154
D=$T/bin
TARGET=$D/muster-agent
LOCK=$T/run/agent.lock
NEW=$T/new-agent
MUSTER_STATE_DIR=$T/state
MUSTER_LOG_DIR=$T/log
MUSTER_CONFIG=$T/updater.json
export T LOCK TARGET
export MUSTER_STATE_DIR MUSTER_LOG_DIR MUSTER_CONFIG
mkdir -p "$D" "$T/run"
: >"$T/pids"
# Short times, which a flag may change.
cat >"$MUSTER_CONFIG" <<END
{"lock": "$LOCK", "wait": "0s", "verify_time": "5s", "settle": "200ms",
 "prove": "none"}
END

# make_agent FILE VERSION [WHAT]: WHAT is the shell text that it runs, other
# than to hold the lock.
make_agent() {
	cat >"$1" <<-END
		#!/bin/sh
		[ "\${1-}" != --version ] || { echo "muster-agent $2"; exit; }
		echo "\$\$ $2" >>"\$T/pids"
		${3-exec muster-lock -F "\$LOCK" sleep 600}
	END
	chmod 755 "$1"
}

# alive PID: a zombie is not.
alive() {
	state=$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null) || return 1
	[ "$state" != Z ]
}

# The versions of the agents that run, one a line.
versions() {
	while read -r pid version; do
		alive "$pid" && echo "$version"
	done <"$T/pids"
	:
}

runs() { is "$(versions)" "$1"; }

# start_agent: the installed one, as nobody's child, until it has its lock.
start_agent() {
	("$TARGET" >/dev/null 2>&1 &)
	wait_for runs "$("$TARGET" --version | sed 's/.* //')"
	wait_for locked
}

# The updater takes a live holder for a running agent; so do we.
locked() { ! muster-lock -n "$LOCK" true; }

agent_pid() { sed -n '$s/ .*//p' "$T/pids"; }

stop_agents() {
	while read -r pid _; do
		if alive "$pid"; then kill -KILL "$pid"; fi
	done <"$T/pids"
	wait_for runs ''
	: >"$T/pids"
}
at_end stop_agents

sha() { sha256sum "$1" | sed 's/ .*//'; }

# update [FLAG...]: NEW over TARGET.  With RUN=exec a subshell becomes the
# updater, so that $! is its PID.
update() {
	${RUN-} muster-updater --binary "$NEW" --target "$TARGET" \
	    --checksum "$(sha "$NEW")" "$@"
}

recover() { muster-updater --recover "$@"; }

# installed VERSION: and nothing else lies beside it.
installed() {
	is "$("$TARGET" --version)" "muster-agent $1" &&
	    is "$(ls "$D")" muster-agent
}

# journal_has MEMBER TEXT
journal_has() {
	grep -Eq "\"$1\": ?\"$2" "$T/state/update.json" ||
	    { cat "$T/state/update.json"; echo; return 1; }
}

# journal_set NAME NUMBER: as if the update had been asked for so.
journal_set() {
	sed "s/\"$1\": *[0-9]*/\"$1\":$2/" "$T/state/update.json" >"$T/j" &&
	    mv "$T/j" "$T/state/update.json"
}

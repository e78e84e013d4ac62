#!/bin/sh
# The updater is killed at each system call that changes something, one run
# for each, in an update that succeeds and in one that is rolled back; the
# next call leaves one working agent, and nothing beside it or the journal.
# CUTS=all takes every file and process call instead of the decisive ones.
# shellcheck disable=SC2016,SC2034
. "${0%/*}/lib.sh"
. "${0%/*}/updater.sh"
hold='exec muster-lock -F "$LOCK" sleep 600'

calls='?rename ?renameat ?renameat2 ?link ?linkat ?unlink ?unlinkat fsync
    ?fork ?clone ?clone3 sendto pidfd_send_signal'
[ "${CUTS-}" != all ] || calls="$calls write ftruncate openat ?open ?chmod
    ?fchmod ?fchmodat ?mkdir ?mkdirat close read wait4 fcntl lseek
    copy_file_range pidfd_open"
strace -o /dev/null true 2>/dev/null || skip_all 'strace cannot trace here'

# cut_at CALL N FLAG...: killed at the N-th one.  Fails when there was none.
cut_at() {
	filter=$1
	when=$2
	shift 2
	rm -rf "$T/state" "$T/log" "${D:?}"/*
	make_agent "$TARGET" 1.0
	stop_agents
	start_agent
	RUN="strace -o /dev/null -e trace=$filter
	    -e inject=$filter:signal=KILL:when=$when"
	update "$@" >"$T/cut" 2>&1
	rc=$?
	RUN=
	[ "$rc" -gt 128 ]
}

# One version is installed, nothing lies beside it, and it alone runs.
one_agent() {
	version=$("$TARGET" --version | sed 's/.* //')
	installed "$version" && wait_for runs "$version" && runs "$version" &&
	    locked && is "$(echo "$T/state"/*.tmp)" "$T/state/*.tmp"
}

recovered() {
	recover >"$T/recover" 2>&1 || [ $? = 1 ] || return 1
	one_agent
}

show_all() {
	cat "$T/cut" "$T/recover" "$T/why" "$T/pids" "$T/state/update.json"
	return 1
}

# cuts_of CALL FLAG...: all of one call.
cuts_of() {
	call=$1
	shift
	nth=1
	while cut_at "$call" "$nth" "$@"; do
		recovered >"$T/why" 2>&1 ||
			ok "$case: $call $nth leaves one agent" show_all
		cuts=$((cuts + 1))
		nth=$((nth + 1))
		[ "$version" = 1.0 ] || new=$((new + 1))
	done
	[ "$nth" = 1 ] || echo "# $case: $call $((nth - 1))"
}

# all_cuts TITLE WHAT FLAG...
all_cuts() {
	case=$1
	make_agent "$NEW" 2.0 "$2"
	shift 2
	cuts=0
	new=0
	for each in $calls; do
		cuts_of "$each" "$@"
	done
	echo "# $cuts cuts: $((cuts - new)) ended with the old agent," \
	    "$new with the new one"
	ok "$case: was cut often enough to mean something" test "$cuts" -gt 40
	ok "$case: uncut it ends by itself" one_agent
}

all_cuts 'a good one' "$hold" --settle 0s
ok 'a good one: some were finished' test "$new" -gt 0
ok 'a good one: some were undone' test "$new" -lt "$cuts"
all_cuts 'a bad one' 'exit 3' --settle 0s
ok 'a bad one never stays' is "$new" 0
done_testing

#!/bin/sh
# Signals go on to the command; its end is waited for.
# shellcheck disable=SC2016 # scripts for other shells
. "${0%/*}/lib.sh"

at_end ': >"$T/end"'
# start TRAP: a command that runs TRAP on SIGTERM and SIGHUP; $lock.
start() {
	rm -f "$T/up" "$T/got"
	muster-lock "$T/l" sh -c "trap '$1' TERM HUP; : >$T/up
	    until [ -e $T/end ]; do sleep 0.02; done" & lock=$!
	wait_for test -e "$T/up"
}

start ": >$T/got; exit 5"
kill -TERM "$lock"
ok 'SIGTERM reaches the command, its code comes back' exits 5 wait "$lock"
ok 'it was the command that ended'	test -e "$T/got"
ok 'and the lock is free'		muster-lock -n "$T/l" true
start ": >$T/got; exit 6"
kill -HUP "$lock"
ok 'SIGHUP too'			exits 6 wait "$lock"
start ": >$T/got"
kill -TERM "$lock"
wait_for test -e "$T/got"
ok 'a command that goes on is waited for'	kill -0 "$lock"
: >"$T/end"
ok 'until it ends'		wait "$lock"
done_testing

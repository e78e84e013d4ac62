#!/bin/sh
# --force: a running agent goes and another takes its place; never both, and
# never one without the other's word.
. "${0%/*}/lib.sh"

agent() { muster-agent --server http://127.0.0.1:1 --web-listen none \
    --state-dir "$T/s" "$@"; }
status() { muster-agent --state-dir "$T/s" --json status; }
holder() { status | jq .pid; }
running() { [ "$(holder)" = "$1" ]; }

start() {
	muster-agent --server http://127.0.0.1:1 --web-listen none \
	    --state-dir "$T/s" --force 2>"$1" &
}
start "$T/log1"
one=$!
# shellcheck disable=SC2016
at_end 'kill -9 $one $two 2>/dev/null'
two=
ok 'with nobody there it just starts' wait_for running $one
ok 'a second one is refused' exits 1 agent
start "$T/log2"
two=$!
rc=0
wait $one || rc=$?
ok 'the first goes with 0' is $rc 0
ok 'the second runs' wait_for running $two
ok 'the first knew why' grep -q 'State transition: IDLE -> FORCE_RESTARTING' \
    "$T/log1"
ok 'and by whom' grep -q "asked to make room, by uid $(id -u), process" \
    "$T/log1"
ok 'the second too' grep -q "process $one goes" "$T/log2"

# One that does not answer is not robbed.
kill -STOP $two
ok 'a silent one: 99' exits 99 agent --force
ok 'and it says so' says 'does not answer' agent --force
kill -CONT $two
ok 'awake, it runs on' wait_for running $two
ok 'since nobody waits any more' grep -q 'asked and did not wait' "$T/log2"

# Nor one whose pipe was taken away.
rm "$T/s/control.sock"
ok 'no pipe: 1' exits 1 agent --force
ok 'it still has the lock' says "^pid	$two" muster-lock --status \
    "$T/s/agent.lock"

kill -9 $two
wait $two 2>/dev/null
start "$T/log3"
one=$!
ok 'one that was killed is no obstacle' wait_for running $one
ok 'states are told as a table' says \
    '^IDLE	force	FORCE_RESTARTING	-$' muster-agent states
done_testing

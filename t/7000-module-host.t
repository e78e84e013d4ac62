#!/bin/sh
# The agent's modules by the control of their host: what is chosen runs, what
# is enabled stays so over a restart, and a killed one comes back.
. "${0%/*}/lib.sh"
command -v jq >/dev/null || skip_all 'no jq'

start() {
	muster-agent --server http://127.0.0.1:9 --state-dir "$T/st" \
	    --run-dir "$T/run" --log-dir "$T/st" --web-listen none \
	    --log-level debug "$@" >>"$T/log" 2>&1 &
	pid=$!
}
# shellcheck disable=SC2016
at_end 'kill $pid 2>/dev/null'
module_pid() { pgrep -P $pid -f "P module $1\$"; }

start --capabilities telemetry
ok 'the chosen module starts' wait_for grep -q '\[telemetry\]: started' "$T/log"
ok 'in a process of its own' module_pid telemetry
ok 'no other does' exits 1 module_pid fs-monitor
first=$(module_pid telemetry)
kill -9 "$first"
ok 'killed, it is told' wait_for grep -q 'telemetry\]: .*signal 9' "$T/log"
again() { p=$(module_pid telemetry) && [ "$p" != "$first" ]; }
ok 'and comes back' wait_for again
kill -STOP "$(module_pid telemetry)"
kill -TERM $pid
rc=0
wait $pid || rc=$?
ok 'one that hangs does not keep the agent from stopping' is $rc 0
ok 'and is gone' exits 1 pgrep -f "module telemetry.*$T"

mkdir -p "$T/st"
: >"$T/log"
start --capabilities telemetry --capabilities nonsense
ok 'what this agent has not is named' wait_for grep -q \
    'nonsense: not in this agent' "$T/log"
kill -KILL $pid
wait $pid 2>/dev/null
gone() { ! pgrep -P $pid >/dev/null; }
ok 'modules go with a killed agent' wait_for gone
done_testing

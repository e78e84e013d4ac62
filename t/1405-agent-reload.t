#!/bin/sh
# reload and SIGHUP: a configuration that has changed is checked, and taken up
# by the same process; a wrong one changes nothing.
. "${0%/*}/lib.sh"

conf=$T/agent.json
conf() { printf '%s\n' "$1" >"$conf"; }
agent() { muster-agent --config "$conf" --state-dir "$T/s" "$@"; }
# started N: it has become ready so many times.
started() { test "$(grep -c 'STARTING -> IDLE' "$T/log")" = "$1"; }
is_name() { test "$(agent status | sed -n "s|^name\t||p")" = "$1"; }

conf '{"server":"http://127.0.0.1:1","name":"before"}'
muster-agent --config "$conf" --web-listen none --state-dir "$T/s" \
    2>"$T/log" & pid=$!
# shellcheck disable=SC2016
at_end 'kill $pid 2>/dev/null; wait $pid 2>/dev/null'
wait_for started 1
wait_for test -S "$T/s/control.sock"

privileges() { agent --json status | jq -cS .privileges; }
before=$(privileges)

ok 'a check of good settings'	agent --check-config
ok 'nothing has changed'	says '^restarts	false$' agent reload
ok 'so it has not restarted'	started 1

conf '{"server":"http://127.0.0.1:1","heartbeat":"soon"}'
ok 'a check of bad ones'	exits 100 agent --check-config
# The command line's own agent would not start with them either.
word() { muster-agent --state-dir "$T/s" "$@"; }
ok 'bad ones are refused'	exits 1 word reload
ok 'with the file and the member' says "$conf: heartbeat" word reload
conf '{"server":"ftp://127.0.0.1:1"}'
ok 'so is what is only bad as a whole' says 'server: must begin' word reload
echo '{' >"$conf"
ok 'and what is no JSON'	says "$conf" word reload
ok 'the log says so'		grep -q 'not taken up' "$T/log"
ok 'the agent is the old one'	is "$(word status | sed -n \
    's/^name	//p')" before
ok 'and was never gone'		started 1

conf '{"server":"http://127.0.0.1:1","name":"after"}'
ok 'another one is taken up'	says '^restarts	true$' agent reload
ok 'it starts anew'		wait_for started 2
ok 'in the same process'	wait_for says "^pid	$pid$" agent status
ok "with the other name"		is_name after
ok 'which may do no less'	is "$(privileges)" "$before"
ok 'and holds the lock'		says "^pid	$pid$" muster-lock --status \
    "$T/s/agent.lock"

conf '{"server":"http://127.0.0.1:1","name":"hung-up"}'
kill -HUP $pid
ok 'SIGHUP does the same'	wait_for started 3
ok 'by the file'		wait_for is_name hung-up
kill -HUP $pid
sleep 0.3
ok 'without a change only the log is reopened' started 3

jq '.modules.telemetry.enabled = false' "$T/s/config.json" >"$T/new"
mv "$T/new" "$T/s/config.json"
ok 'so is what it keeps itself'	says '^restarts	true$' agent reload
ok 'and counts then'		wait_for says 'disabled' agent modules
echo '[]' >"$T/s/config.json"
ok 'or is refused, named'	says 'config.json: must be a JSON object' \
    agent reload

kill $pid
rc=0
wait $pid || rc=$?
ok 'it stops in order'		is $rc 0
done_testing

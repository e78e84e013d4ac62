#!/bin/sh
# What goes wrong is kept for the server, once and counted, within bounds; the
# log is rotated by the agent, and opened anew on SIGHUP.
. "${0%/*}/lib.sh"

start() {
	muster-agent --server http://127.0.0.1:1 --web-listen none \
	    --state-dir "$T/s" --log-file "$T/log" "$@" &
	pid=$!
	wait_for muster-agent --state-dir "$T/s" status
}
stop() { kill $pid; wait $pid; }
# shellcheck disable=SC2016
at_end 'kill -9 $pid 2>/dev/null'
kept=$T/s/error_reports.jsonl
# What goes to the server is in the spool until it has been there.
spooled() { cat "$T"/s/spool/* | grep -aqF "$1"; }

start
ok 'nothing yet' exits 1 spooled '"type":"error"'
kill -9 $pid
wait $pid 2>/dev/null
start
ok 'an agent that was killed is reported' spooled 'did not stop in order'
ok 'and nothing else is kept' test ! -s "$kept"
stop

echo '{"config_version":' >"$T/s/config.json"
start
ok 'a damaged configuration is reported' spooled '"module":"config"'
ok 'it works on' muster-agent --state-dir "$T/s" status
ok 'flush tells what is left' is \
    "$(muster-agent --state-dir "$T/s" --json flush)" '{"errorsKept":0}'

mv "$T/log" "$T/log.moved"
kill -HUP $pid
ok 'SIGHUP: a new log' wait_for test -s "$T/log"
stop
rm "$T/s/config.json"

echo 'no line {' >"$kept"
start
ok 'nonsense is passed over' muster-agent --state-dir "$T/s" status
stop

start --log-max-size 4000 --log-keep 2 --log-level debug
i=0
while [ $i -lt 120 ]; do
	muster-agent --state-dir "$T/s" command fly >/dev/null 2>&1
	kill -HUP $pid
	i=$((i + 1))
done
ok 'the log was rotated' test -s "$T/log.1" -a -s "$T/log.2"
ok 'and no more are kept' test ! -e "$T/log.3"
size() { stat -c %s "$1"; }
ok 'each within its size' test "$(size "$T/log")" -le 4000 -a \
    "$(size "$T/log.1")" -le 4000 -a "$(size "$T/log.2")" -le 4000
ok 'private' is "$(stat -c %a "$T/log.1")" 600
stop
done_testing

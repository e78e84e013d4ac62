#!/bin/sh
# diag: one object with what helps, and no secret, whether the agent runs,
# hangs or is gone.
. "${0%/*}/lib.sh"

cat >"$T/conf" <<END
{"wsApiUrl":"ws://127.0.0.1:1/agent","wsSecret":"very-secret-word",
 "proxy":"http://127.0.0.1:1","webListen":"none","log_file":"$T/log"}
END
agent() { muster-agent --config "$T/conf" --state-dir "$T/s" "$@"; }
mkdir "$T/s"
echo '{"config_version":1,"modules":{"x":{"api_token":"tokenword1"}},
    "feed":"https://user:passw0rd@host/feed"}' >"$T/s/config.json"
muster-agent --config "$T/conf" --state-dir "$T/s" & pid=$!
# shellcheck disable=SC2016
at_end 'kill -9 $pid 2>/dev/null'
wait_for agent status
{
	echo 'secret very-secret-word in the log, and tokenword1'
	cat "$T/s/control.sock.secret"
	echo ' by http://user:passw0rd@host/'
} >>"$T/log"
secret=$(cat "$T/s/control.sock.secret")

# whole FILE: is an object that has what it should, and hides what it must.
whole() {
	jq -e '.settings["ws-secret"].value and .files[0].name and .lock and
	    .host.os and .log' "$1" || return 1
	! grep -F -e very-secret-word -e tokenword1 -e passw0rd \
	    -e "$secret" "$1"
}
ok 'it is written' agent diag "$T/d"
ok 'private' is "$(stat -c %a "$T/d")" 600
ok 'whole, without secrets' whole "$T/d"
ok 'with what the agent says' is "$(jq -r .agent.state "$T/d")" IDLE
ok 'an existing file is not overwritten' exits 111 agent diag "$T/d"
ok 'to stdout' says '"time"' agent diag

kill -STOP $pid
ok 'of an agent that hangs' agent diag "$T/d2"
ok 'the same' whole "$T/d2"
ok 'which is said' is "$(jq -r .agent "$T/d2")" 'connection timed out'
kill -CONT $pid
kill -9 $pid
wait $pid 2>/dev/null
ok 'of one that is gone' agent diag "$T/d3"
ok 'the same' whole "$T/d3"
ok 'the lock tells' is "$(jq -c '[.lock.held, .lock.pid]' "$T/d3")" \
    "[false,$pid]"
done_testing

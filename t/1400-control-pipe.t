#!/bin/sh
# The control pipe: who shows the secret is heard, in the words of
# muster-control(7), and nobody else.
. "${0%/*}/lib.sh"

agent() { muster-agent --state-dir "$T/s" "$@"; }
muster-agent --server http://127.0.0.1:1 --web-listen none \
    --state-dir "$T/s" 2>"$T/log" & pid=$!
# shellcheck disable=SC2016
at_end 'kill $pid 2>/dev/null; wait $pid 2>/dev/null'
sock=$T/s/control.sock
ok 'the pipe opens' wait_for test -S "$sock"
ok 'for the owner alone' is "$(stat -c %a "$sock" "$sock.secret" |
    tr '\n' ' ')" '600 600 '

# say TEXT: sends it as it is, prints the answer.
say() { printf '%s\n' "$1" | perl "$TOP/t/unix.pl" "$sock"; }
secret=$(cat "$sock.secret")
# word COMMAND: the status of its answer.
word() { say "{\"secret\":\"$secret\",\"command\":\"$1\"}" |
    jq -r .status; }

ok 'a script can speak it' is "$(word status)" 'done'
ok 'without the secret' is "$(say '{"command":"stop"}' | jq -r .status)" \
    invalid_secret
ok 'with a wrong one' is "$(say '{"secret":"x","command":"stop"}' |
    jq -r .status)" invalid_secret
ok 'an unknown command' is "$(word fly)" failed
ok 'what is no command' is "$(say "{\"secret\":\"$secret\"}" |
    jq -r .error)" 'command is missing'
ok 'an unknown member' is "$(say \
    "{\"secret\":\"$secret\",\"command\":\"status\",\"x\":1}" |
    jq -r .status)" refused
ok 'what is no JSON' is "$(say 'stop!' | jq -r .success)" false
ok 'two on one connection' is "$(say \
    "{\"secret\":\"$secret\",\"command\":\"get_version\"}
{\"secret\":\"$secret\",\"command\":\"status\"}" | jq -rs \
    'map(.status) | join(" ")')" 'done done'
chmod 711 "$T" "$T/s"
ok 'another user does not get in' exits 1 su -s /bin/sh nobody -c \
    "echo '{}' | perl '$TOP/t/unix.pl' '$sock' | grep ."
chmod 700 "$T" "$T/s"
ok 'it still runs' kill -0 $pid

ok 'status' says '^state	IDLE$' agent status
ok 'with the link' says '^link.connected	false$' agent status
ok 'as JSON' is "$(agent --json status | jq -r '.pid')" $pid
ok 'any command' is "$(agent command get_version)" \
    "$(muster-agent --version | sed -n '1s/.* //p')"
ok 'with what it answers in error' exits 1 agent command fly
ok 'bad args' exits 100 agent command status '[1]'
ok 'no such word' exits 100 agent fly
ok 'the log has no secret' exits 1 grep -q "$secret" "$T/log"
ok 'but who was refused' grep -q 'invalid secret' "$T/log"

ok 'the secret is changed' agent rotate-secret
ok 'the old one is no good' is "$(word status)" invalid_secret
ok 'the new one is' agent status
ok 'stop' agent stop
rc=0
wait $pid || rc=$?
ok 'ends it with 0' is $rc 0
ok 'as the table has it' grep -q \
    'State transition: IDLE -> SHUTTING_DOWN' "$T/log"
ok 'the last transition' grep -q \
    'State transition: SHUTTING_DOWN -> STOPPED' "$T/log"
ok 'the pipe has gone, with its secret' is \
    "$(find "$T/s" -name 'control*')" ''
ok 'nobody to ask is 1' exits 1 agent status
ok 'and said so' says 'no agent runs here' agent status
done_testing

#!/bin/sh
# The agent without a server: its settings, its files, its lock, its words.
. "${0%/*}/lib.sh"

agent() { timeout 20 muster-agent "$@" </dev/null; }
usage='^usage: muster-agent'
far="--server http://192.0.2.1:9 --state-dir $T/s"

ok 'the self-test passes' exits 0 agent --self-test
ok 'with a line for each check' is "$(agent --self-test | grep -c ': ok$')" 9
ok 'no server: 100' exits 100 agent --state-dir "$T/s"
ok 'with the usage line' says "$usage" agent --state-dir "$T/s"
ok 'an unknown flag' exits 100 agent --no-such-flag
ok 'an operand' exits 100 agent operand
ok 'a server that is no URL' exits 100 agent --server nowhere
# shellcheck disable=SC2086
ok 'clear text to another host' exits 100 agent $far
# shellcheck disable=SC2086
ok 'and why' says 'not encrypted by TLS' agent $far
ok 'a key that is none' exits 100 agent --server http://127.0.0.1:9 \
    --backend-key abc
ok 'a word that is none' exits 100 agent --server http://127.0.0.1:9 \
    --encryption perhaps
ok 'a time that is too short' exits 100 agent --server http://127.0.0.1:9 \
    --heartbeat 1ms
ok 'the registration key is no flag' exits 100 agent --registration-key x
MUSTER_AGENT_REGISTRATION_KEY=canary
export MUSTER_AGENT_REGISTRATION_KEY
ok 'and is not shown' is "$(agent --show-config | grep -c canary)" 0
ok 'but that it is set' says 'registration-key.*environment' \
    agent --show-config
unset MUSTER_AGENT_REGISTRATION_KEY
ok 'nothing was made so far' test ! -e "$T/s"

# start NAME: one that finds no server, on a port that nobody serves.
start() {
	muster-agent --server http://127.0.0.1:9 --state-dir "$T/$1" \
	    --name "we b/0?1" --log-file "$T/$1.log" 2>"$T/$1.err" &
	pid=$!
	wait_for grep -q 'connection failed' "$T/$1.log"
}
start a
# shellcheck disable=SC2016
at_end 'kill $pid 2>/dev/null'
ok 'the state is private' is "$(stat -c %a "$T/a")" 700
ok 'the identity too' is "$(stat -c %a "$T/a/identity.json")" 600
ok 'the host id is the name and eight digits of the key' \
    grep -Eq '"host_id":"web01-[0-9a-f]{8}"' "$T/a/identity.json"
ok 'a second agent: 1' exits 1 agent --server http://127.0.0.1:9 \
    --state-dir "$T/a"
ok 'with the process of the first' says "process $pid\$" \
    agent --server http://127.0.0.1:9 --state-dir "$T/a"
mv "$T/a.log" "$T/a.log.1"
kill -HUP $pid
ok 'SIGHUP reopens the log' wait_for test -s "$T/a.log"
kill $pid
ok 'stopped while it waits: 0' exits 0 wait $pid
before=$(cat "$T/a/identity.json")
start a
kill $pid
wait $pid
ok 'the identity stays' is "$(cat "$T/a/identity.json")" "$before"

damaged() {
	printf %s "$2" >"$T/a/$1"
	exits 111 agent --server http://127.0.0.1:9 --state-dir "$T/a" &&
	    is "$(cat "$T/a/$1")" "$2"
}
seedless=$(printf %s "$before" | sed 's/"seed":"[^"]*"/"seed":"AAAA"/')
other=$(printf %s "$before" | sed 's/"seed":"[^"]*"/"seed":"AAAAAAAAAAAAAAAA'\
'AAAAAAAAAAAAAAAAAAAAAAAAAAA="/')
ok 'an empty identity is an error, and left' damaged identity.json ''
ok 'one without a key' damaged identity.json "$seedless"
ok 'one whose keys do not fit' damaged identity.json "$other"
ok 'words that say what to do' says 'identity.json: is damaged .*remove it' \
    agent --server http://127.0.0.1:9 --state-dir "$T/a"
printf %s "$before" >"$T/a/identity.json"
ok 'a damaged registration' damaged registration.json '{"version":1}'

# A configuration in the binary.
echo '{"server":"http://127.0.0.1:9","name":"stamped","heartbeat":"7s",
    "registration_key":"canary"}' >"$T/config.json"
ok 'a configuration is stamped in' muster-stamp -c "$T/config.json" \
    "$BIN/muster-agent" "$T/stamped"
chmod +x "$T/stamped"
ok 'and shown as such' says '^heartbeat	7s	stamped$' \
    "$T/stamped" --show-config
ok 'its secret is not' is "$("$T/stamped" --show-config | grep -c canary)" 0
ok 'a flag goes before it' says '^heartbeat	9s	flag$' \
    "$T/stamped" --heartbeat 9s --show-config
ok 'its self-test passes' exits 0 "$T/stamped" --self-test
at=$(grep -abo '"heartbeat":"7s"' "$T/stamped" | head -n 1 | cut -d : -f 1)
printf 8 | dd of="$T/stamped" bs=1 seek=$((at + 13)) conv=notrunc 2>/dev/null
ok 'a changed one ends it' exits 100 "$T/stamped" --state-dir "$T/x"
ok 'with the check that failed' says 'stamp sha256' \
    "$T/stamped" --state-dir "$T/x"
ok 'the self-test says it too' says '^stamp: FAILED: stamp sha256$' \
    "$T/stamped" --self-test
ok 'with 1' exits 1 "$T/stamped" --self-test
done_testing

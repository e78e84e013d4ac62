#!/bin/sh
# What our agent signs of its own on a link at /agent, Go's encoding/json signs
# alike: auth, metrics, heartbeats, its events, the results of its commands.
# Free text with < > & is the exception (muster-link(7)), and is shown to be.
# shellcheck disable=SC2154
. "${0%/*}/../lib.sh"
. "$TOP/t/server004.sh"
command -v go >/dev/null || skip_all 'no go (apt-get install golang-go)'
GOCACHE=$T/gocache GOFLAGS=-mod=mod GO111MODULE=off
export GOCACHE GOFLAGS GO111MODULE
cp "$TOP/t/verify004.go" "$T"
go build -o "$T/verify" "$T/verify004.go" >"$T/go" 2>&1 ||
    { cat "$T/go"; exit 1; }
server004_make
sed -i "s/socket.on('message', (data) => {/&\n    console.log(\`RAW \${data}\`);/" \
    "$T/server.mjs"
server004_start
secret=your-aws-secret-key-here
cat >"$T/agent.config.json" <<END
{ "instanceId": "agent-001", "siteId": "production", "labels": ["site=a"],
  "webListen": "127.0.0.1:0", "wsApiUrl": "ws://127.0.0.1:$port/agent",
  "wsSecret": "$secret" }
END
muster-agent --config "$T/agent.config.json" --state-dir "$T/state" \
    --metrics-interval 200ms --heartbeat 300ms >"$T/agent.log" 2>&1 &
# shellcheck disable=SC2034
agent=$!
results=0
ask() {
	results=$((results + 1))
	tell "$*"
	wait_for heard '^RAW .*"type":"command_result"' $results
}
wait_for heard '^RAW .*"type":"metrics"' 20
wait_for heard '^RAW .*"type":"heartbeat"' 5
for command in ping get_version get_machine_id run_health_check get_status \
    status commands flush unknown 'modules {"action":"list"}' \
    'modules {"action":"stop","module":"telemetry"}' \
    'modules {"action":"start","module":"telemetry"}'; do
	ok "$command is answered" ask "$command"
done
sed -n 's/^RAW //p' "$T/out" >"$T/all"
ok "Go agrees with all $(wc -l <"$T/all")" "$T/verify" $secret <"$T/all"
sed 's/^/# /' "$T/.out"
ok 'of each type that it makes' test "$(grep -Ec \
    '^(auth|heartbeat|metrics|command_result) [1-9]' "$T/.out")" -eq 4
ok 'a changed byte it does not' exits 1 sh -c \
    "head -n 1 '$T/all' | sed 's/production/productioN/' |
    '$T/verify' $secret"

# What a program of the host has the agent say.
says() {
	curl -s --unix-socket "$T/state/local.sock" -d "$1" \
	    http://x/internal/log >"$T/answer"
	wait_for heard "^RAW .*\"type\":\"log\".*$2"
	grep "^RAW .*\"type\":\"log\".*$2" "$T/out" | sed 's/^RAW //' >"$T/one"
}
if command -v curl >/dev/null; then
	says '{"message":"plain","data":{"b":[25.0,45.2,1e21,5e-324],"a":-1}}' \
	    plain
	ok 'numbers of any kind' "$T/verify" $secret <"$T/one"
	says '{"message":"<b> & c","source":"html"}' html
	ok 'a text is there' grep -q '<b>' "$T/one"
	ok 'Go escapes < > & and so differs there, as documented' \
	    exits 1 "$T/verify" $secret <"$T/one"
fi
done_testing

#!/bin/sh
# An agent of document 004 updates itself with a credential that is made of
# its secret, and by way of the proxy that its link has, too.
# shellcheck disable=SC2034,SC2154
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/tuf-lib.sh"
. "${0%/*}/updater-cuts.sh"
. "${0%/*}/rollout-lib.sh"
command -v python3 >/dev/null || skip_all 'no python3'

python3 "$TOP/t/proxy.py" >"$T/asked" 2>&1 & proxy=$!
at_end "kill $proxy 2>/dev/null"
wait_for test -s "$T/asked"
# A name that nobody but the proxy knows, for agents and their files.
server
port=${S##*:}
far=http://agents.invalid:$port
testbed --stop "$T/srv"
serve --rate-limit-address 0 --server-url "$far"
A=$MUSTER_API_KEY
ok 'the server is where it was'	is "$S" "http://127.0.0.1:$port"

id='box: 4 ä'
id=$(printf '%b' 'box: 4 \303\244')
ok 'the agent has a secret'	is "$(api "$A" POST /api/agents/secrets \
    -H 'Content-Type: application/json' -d "{\"agentId\":\"$id\"}")" 201
secret=$(get .secret)
unset MUSTER_AGENT_SERVER
MUSTER_UPDATER_SETTLE=300ms
export MUSTER_UPDATER_SETTLE
start_agent '"plaintext": true, "instanceId": "'"$id"'",
    "wsSecret": "'"$secret"'", "wsApiUrl": "ws://agents.invalid:'"$port"'/agent",
    "proxy": "http://127.0.0.1:'"$(sed -n 1p "$T/asked")"'"'
ok 'it connects'		wait_for connected "$OLD"
ok 'its platform is known'	says '"os": *"linux"' muster agents --json
links=$(grep -c CONNECT "$T/asked")

uid=$(muster agents | cut -f 1)
# ask PASSWORD: for an update, as the agent.
ask() {
	curl -s -o "$T/body" -w '%{http_code}' -u "$id:$1" \
	    "$S/api/agents/update?agent_id=$uid&version=$OLD"
}
ok 'its secret itself is no password' is "$(ask "$secret")" 401
token=$(printf 'muster http %s' "$id" | openssl dgst -sha256 -r \
    -hmac "$secret" | cut -d ' ' -f 1)
ok 'what is made of it is'	is "$(ask "$token")" 200

ok 'released'			put "$T/versions/good" "$NEW"
id2=$id
id=$(muster rollout start "$NEW")
ok 'rolled out, it runs'	wait_for runs "$NEW"
ok 'the server shows it'	wait_for connected "$NEW"
ok 'it is proved'		wait_for proved
ok 'the rollout has counted it' wait_for rollout_is '.rollout.counts |
    .updated == 1 and .failed == 0'
ok 'by way of the proxy alone'	test "$(grep -c CONNECT "$T/asked")" -gt \
    $((links + 4))

id=$id2
api "$A" POST /api/agents/secrets -H 'Content-Type: application/json' \
    -d "{\"agentId\":\"$id\"}" >"$T/code"
ok 'with another secret the old token is nothing' is "$(ask "$token")" 401
done_testing

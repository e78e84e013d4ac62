#!/bin/sh
# Our server at /agent: an agent written from document 004 gets in, what is
# forged, old or repeated does not; and our own agent with its commands.
. "${0%/*}/lib.sh"
command -v curl >/dev/null || skip_all 'no curl'
npm_install ws@8
cp "$TOP/t/client004.mjs" "$T"

at_end "testbed --stop $T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
# shellcheck disable=SC1091
. "$T/env"
api() {
	method=$1 path=$2
	shift 2
	curl -sS -X "$method" -H "Authorization: Bearer $MUSTER_API_KEY" \
	    -H 'Content-Type: application/json' "$MUSTER_SERVER$path" "$@"
}
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }
url=ws${MUSTER_SERVER#http}/agent
id='agent-001 ä'
ok 'a secret is made' says '"success": *true' api POST /api/agents/secrets \
    -d "{\"agentId\":\"$id\"}"
secret=$(member secret <"$T/.says")
client() { timeout 20 node "$T/client004.mjs" "$url" "$id" "$secret" "$1"; }
gets() { is "$(client "$1")" "$2"; }

ok 'the secret is not in the store' sh -c "! grep -rq '$secret' '$T/srv'"
ok 'a good agent stays' gets good stays
ok 'its metrics are kept' says '"diskUsage": *1e\+21' api GET /agents
ok 'its host name and version' says '"version": *"4.0.3"' api GET /agents
ok 'its protocol' says '"protocol": *"004"' api GET /agents
ok 'its log line is in ours' grep -q 'says info: canary-line' \
    "$T/srv/buildsrv.log"
ok 'upper-case hex is taken' gets upper stays
for member in type agentId ts nonce payload signature; do
	ok "$member changed" gets flip-$member 'closed 1008 invalid_signature'
	[ $member = type ] || ok "$member of auth changed" \
	    gets first-flip-$member 'closed 1008 invalid_signature'
done
ok 'type of auth changed' gets first-flip-type 'closed 1008 not_authenticated'
ok 'no JSON' gets json 'closed 1003 invalid_json'
ok 'no JSON at first' gets first-json 'closed 1003 invalid_json'
ok 'a signature that is too short' gets short 'closed 1003 invalid_json'
ok 'none' gets none 'closed 1003 invalid_json'
ok "another's id" gets other 'closed 1008 invalid_signature'
ok 'metrics before auth' gets first-metrics 'closed 1008 not_authenticated'
ok 'the same twice' gets replay 'closed 1008 replay'
ok 'auth twice' gets replay-auth 'closed 1008 replay'
ok 'auth again on another connection' gets first-replay \
    'closed 1008 replay'
ok 'does not push out the first' sh -c "! grep -q 'back on another' \
    '$T/srv/buildsrv.log'"
ok 'five minutes late' says '^closed 1008 clock_skew [0-9]{13}$' client late
ok 'or early' says '^closed 1008 clock_skew' client early
ok 'and at first' says '^closed 1008 clock_skew' client first-late
ok 'one agent came of it all' is "$(muster agents | wc -l)" 1

# Our own agent.
cat >"$T/agent.config.json" <<END
{ "instanceId": "$id", "wsApiUrl": "$url", "wsSecret": "$secret",
  "webListen": "127.0.0.1:0" }
END
log=$T/agent.log
muster-agent --config "$T/agent.config.json" --state-dir "$T/state" \
    --metrics-interval 300ms >"$log" 2>&1 &
agent=$!
# shellcheck disable=SC2016
at_end 'kill $agent $other 2>/dev/null'
other=
connected() { muster agents --json | grep -Eq "\"connected\": *$1"; }
ok 'our agent connects' wait_for connected true
ok 'as the one that was there' is "$(muster agents | wc -l)" 1
uid=$(muster agents | cut -f 1)
command() { api POST "/api/agents/$uid/command" -d "{\"command\":\"$1\"}"; }
ok 'ping' says '"result": *"pong"' command ping
ok 'get_version' says '"result": *"[0-9.]+"' command get_version
ok 'run_health_check' says '"disk": *"' command run_health_check
ok 'get_status' says '"agent": *"running"' command get_status
ok 'what it does not know' says '"error": *"command is not known"' command x
ok 'nobody is told by 404' is "$(curl -s -o "$T/none" -w '%{http_code}' \
    -H "Authorization: Bearer $MUSTER_API_KEY" -d '{"command":"ping"}' \
    -H 'Content-Type: application/json' \
    "$MUSTER_SERVER/api/agents/nobody/command")" 404
ok 'commands leave a trace' says '"agent.command"' api GET /api/audit
kill $agent && wait $agent
ok 'it left' wait_for connected false
ok 'then a command is a conflict' says 'not connected' command ping

# Another's answer, whatever is in it.
node "$T/client004.mjs" "$url" "$id" "$secret" serve >"$T/serve" 2>&1 &
# shellcheck disable=SC2034
other=$!
wait_for connected true
args='{"a":[1.5,1e21,-0,"\u001f<"],"9":{"10":2e-7,"9":1}}'
ok "args of any kind are signed so that Node agrees" \
    says '"result": *{"9": *{"9": *1, *"10": *2e-7}' api POST \
    "/api/agents/$uid/command" -d "{\"command\":\"echo\",\"args\":$args}"

# Rotation, and a restart.
ok 'another secret is made' says '"generation": *2' api POST \
    /api/agents/secrets -d "{\"agentId\":\"$id\"}"
ok 'the old one is out at once' wait_for grep -q \
    'closed 1008 secret_changed' "$T/serve"
ok 'and is no good' gets good 'closed 1008 invalid_signature'
ok 'one that the caller has is taken' says '"generation": *3' api POST \
    /api/agents/secrets \
    -d "{\"agentId\":\"$id\",\"secret\":\"of-my-own-0123456789\"}"
secret=of-my-own-0123456789
ok 'and is good' gets good stays
testbed --stop "$T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err"
# shellcheck disable=SC1091
. "$T/env"
url=ws${MUSTER_SERVER#http}/agent
ok 'after a restart too' gets good stays
ok 'as the same agent' is "$(muster agents | cut -f 1)" "$uid"
ok 'deleted' says '"success": *true' api DELETE \
    "/api/agents/secrets/agent-001%20%C3%A4"
ok 'it is no good' gets good 'closed 1008 invalid_signature'
ok 'only administrators make them' is "$(curl -s -o "$T/none" -X POST \
    -w '%{http_code}' "$MUSTER_SERVER/api/agents/secrets")" 401
done_testing

#!/bin/sh
# The local endpoint: document 004's status, credentials that come while the
# agent runs, S3 really asked, and nobody let in who should not be.
. "${0%/*}/lib.sh"
for tool in curl python3; do
	command -v $tool >/dev/null || skip_all "no $tool"
done

key=AKIAIOSFODNN7EXAMPLE
secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
python3 "$TOP/t/fakes3.py" $key $secret logs >"$T/s3.port" 2>"$T/s3.err" &
s3=$!
agent=
# shellcheck disable=SC2016
at_end 'kill $s3 $agent 2>/dev/null'
wait_for test -s "$T/s3.port"
read -r port <"$T/s3.port"

unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION
start() {
	log=$T/$1.log
	shift
	muster-agent --config "$T/agent.config.json" --state-dir "$T/state" \
	    "$@" >"$log" 2>&1 &
	agent=$!
	wait_for grep -q 'listening at http:' "$log" || { cat "$log"; exit 1; }
	url=$(sed -n 's/.*listening at \(http:.*\)/\1/p' "$log")
}
stop() { kill "$agent" && wait "$agent"; }
get() { curl -sS --max-time 15 "$url$1"; }
status_of() { curl -s -o "$T/body" --max-time 15 -w '%{http_code}' "$@"; }
post() {
	path=$1
	shift
	curl -sS -H "Authorization: Bearer $(cat "$T/state/local.secret")" \
	    "$@" "$url$path"
}

# Nothing to connect to yet: the document's minimal file.
cat >"$T/agent.config.json" <<END
{
  "logPaths": ["/var/log/apache2/access.log"],
  "webListen": "127.0.0.1:0",
  "instanceId": "server-01",
  "siteId": "production"
}
END
start one
ok 'it works on without a server' is "$(get /internal/ws-status)" \
'{"started":false,"hasClient":false,"hasContext":false,"apiURL":"","agentID":"server-01","hasSecret":false,"hasConnection":false,"credentialsAvailable":false,"canStart":false,"missing":"apiURL"}'
ok 'and says so' grep -q '\[ws\].* not started, missing: apiURL' "$log"
ok 'health' says '"status":"ok"' get /healthz
ok 'stopped: 0' exits 0 stop

# An address, but no secret: it comes by set-aws-config.
sed 's/}/, "wsApiUrl": "ws:\/\/127.0.0.1:9\/agent", "ec2Auto": true }/' \
    "$T/agent.config.json" >"$T/with" && mv "$T/with" "$T/agent.config.json"
start two
ok 'the secret is missing' says '"missing":"secret"' get /internal/ws-status
ok 'without credentials S3 is not asked' says \
    '"valid":false,"missing":"accessKeyId"' get /internal/s3-validate
body="{\"accessKeyId\":\"$key\",\"secretAccessKey\":\"$secret\",
    \"bucket\":\"logs\",\"endpoint\":\"http://127.0.0.1:$port\"}"
ok 'who has no secret sets nothing' is "$(status_of -d "$body" \
    "$url/internal/set-aws-config")" 403
ok 'nor with another' is "$(status_of -d "$body" -H 'Authorization: Bearer x' \
    "$url/internal/set-aws-config")" 403
ok 'and nothing was stored' test ! -e "$T/state/aws.json"
ok 'what is no JSON is refused' says 'bad JSON' post \
    /internal/set-aws-config -d 'x'
ok 'what is unknown too' says 'is not known' post /internal/set-aws-config \
    -d '{"accessKeyId":"a","secretAccessKey":"b","more":1}'
ok 'a header in a key too' says 'visible ASCII' post \
    /internal/set-aws-config -d '{"accessKeyId":"a\r\nX: y","secretAccessKey":"b"}'
ok 'an endpoint in clear on another host too' says 'endpoint must be https' \
    post /internal/set-aws-config \
    -d '{"accessKeyId":"a","secretAccessKey":"b","endpoint":"http://192.0.2.1"}'
ok 'the local secret opens' says '"success":true,"canStart":true' post \
    /internal/set-aws-config -d "$body"
ok 'the credentials are private' is "$(stat -c %a "$T/state/aws.json")" 600
ok 'the local secret too' is "$(stat -c %a "$T/state/local.secret")" 600
ok 'the link starts at once' wait_for grep -q 'connecting to ws://' "$log"
wait_for grep -q 'connection failed' "$log"
ok 'the status says why it does not stand' says \
    '"hasSecret":true,.*"why":"[^"]*refused' get /internal/ws-status
ok 'and when it is tried again' says '"next_retry_ms":[0-9]+' \
    get /internal/ws-status
ok 'S3 takes the signature' says '"valid":true,"status":200' \
    get /internal/s3-validate
# over the socket no secret is needed: the peer is our user
sock() { curl -sS --unix-socket "$T/state/local.sock" "$@"; }
ok 'the owner needs none on the socket' says '"success":true' sock \
    -d "$(echo "$body" | sed 's/EXAMPLEKEY/examplekey/')" \
    http://x/internal/set-aws-config
ok 'S3 refuses another key' says \
    '"valid":false,"status":403,"code":"SignatureDoesNotMatch"' \
    get /internal/s3-validate
ok 'the link starts anew with it' wait_for sh -c \
    "[ \$(grep -c 'connecting to ws://' '$log') -ge 2 ]"
ok 'another bucket' says success sock http://x/internal/set-aws-config \
    -d "$(echo "$body" | sed 's/"logs"/"none"/')"
ok 'is not there' says '"status":404,"code":"NoSuchBucket"' \
    get /internal/s3-validate
ok 'no bucket, a session token' says success sock \
    http://x/internal/set-aws-config -d "$(echo "$body" |
    sed 's/"bucket":"logs"/"sessionToken":"a+b\/c=="/')"
ok 'is signed, too' says '"valid":true' get /internal/s3-validate
kill $s3
wait $s3 2>/dev/null
ok 'S3 away' says '"valid":false,"message":"[^"]*refused' \
    get /internal/s3-validate

# Who is let in.
ok 'metrics for Prometheus' says '^muster_agent_link_up 0$' get /metrics
sleep 0.3		# shares of time need a span to be of
ok 'with the memory of the agent' says '^muster_agent_resident_bytes [0-9]+$' \
    get /metrics
ok 'another Host is refused' is "$(status_of -H 'Host: evil.example' \
    "$url/internal/ws-status")" 403
ok 'one that only begins like ours' is "$(status_of \
    -H 'Host: 127.0.0.1.evil.example' "$url/internal/ws-status")" 403
ok 'one with no port behind the colon' is "$(status_of \
    -H 'Host: localhost:x' "$url/healthz")" 403
ok 'localhost is ours' is "$(status_of -H 'Host: localhost:9811' \
    "$url/healthz")" 200
ok 'nothing else is there' is "$(status_of "$url/x")" 404
ok 'nor by another method' is "$(status_of -X DELETE "$url/healthz")" 405
ok 'a log line is kept without a link' says '"success": *true' post \
    /internal/log -d '{"message":"kept-line"}'
ok 'on the disk' sh -c "grep -q kept-line '$T'/*/spool/log-*.seg"
ok 'digits that no number keeps are refused' says \
    '18446744073709551617: no number' post /internal/log -d \
    '{"message":"m","data":[18446744073709551617]}'
ok 'no secret is in the log' is "$(grep -c 'wJalr' "$T"/*.log | grep -vc ':0$')" 0
ok 'stopped: 0' exits 0 stop
ok 'another address than the loopback is refused' exits 100 muster-agent \
    --config "$T/agent.config.json" --web-listen 0.0.0.0:9811
done_testing

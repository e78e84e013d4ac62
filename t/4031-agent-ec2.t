#!/bin/sh
# The link's address by the EC2 metadata service, its secret by AWS's key,
# where the configuration allows it and not otherwise.
. "${0%/*}/lib.sh"
command -v python3 >/dev/null || skip_all 'no python3'

unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION
unset MUSTER_AGENT_WS_SECRET http_proxy https_proxy all_proxy
cat >"$T/agent.config.json" <<'END'
{
  "logPaths": ["/var/log/apache2/access.log"],
  "webListen": "127.0.0.1:0",
  "instanceId": "server-01",
  "siteId": "production"
}
END
service=
agent=
# shellcheck disable=SC2016
at_end 'kill $service $agent 2>/dev/null'
# begin MODE OPTION...
n=0
begin() {
	n=$((n + 1))
	log=$T/$n.log
	out=$T/$n.out
	python3 "$TOP/t/fakeec2.py" "$1" >"$out" 2>&1 &
	service=$!
	wait_for test -s "$out"
	base=http://127.0.0.1:$(sed -n 1p "$out")
	shift
	muster-agent --config "$T/agent.config.json" --state-dir "$T/state" \
	    --ec2-metadata-url "$base" "$@" >"$log" 2>&1 &
	agent=$!
	wait_for grep -q 'listening at http:' "$log"
}
end() {
	kill "$agent" && wait "$agent"
	rc=$?
	kill "$service"
	wait "$service" 2>/dev/null
	return $rc
}
logged() { grep -q "$1" "$log"; }

begin v2
wait_for logged 'missing: apiURL'
ok 'unless it is allowed nobody is asked' is "$(wc -l <"$out")" 1
ok 'stopped: 0' exits 0 end

begin v2 --ec2-auto
ok 'the address is found' wait_for logged 'wss://127.0.0.1/agent: by the EC2'
ok 'by a token of a minute' grep -q '^PUT /latest/api/token 60$' "$out"
ok 'and with it' grep -q '^GET /latest/meta-data/public-ipv4 token==$' "$out"
ok 'but there is no secret' sh -c "! grep -q 'connecting to' '$log'"
end
begin v2 --ec2-auto
wait_for logged 'wss://127.0.0.1/agent: by the EC2'
echo '{"accessKeyId":"AKIA","secretAccessKey":"canary"}' >"$T/aws.json"
mv "$T/aws.json" "$T/state"
# looking again every ten seconds would take longer
WAIT=7 ok 'one that is put there later is noticed at once' wait_for logged \
    'connecting to wss://127.0.0.1/agent'
end
rm "$T/state/aws.json"
AWS_SECRET_ACCESS_KEY=canary
export AWS_SECRET_ACCESS_KEY
begin v2 --ec2-auto
ok 'with the secret of the environment it connects' wait_for logged \
    'connecting to wss://127.0.0.1/agent'
end
begin v1 --ec2-auto
ok 'where there is no token it goes without' wait_for logged \
    'connecting to wss://127.0.0.1/agent'
ok 'as version 1 has it' grep -q '^GET .* None$' "$out"
end
begin late --ec2-auto
ok 'an address that comes later is found' wait_for logged \
    'connecting to wss://127.0.0.1/agent'
end
begin v2 --ec2-auto --ws-api-url ws://127.0.0.1:9/agent
ok 'one that is configured goes before it' wait_for logged \
    'connecting to ws://127.0.0.1:9/agent'
ok 'and nobody is asked' is "$(wc -l <"$out")" 1
ok 'stopped: 0' exits 0 end
ok 'the key is not told' is "$(cat "$T"/*.log | grep -c canary)" 0
done_testing

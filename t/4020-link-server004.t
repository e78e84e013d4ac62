#!/bin/sh
# Our agent and document 004's server, which stands as in the document: it is
# accepted, whatever it says, and obeys what is signed, fresh and its own.
# shellcheck disable=SC2154 # set by lib.sh and server004.sh
. "${0%/*}/lib.sh"
. "${0%/*}/server004.sh"
server004_make
server004_start

logged() { [ "$(grep -Ec "$1" "$log")" -ge "${2:-1}" ]; }
# start NAME STATE OPTION...: an agent with the configuration file of the document.
start() {
	log=$T/$1.log state=$T/state$2
	shift 2
	muster-agent --config "$T/agent.config.json" --state-dir "$state" \
	    "$@" >"$log" 2>&1 &
	agent=$!
}
stop() { kill "$agent" && wait "$agent"; }

cat >"$T/agent.config.json" <<END
{
  "logPaths": ["/var/log/apache2/access.log"],
  "webListen": "127.0.0.1:0",
  "instanceId": "agent-001",
  "siteId": "production",
  "wsApiUrl": "ws://127.0.0.1:$port/agent",
  "wsSecret": "your-aws-secret-key-here"
}
END

start one '' --metrics-interval 300ms --heartbeat 400ms
ok 'it authenticates' wait_for heard 'Agent authenticated: agent-001'
[ "$failed" = 0 ] ||
    { cat "$log"; exit 1; }
ok 'with host name, version and site' wait_for heard "siteId: 'production'"
ok 'metrics come' wait_for heard 'Metrics from agent-001' 3
ok 'with the three numbers' wait_for heard 'diskUsage: [0-9.]+,?' 2
ok 'and heartbeats' wait_for heard 'Heartbeat from agent-001' 2
for line in 'connecting to ws://' '✓ connected successfully' \
    'sending auth message' '✓ auth message sent successfully' \
    'metrics sent: cpu=' 'heartbeat sent'; do
	ok "the log has: [ws] $line" grep -q "\[ws\].* $line" "$log"
done

# result COMMAND PATTERN: what the server hears of it.
result() {
	before=$(grep -c 'Command result' "$T/out")
	tell "$1"
	wait_for heard 'Command result' $((before + 1)) || return 1
	sleep 0.1		# console.log breaks an object into lines
	grep -A 12 'Command result' "$T/out" | tail -n 12 | tr -d '\n' |
	    tee "$T/result" | grep -Eq "command: '$1'.*$2"
}
ok 'ping: pong' result ping "error: '', result: 'pong'"
ok 'get_version' result get_version \
    "result: '$(muster-agent --version | sed -n '1s/.* //p')'"
[ ! -s /etc/machine-id ] || ok 'get_machine_id' result get_machine_id \
    "result: '$(cat /etc/machine-id)'"
ok 'run_health_check' result run_health_check \
    "result: .*checks: .*disk: .*status: '(un)?healthy'"
ok 'get_status' result get_status "result: .*agent: 'running'"
ok 'one that is not known' result rm_rf \
    "error: 'command is not known', result: null"
ok 'the log has: [ws] executing command' logged '\[ws\].* executing command: ping'
ok 'and the result' logged '\[ws\].* command result: ping'
ok 'and: received message' logged '\[ws\].* received message: type=command'
tell 'ping {"n":1e21,"s":"\u001f\u2028<>&/\"","o":{"b":[1.50,-0,2e-7],"10":1,"9":[[[{}]]]}}'
ok 'a command with odd args verifies' wait_for logged 'command result: ping' 2

# What a program on the host has the agent say: Node reads what we signed.
says_all() {
	url=$(sed -n 's/.*listening at \(http:.*\)/\1/p' "$log")
	code=$(curl -s -o "$T/answer" -w '%{http_code}' -d "$1" \
	    -H "Authorization: Bearer $(cat "$T/state/local.secret")" \
	    "$url/internal/log")
	[ "$code" = 202 ] || { cat "$T/answer"; return 1; }
}
if command -v curl >/dev/null; then
	ok 'a log line is sent' says_all '{"message":"<b>&\u2028\u001f\u007fä",
	    "source":"test","level":"warn","data":[25.0,45.2,1e21,1e-7,5e-324,-0.0,
	    9007199254740993,1E5,2.2250738585072014e-308,{"b":1,"10":2,"9":3},
	    [[[[{"":[]}]]]],"\ud83d\ude00/\\\"",null,true]}'
	ok 'and taken' wait_for heard 'Log from agent-001'
	n=$(wc -l <"$TOP/t/esjson.vectors")
	cut -f 1 "$TOP/t/esjson.vectors" >"$T/vectors"
	bad=0
	while read -r line; do
		says_all "{\"message\":\"v\",\"data\":$line}" ||
			bad=$((bad + 1))
	done <"$T/vectors"
	ok "each of $n vectors is sent" test "$bad" -eq 0
	ok 'and none of them was refused' is \
	    "$(grep -c 'Invalid signature' "$T/out")" 0
	ok 'all came' wait_for heard 'Log from agent-001' $((n + 1))
fi

# What must not be obeyed.
results=$(grep -c 'Command result' "$T/out")
refusals=0
refused() {
	refusals=$((refusals + 1))
	tell "$1"
	wait_for logged 'refused' "$refusals" && tail -n 20 "$log" |
	    grep -q "refused: $2"
}
ok 'a wrong signature' refused '!flip' 'its signature is wrong'
ok 'five minutes too late' refused '!late' 'its ts is out of time'
ok 'five minutes too early' refused '!early' 'its ts is out of time'
ok "another agent's" refused '!other' 'it is for another agent'
ok 'what is not JSON' refused '!text' ''
ok 'the second of two that are the same' refused '!replay' \
    'it was sent before'
wait_for heard 'Command result' $((results + 1))
ok 'the first of them alone was obeyed' is \
    "$(grep -c 'Command result' "$T/out")" $((results + 1))
ok 'the server took everything' is \
    "$(grep -Ec 'Invalid|Error|Unknown' "$T/out")" 0
tell '!away'
ok 'sent away it comes back when it was told to' wait_for logged \
    'retry_after 0.7 .*; next try in 0.7 s'
ok 'and does' wait_for logged 'auth message sent successfully' 2
wait_for heard 'Agent authenticated' 2
tell '!skew'
ok 'told of its clock it measures that' wait_for logged \
    "clock is 3[56][0-9][0-9]\.[0-9] s ahead of the server's"
wait_for heard 'Agent authenticated' 3
before=$(grep -c 'out of time' "$log")
tell ping
ok "and lives in the server's time" wait_for logged 'out of time' \
    $((before + 1))
ok 'SIGTERM: 0' exits 0 stop
ok 'the server saw it leave' wait_for heard 'Agent disconnected: agent-001'

# The wrong secret.
MUSTER_AGENT_WS_SECRET=canary-not-it
export MUSTER_AGENT_WS_SECRET
start two ''
ok 'a wrong secret is refused' wait_for heard 'Invalid signature from agent-001'
ok 'with the words of the server' wait_for logged \
    'connection lost: invalid_signature \(1008\); next try in'
stop
ok 'the secret is in no log' is "$(cat "$T"/*.log | grep -c canary)" 0
ok 'nor shown' is "$(muster-agent --config "$T/agent.config.json" \
    --show-config | grep -Ec 'canary|your-aws')" 0
unset MUSTER_AGENT_WS_SECRET

# What an init system says; this one is in our PATH alone.
mkdir "$T/bin"
cat >"$T/bin/systemctl" <<'END'
#!/bin/sh
[ "$*" = 'is-active box.service' ] && echo active
END
chmod +x "$T/bin/systemctl"
PATH=$T/bin:$PATH start three 3 --service box.service # nothing is kept there
wait_for logged 'auth message sent'
ok 'get_status asks systemd' result get_status "error: '',.*state: 'active'"

# The document's times are the agent's own; and memory, but under sanitizers.
ok 'metrics every 5 s and heartbeats every 30 s, as documented' is \
    "$(muster-agent --config "$T/agent.config.json" --show-config |
    awk '$1 == "metrics-interval" || $1 == "heartbeat" { print $1, $2 }' |
    tr '\n' ' ')" 'heartbeat 30s metrics-interval 5s '
case $BIN in
*/san/*) ;;
*)	ok 'the third metrics come' wait_for logged 'metrics sent' 3
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$agent/status")
	ok "below 6 MB of memory ($rss KB)" test "$rss" -lt 6000 ;;
esac
stop
done_testing

#!/bin/sh
# What agents may cost: their figures in /metrics are for so many of them,
# their reports go when they are old, and one that does not read what it is
# told loses its connection.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/gateway-lib.sh"
command -v curl >/dev/null || skip_all 'no curl'

gateway_start --metrics-agents 1 --keep-reports 0 --cleanup-interval 0
figures() { api "$A" GET /metrics >"$T/code" && grep "^muster_agent" "$T/body"; }

link 'o"ne'
uid=$(uid_of 'o"ne')
tell 'o"ne' '["telemetry",{"cpuPercent":12.5,"memPercent":40,"diskUsage":1e-7}]'
has_figures() { figures | grep -q percent; }
wait_for has_figures
ok "an agent's newest figures, with its host" is "$(figures |
    grep cpu_percent)" \
    "muster_agent_cpu_percent{agent=\"$uid\",host=\"o\\\"ne\"} 12.5"
ok 'all three' is "$(figures | grep -c '_percent{')" 3
link two
tell two '["telemetry",{"cpuPercent":1}]'
omitted() { figures | grep -qx 'muster_agents_omitted 1'; }
ok 'of the second it only says that it is there' wait_for omitted
ok 'and no more' is "$(figures | grep -c 'cpu_percent{')" 1

# Reports: old is what came before now.
tell two '["agent.events",{"from":1,"events":[{"type":"a","t":1},
    {"type":"b","t":2}]}]'
wait_for said two '"ack":2'
two=$(uid_of two)
clean() {
	curl -s --unix-socket "$MUSTER_SOCKET" -X POST \
	    "http://x/api/cleanup$1" >"$T/body"
}
ok 'a dry run counts the old reports' is "$(clean '?dryRun=1'
    jq -c '[.reports, .items]' "$T/body")" "[2,[[\"reports\",\"$two\"]]]"
ok 'and leaves them' is "$(muster reports two | wc -l)" 2
ok 'they go' is "$(clean ''; jq .reports "$T/body")" 2
ok 'then none are there' is "$(muster reports two | wc -l)" 0
tell two '["agent.events",{"from":3,"events":[{"type":"c","t":3}]}]'
wait_for said two '"ack":3'
ok 'the numbers go on' is "$(muster reports two | cut -f 1)" 3

# One that is stopped reads nothing; the kernel's buffers take some MB, and 64
# commands may be under way at once, until their time is over.
node=$(pgrep -f "agent002.mjs .* $T/two.pem two" | head -n 1)
kill -STOP "$node"
at_end "kill -CONT $node"
printf '{"command":"echo","agents":["two"],"timeout":1,"args":{"x":"%s"}}' \
    "$(head -c 60000 /dev/zero | tr '\0' x)" >"$T/order"
too_slow() { grep -q "agent $two reads too slowly" "$T/srv/buildsrv.log"; }
order() {
	curl -s -H "Authorization: Bearer $A" -d "@$T/order" \
	    -H 'Content-Type: application/json' "$S/api/agents/command"
}
for _ in 1 2 3 4 5 6; do
	orders=''
	for k in $(seq 60); do
		order >"$T/answer.$k" &
		orders="$orders $!"
	done
	# shellcheck disable=SC2086
	wait $orders
	too_slow && break
done
ok 'who does not read is told off' too_slow
ok 'and counts as not connected at once' says '"code":"not_connected"' order
waits=$(sed -n 's/.*too slowly: \([0-9]*\) bytes wait.*/\1/p' \
    "$T/srv/buildsrv.log")
ok "half a MB waited for it at the most ($waits)" test "$waits" -le 524288
ok 'the other one is served' is "$(muster exec "$uid" ping)" pong
kill -CONT "$node"
done_testing

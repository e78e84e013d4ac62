#!/bin/sh
# A peer that is gone without a word (a cable pulled, a NAT that forgot): the
# network drops all packets, and the agent finds out within 45 s, over either
# protocol, and comes back when the packets flow.
# shellcheck disable=SC2154,SC2034,SC2015
MUSTER_T_LIMIT=${MUSTER_T_LIMIT:-400}
export MUSTER_T_LIMIT
. "${0%/*}/../lib.sh"
for tool in ip curl; do
	command -v $tool >/dev/null || skip_all "no $tool"
done
net=lnk$$
ip netns add $net 2>/dev/null || skip_all 'no network namespaces'
at_end "ip netns del $net"
ip link add $net type veth peer name eth0 netns $net &&
    ip addr add 198.18.77.1/30 dev $net && ip link set $net up &&
    ip -n $net addr add 198.18.77.2/30 dev eth0 &&
    ip -n $net link set eth0 up || skip_all 'no veth'

agents=
# shellcheck disable=SC2016
at_end 'kill $agents 2>/dev/null'
at_end "testbed --stop $T/srv"
# It listens at both, and the agents know the other one.
testbed --server-arg --open-registration --server-arg --listen \
    --server-arg 198.18.77.1:0 "$T/srv" >"$T/env" 2>"$T/err" ||
    { cat "$T/err"; exit 1; }
# shellcheck disable=SC1091
. "$T/env"
there=$(sed -n 's/.*listening at \(http:..198[^ ]*\).*/\1/p' \
    "$T/srv/buildsrv.log")
curl -sS -H "Authorization: Bearer $MUSTER_API_KEY" -H \
    'Content-Type: application/json' -d \
    '{"agentId":"four","secret":"0123456789abcdef0123"}' \
    "$MUSTER_SERVER/api/agents/secrets" >"$T/made"
# start NAME OPTION...
start() {
	name=$1
	shift
	ip netns exec $net "$BIN/muster-agent" --plaintext --name "$name" \
	    --state-dir "$T/$name" --web-listen none "$@" >"$T/$name.log" 2>&1 &
	agents="$agents $!"
}
connected() { [ "$(muster agents | awk -F '\t' '$4 == "yes"' | wc -l)" = 2 ]; }
lost() { grep -c 'connection lost' "$T/$1.log"; }
both_lost() { [ "$(lost two)" -ge 1 ] && [ "$(lost four)" -ge 1 ]; }

start two --server "$there"
MUSTER_AGENT_WS_SECRET=0123456789abcdef0123 start four \
    --link-url "ws${there#http}/agent" --instance-id four
ok 'both are connected' wait_for connected
[ "$failed" = 0 ] || { cat "$T"/*.log; exit 1; }
# What goes to a hardware address that nobody has is dropped in silence.
nobody='lladdr 02:00:00:00:00:99 nud permanent'
# shellcheck disable=SC2086
ip neigh replace 198.18.77.2 $nobody dev $net &&
    ip -n $net neigh replace 198.18.77.1 $nobody dev eth0
dropped=$(date +%s)
ok 'the packets are dropped' exits 1 ip netns exec $net ping -c 1 -W 1 \
    198.18.77.1
WAIT=60
ok 'both notice' wait_for both_lost
took=$(($(date +%s) - dropped))
echo "# after $took s"
ok 'within 45 s' test $took -le 45
silent='the server (is silent|does not acknowledge events)'
ok 'they say why' is "$(grep -lE "connection lost: $silent" \
    "$T/two.log" "$T/four.log" | wc -l)" 2
ip neigh del 198.18.77.2 dev $net && ip -n $net neigh del 198.18.77.1 dev eth0
WAIT=100		# the next try may be under way, for 20 s, then 32
back() { [ "$(grep -c 'connected successfully' "$T/$1.log")" -ge 2 ]; }
ok 'and the one comes back' wait_for back two
ok 'and the other' wait_for back four
done_testing

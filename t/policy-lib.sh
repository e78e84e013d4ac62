# For the policy's tests, after lib.sh: the test starts anew in a network of
# its own, with a bpf file system, a peer behind a veth, a server and an agent.
# Here is 10.77.0.1 and fd77::1, the peer 10.77.0.2 and fd77::2 (and any other
# address of 10.77/16 and fd77::/64).
# shellcheck shell=sh disable=SC2034,SC2154

need() {
	for tool; do
		command -v "$tool" >/dev/null || skip_all "no $tool"
	done
}
need ip unshare nsenter jq perl
[ "$(id -u)" -eq 0 ] || skip_all 'not root'
if [ -z "${POLICY_NS:-}" ]; then
	POLICY_NS=1
	export POLICY_NS
	unshare -n -m true 2>/dev/null || skip_all 'no namespaces here'
	rm -rf "$T"
	trap - EXIT
	exec unshare -n -m --propagation private sh "$0" "$@"
fi
# NO_BPFFS=1: without pins.
umount /sys/fs/bpf 2>/dev/null
[ -n "${NO_BPFFS:-}" ] || mount -t bpf none /sys/fs/bpf 2>/dev/null ||
	skip_all 'no bpf file system'
mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip netns add peer
peer() { nsenter --net=/run/netns/peer "$@"; }
ip link set lo up
ip link add veth0 type veth peer name veth1 netns peer
for v in all default veth0; do
	sysctl -qw "net.ipv4.conf.$v.rp_filter=0" \
	    "net.ipv6.conf.$v.accept_dad=0" 2>/dev/null
done
ip addr add 10.77.0.1/16 dev veth0
ip addr add fd77::1/64 dev veth0 nodad
ip link set veth0 up
peer ip link set lo up
peer ip addr add 10.77.0.2/16 dev veth1
peer ip addr add fd77::2/64 dev veth1 nodad
peer ip link set veth1 up

# agent_start [OPTION...]: and waits until it is on the link.
WAIT=60	# an agent that was killed is found out, and the next one starts
agent_start() {
	"${AGENT:-muster-agent}" --link-url "ws${MUSTER_SERVER#http}/ws/agent" \
	    --name host --capabilities policy --state-dir "$T/agent" \
	    --run-dir "$T/run" --web-listen none "$@" >>"$T/agent.log" 2>&1 &
	agent=$!
	wait_for is_up || { cat "$T/agent.log"; return 1; }
}
is_up() {
	muster agents --json | jq -e '.[] | select(.connected)' &&
	    [ "$(policy_state)" != '' ]
}
uid() { muster agents --json | jq -r '.[0].uid'; }
# verb VERB [JSON]: its result; 1 with the error where there is one.
verb() {
	muster api -X POST "/api/agents/$(uid)/command" -d "$(jq -nc \
	    --arg v "$1" --argjson a "${2:-{\}}" '{command: "modules", args:
	    {action: "command", module: "policy", verb: $v, args: $a}}')" \
	    >"$T/answer" 2>"$T/answer.err" || { cat "$T/answer.err"; return 1; }
	[ "$(jq -r .error "$T/answer")" = '' ] || {
		jq -r .error "$T/answer"
		return 1
	}
	jq -c .result "$T/answer"
}
policy_state() { verb show 2>/dev/null | jq -r .state; }
# policy_set FILE [CONFIRM-MS]: on trial.  policy_keep FILE: and confirmed.
policy_set() {
	verb set "$(jq -Rsc --argjson ms "${2:-60000}" \
	    '{text: ., confirmMs: $ms}' <"$1")"
}
policy_keep() { policy_set "$1" >/dev/null && verb confirm; }
# rule... : a policy, the default first.
policy() {
	default=$1
	shift
	(
		IFS=,
		echo "{\"version\":1,\"default\":$default,\"rules\":[$*]}"
	)
}

# up [AGENT-OPTION...]: server and agent.
up() {
	at_end "testbed --stop $T/srv"
	testbed --server-arg --open-registration "$T/srv" >"$T/env" \
	    2>"$T/err" || { cat "$T/err"; exit 1; }
	. "$T/env"
	at_end 'kill -9 $agent 2>/dev/null'
	agent_start "$@" || { echo 'Bail out! no agent'; exit 1; }
}
# ends SIGNAL: of the agent; its modules' processes go with it.
ends() {
	kill "-$1" "$agent"
	wait "$agent" 2>/dev/null
	module_gone() { ! pgrep -x m-policy --ns $$ --nslist net; }
	wait_for module_gone
}
four() { ping -4 -c 1 -W 0.4 10.77.0.2; }
six() { ping -6 -c 1 -W 0.4 fd77::2; }
fails() { ! "$@"; }
# count ID: its packets.
count() {
	verb stats >/dev/null
	jq -r --arg id "$1" '[.parts[]?[] | select(.id == $id) | .packets] |
	    add // 0' "$T/answer"
}

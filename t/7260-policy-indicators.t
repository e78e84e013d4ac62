#!/bin/sh
# A rule of the host's indicators: their networks are denied, in packets that
# the host forwards, too; new ones without a command; and it stays so while no
# agent runs.
# shellcheck disable=SC2154	# set by policy-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/policy-lib.sh"

# A network behind this host: what goes from there to the peer is forwarded.
ip netns add behind
ip link add veth2 type veth peer name veth3 netns behind
behind() { nsenter --net=/run/netns/behind "$@"; }
ip addr add 10.78.0.1/24 dev veth2
ip link set veth2 up
behind ip addr add 10.78.0.2/24 dev veth3
behind ip link set veth3 up
behind ip route add default via 10.78.0.1
peer ip route add 10.78.0.0/24 via 10.77.0.1
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.veth2.rp_filter=0
for a in 10.77.1.1 10.77.2.1 10.77.3.1; do
	peer ip addr add $a/32 dev lo
done
peer ip addr add fd77::66/64 dev veth1 nodad

mkdir -m 700 "$T/agent"
cat >"$T/agent/config.json" <<END
{ "config_version": 1, "modules": {
  "policy": { "management": ["10.77.3.0/24"] },
  "threat-intel": { "enabled": true,
    "feeds": [ { "name": "sure", "file": "$T/sure", "confidence": 90 },
      { "name": "hazy", "file": "$T/hazy", "confidence": 30 } ] } } }
END
printf '%s\n' 10.77.1.0/24 10.77.3.1 fd77::66 0.0.0.0/0 >"$T/sure"
echo 10.77.2.1 >"$T/hazy"

reach() { ping -c 1 -W 0.4 "$1"; }
from_behind() { behind ping -c 1 -W 0.4 "$1"; }
modules=policy,threat-intel
up --capabilities $modules
policy '"allow"' '{"id":"bad","action":"deny","indicators":80}' >"$T/one.json"

known() { [ "$(verb show | jq .indicators.networks)" = "$1" ]; }
ok 'all is reached before' reach 10.77.1.1
ok 'over IPv6' reach fd77::66
ok 'and from behind' from_behind 10.77.1.1
ok 'a policy with such a rule is set' policy_keep "$T/one.json"
ok 'the feeds are taken' wait_for known 4
ok 'an indicator is not reached' fails reach 10.77.1.1
ok 'nor over IPv6' fails reach fd77::66
ok 'nor from behind this host' fails from_behind 10.77.1.1
ok 'one that is less sure is' reach 10.77.2.1
ok 'so is the rest: a network that holds all is not taken' reach 10.77.0.2
ok 'which is told' is "$(verb show | jq .indicators.tooWide)" 1
ok 'what is for management is reached' reach 10.77.3.1
ok 'the rule counts' test "$(count bad)" -ge 3

refresh() {
	muster modules "$(uid)" command threat-intel refresh >/dev/null
}
printf '%s\n' 10.77.2.0/24 >"$T/sure"
ok 'the feed has changed' refresh
ok 'the new indicator is not reached' wait_for fails reach 10.77.2.1
ok 'the old one is' reach 10.77.1.1
ok 'and the counters went on' test "$(count bad)" -ge 4

ends KILL
ok 'without an agent it stays' fails reach 10.77.2.1
rm "$T/agent/indicators"
ok 'the next agent, whose file is gone' agent_start \
    --capabilities $modules
ok 'keeps what was there' fails reach 10.77.2.1
ok 'and says nothing else' is "$(policy_state)" enforced
policy '"allow"' >"$T/none.json"
ok 'a policy without the rule' policy_keep "$T/none.json"
ok 'opens it' reach 10.77.2.1
done_testing

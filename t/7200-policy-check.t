#!/bin/sh
# A policy is checked without a server, and a bad one refused by its rule.
. "${0%/*}/lib.sh"

cat >"$T/good.json" <<'END'
{ "version": 1, "default": {"ingress": "deny", "egress": "allow"},
  "rules": [
    { "id": "ssh", "action": "allow", "direction": "ingress",
      "protocol": "tcp", "ports": 22, "cidr": "10.0.0.0/8" },
    { "id": "bad", "action": "deny",
      "cidr": ["198.51.100.0/24", "2001:db8:bad::/48"] },
    { "id": "open", "action": "allow", "cidr": "198.51.100.7" } ] }
END
sed 's,10.0.0.0/8,10.0.0.1/8,' "$T/good.json" >"$T/bad.json"
ok 'a good one' muster policy check "$T/good.json"
# shellcheck disable=SC2016
ok 'from stdin' sh -c 'muster policy check - <"$1"' - "$T/good.json"
ok 'a bad one is 100' exits 100 muster policy check "$T/bad.json"
ok 'and its rule is named' says 'rules\[0\] \(ssh\): cidr\[0\]: 10.0.0.1/8: has bits set' \
    muster policy check "$T/bad.json"
ok 'one that is not there too' exits 100 muster policy check "$T/none"
ok 'so is a verb that is none' exits 100 muster policy chuck "$T/good.json"

asks() { muster policy check -p "$1" "$T/good.json"; }
ok 'a rule allows' is "$(asks 'ingress tcp 10.1.2.3 22')" "allow	ssh"
ok 'the default drops' exits 1 asks 'ingress tcp 11.1.2.3 22'
ok 'a deny is above a narrower allow' is "$(asks 'egress udp 198.51.100.7 53')" \
    "deny	bad"
ok 'IPv6 too' exits 1 asks 'egress icmpv6 2001:db8:bad:1::1'
ok 'the default allows' is "$(asks 'egress 47 192.0.2.1')" "allow	default"
cat >"$T/host.json" <<'END'
{ "version": 1, "default": "allow", "rules": [
  { "id": "known", "action": "deny", "indicators": 80 } ] }
END
ok 'that a rule is of a host is said' says "they are those of a host" \
    muster policy check "$T/host.json"
ok 'a packet that is none is 100' exits 100 asks 'out tcp 192.0.2.1'
done_testing

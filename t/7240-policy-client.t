#!/bin/sh
# muster policy set, show, stats, confirm, revert, clear; also a document that
# takes several messages.
. "${0%/*}/lib.sh"
. "${0%/*}/policy-lib.sh"
up

policy '"allow"' '{"id":"p4","action":"deny","protocol":"icmp"}' \
    >"$T/one.json"
many() {
	echo '{"version":1,"default":"allow","rules":['
	seq 1 3000 | awk '{ printf("{\"id\":\"r%d\",\"action\":\"deny\",\"cidr\":\"10.%d.%d.%d\",\"comment\":\"é\"},\n",
	    $1, 80 + $1 / 65536, $1 / 256 % 256, $1 % 256) }'
	echo '{"id":"p4","action":"deny","protocol":"icmp"}]}'
}
many >"$T/many.json"

ok 'a policy is set' says 'trial.*rolled back in [0-9]+ s' \
    muster policy set host "$T/one.json"
ok 'and serves' fails four
ok 'reverted' says 'none' muster policy revert host
ok 'it is gone' four
ok 'set and confirmed' says 'enforced' muster policy set -y host \
    "$T/one.json"
ok 'nothing is left to confirm: 1' exits 1 muster policy confirm host
ok 'one of many messages' says 'enforced' muster policy set -y host \
    "$T/many.json"
ok 'holds' fails four
ok 'and comes back as it was' is "$(muster policy show -d host |
    cksum)" "$(cksum <"$T/many.json")"
ok 'rules that count' says '^host-[0-9a-f]*	p4	deny	[1-9]' muster policy stats host
ok 'the state' says '"state":"enforced"' muster policy show host
sed 's/"r7"/"r8"/' "$T/many.json" >"$T/bad.json"
ok 'a bad one does not leave this host: 100' exits 100 \
    muster policy set host "$T/bad.json"
ok 'no such agent: 1' exits 1 muster policy set nobody "$T/one.json"
ok 'cleared' says 'none' muster policy clear host
ok 'all passes' four
done_testing

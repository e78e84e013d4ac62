#!/bin/sh
# Real packets between two networks, IPv4 and IPv6, both ways, under random
# policies (POLICIES, SEED): what arrives is what a slow judge lets through.
# shellcheck disable=SC2154
. "${0%/*}/lib.sh"
command -v python3 >/dev/null || skip_all 'no python3'
. "${0%/*}/policy-lib.sh"

for a in 0.130/16 1.1/16 64.1/16 128.9/16 255.254/16; do
	peer ip addr add "10.77.$a" dev veth1
done
for a in 82 1:1 8000:1 ffff:0:9 8000:0:0:1; do
	peer ip addr add "fd77::$a/64" dev veth1 nodad
done
SEED=${SEED:-$(date +%s)}
echo "# SEED=$SEED"
ok 'what arrives is what the judge lets through' python3 \
    "$TOP/t/policy-traffic.py" "$(command -v muster-agent)" "$T/state" \
    "${POLICIES:-100}" "$SEED"
sed -n 's/^# [0-9]* policies/&/p' "$T/.out" 2>/dev/null
done_testing

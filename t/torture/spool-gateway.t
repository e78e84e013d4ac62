#!/bin/sh
# 10,000 events, 100 kills, cuts and restarts of our agent, our server and the
# link between them (EVENTS, ROUNDS): each is in the server's store once, in
# order.
# shellcheck disable=SC2154,SC2034,SC2015
MUSTER_T_LIMIT=3000
export MUSTER_T_LIMIT
. "${0%/*}/../lib.sh"
command -v node >/dev/null || skip_all 'no node'
at_end "testbed --stop $T/srv"
ok "${EVENTS:-10000} events through ${ROUNDS:-100} kills, cuts and restarts" \
    node "$TOP/t/spooldrive.mjs" "$T" "${EVENTS:-10000}" "${ROUNDS:-100}" \
    "$BIN/muster-agent" "$TOP/scripts/testbed"
sed 's/^/# /' "$T/.out"
[ "$failed" = 0 ] || tail -n 30 "$T/agent.log" | sed 's/^/# /'
done_testing

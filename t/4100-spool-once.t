#!/bin/sh
# Link cut, server killed, agent killed, at random: what the agent said it
# keeps arrives, each once, in order.  t/torture has it at length.
. "${0%/*}/lib.sh"
command -v node >/dev/null || skip_all 'no node'
ok 'a few hundred events through a dozen kills' \
    node "$TOP/t/spooldrive.mjs" "$T" "${EVENTS:-400}" "${ROUNDS:-12}" \
    "$BIN/muster-agent"
sed 's/^/# /' "$T/.out"
done_testing

#!/bin/sh
# 10,000 events, 100 kills and cuts: t/4100 at full length.
MUSTER_T_LIMIT=3000 EVENTS=10000 ROUNDS=100
export MUSTER_T_LIMIT EVENTS ROUNDS
exec sh "$(cd "${0%/*}/.." && pwd)/4100-spool-once.t"

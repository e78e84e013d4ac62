#!/bin/sh
# 10,000 random policies against real packets, IPv4 and IPv6, both ways.
POLICIES=${POLICIES:-10000} MUSTER_T_LIMIT=${MUSTER_T_LIMIT:-3600}
export POLICIES MUSTER_T_LIMIT
exec "$(cd "${0%/*}/.." && pwd)/7250-policy-traffic.t"

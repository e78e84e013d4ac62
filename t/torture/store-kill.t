#!/bin/sh
# The store against kill -9, for ten minutes (or STORE_KILL_SECONDS), by the
# unit test of that name, which make check runs for three seconds.
# usage: store-kill.t [SEED]
set -eu
top=$(cd "${0%/*}/../.." && pwd)
test=${MUSTER_STORE_KILL:-$top/build/obj/t/store_kill.t}
if [ ! -x "$test" ]; then
	echo "1..0 # SKIP $test is not built: make check builds it"
	exit 0
fi
STORE_KILL_SECONDS=${STORE_KILL_SECONDS:-600}
export STORE_KILL_SECONDS
exec "$test" "$@"

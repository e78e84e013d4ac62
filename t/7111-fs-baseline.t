#!/bin/sh
# A baseline that takes long, over a real link: it tells how far it is, and
# ends when nobody waits for it any more.
# shellcheck disable=SC2154 # set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"

mkdir "$T/w"
i=0
while [ $i -lt 300 ]; do		# holes, of which none is stored
	truncate -s 60M "$T/w/$i"
	i=$((i + 1))
done
box "{\"fs-monitor\":{\"enabled\":true,\"paths\":[\"$T/w\"]}}"
ok 'files are watched' wait_for box_runs fs-monitor

muster api -X POST /api/agents/command --accept application/x-ndjson \
    -d "{\"agents\":[\"$uid\"],\"command\":\"modules\",\"args\":{\"action\":
    \"command\",\"module\":\"fs-monitor\",\"verb\":\"baseline\"}}" \
    >"$T/out" 2>&1 & order=$!
far() { grep -Eq '"progress":\{"files":[1-9]' "$T/out"; }
ok 'how far it is is told' wait_for far
verify() { muster modules "$uid" command fs-monitor verify; }
ok 'one at a time' says 'made or verified already' verify
kill $order
wait $order 2>/dev/null
stopped() { says 'there is no baseline' verify; }
ok 'it ends when nobody waits for it' wait_for stopped
ok 'and left nothing' test ! -e "$T/state/fs-baseline.new"
done_testing

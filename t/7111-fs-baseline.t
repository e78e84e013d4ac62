#!/bin/sh
# A baseline that takes long, over a real link: it tells how far it is, and
# ends when nobody waits for it any more.
. "${0%/*}/lib.sh"

at_end "testbed --stop $T/srv"
testbed --server-arg --open-registration "$T/srv" >"$T/env" 2>"$T/err" || {
	cat "$T/err"
	exit 1
}
# shellcheck disable=SC1091
. "$T/env"
mkdir -m 700 "$T/state" "$T/w"
i=0
while [ $i -lt 300 ]; do		# holes, of which none is stored
	truncate -s 60M "$T/w/$i"
	i=$((i + 1))
done
cat >"$T/state/config.json" <<END
{ "config_version": 1, "modules": {
  "fs-monitor": { "enabled": true, "paths": [ "$T/w" ] } } }
END
muster-agent --server "$MUSTER_SERVER" --state-dir "$T/state" --name box \
    >"$T/log" 2>&1 &
at_end "kill $! 2>/dev/null"
connected() { [ "$(muster agents | cut -f 4)" = yes ]; }
wait_for connected || { cat "$T/log"; exit 1; }
uid=$(muster agents | cut -f 1)
runs() { muster modules "$uid" | grep 'fs-monitor' | grep -Eq 'running|degraded'; }
ok 'files are watched' wait_for runs

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

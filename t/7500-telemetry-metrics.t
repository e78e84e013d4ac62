#!/bin/sh
# GET /metrics: what node_exporter's users expect, and what each module costs,
# agreeing with /proc as a script of its own reads it.
. "${0%/*}/lib.sh"
command -v python3 >/dev/null || skip_all 'no python3'

set --
if [ "$(id -u)" = 0 ]; then
	m="$T/a \"mount\" \\ of ours"
	mkdir "$m"
	mount -t tmpfs -o size=1m none "$m" && set -- "$m"
	# shellcheck disable=SC2016
	at_end 'umount "$m"'
fi
muster-agent --server http://127.0.0.1:9 --state-dir "$T/st" \
    --run-dir "$T/run" --log-dir "$T/st" --web-listen 127.0.0.1:0 \
    --capabilities telemetry >"$T/log" 2>&1 &
pid=$!
at_end "kill $pid 2>/dev/null"
wait_for grep -q 'listening at http:' "$T/log"
url=$(sed -n 's/.*listening at \(http:.*\)/\1/p' "$T/log")
# A first sample of telemetry is there in a quarter of a second.
sampled() {
	curl -s "$url/metrics" |
	    grep -q '^muster_module_events_total{module="telemetry"} [1-9]'
}
wait_for sampled
python3 "${0%/*}/metrics.py" "$url/metrics" "$@"

#!/bin/sh
# GET /metrics: who may read it, its form, and that the figures are true.
# shellcheck disable=SC2154,SC2086,SC2016 # set by events-lib.sh; words; perl
. "${0%/*}/lib.sh"
. "${0%/*}/events-lib.sh"

command -v curl >/dev/null || skip_all 'no curl'
steered_pipeline
touch "$T/go"
server "$T/srv" $steered
admin=$MUSTER_API_KEY
one=$(muster account add one)
M=$S/metrics

ok 'a key is needed' is "$(curl -s -o "$T/body" -w '%{http_code}' "$M")" 401
ok 'an administrator'"'"'s' is "$(code "$one" "$M")" 403
ok 'with that it is there' is "$(code "$admin" "$M")" 200
ok 'and over the own socket' is "$(curl -s -o "$T/body" -w '%{http_code}' \
    --unix-socket "$MUSTER_SOCKET" http://x/metrics)" 200

id=$(submit "$one" good)
wait_for status_is "$one" "$id" completed
touch "$T/fail"
bad=$(submit "$one" broken)
wait_for status_is "$one" "$bad" failed
rm "$T/go" "$T/fail"
run=$(submit "$one" running)
wait_for status_is "$one" "$run" running
submit "$one" second >"$T/.id"
submit "$one" third >"$T/.id"
submit "$one" fourth >"$T/.id"
curl -s -o "$T/file" "$(get "$one" "$J/$id" | jq -r .job.downloadUrl)"
follow "$one" "$T/stream" "$S/api/events"
get "$admin" "$M" >"$T/m"

# series METHOD ROUTE CLASS: of requests.  value SERIES: its sample.
series() { printf 'muster_http_requests_total{method="%s",route="%s",code="%s"}' \
    "$@"; }
value() { awk -v s="$1" '$1 == s { print $2 }' "$T/m"; }
ok 'completed builds are counted' is \
    "$(value 'muster_builds_ended_total{status="completed"}')" 1
ok 'and failed ones' is \
    "$(value 'muster_builds_ended_total{status="failed"}')" 1
ok 'those in the store by status' is \
    "$(value 'muster_jobs{status="completed"}')$(value \
    'muster_jobs{status="failed"}')" 11
ok 'builds that run' is "$(value muster_builds_running)" 2
ok 'the queue' is "$(value muster_queue_length)" 2
ok 'the time of builds' is "$(($(value \
    'muster_build_duration_seconds_count{template="compiled"}') + $(value \
    'muster_build_duration_seconds_count{template="cached"}')))" 1
ok 'the time before' is "$(value muster_build_wait_seconds_count)" 4
ok 'streams' is "$(value muster_event_streams)" 1
ok 'events' is "$(value muster_events_total)" 12
ok 'artifacts' is "$(value muster_artifacts) $(value muster_artifacts_bytes)" \
    "1 $(wc -c <"$T/file")"
ok 'requests by route and class' is "$(value \
    "$(series POST /api/agents/build 2xx)")" 6
ok 'refused ones too' is "$(value \
    "$(series GET /metrics 4xx)")" 2
printf 'x\r\n\r\n' | timeout 5 perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new($ARGV[0]) or die;
	print $s <STDIN>; print <$s>' "${S#http://}" >"$T/.bad"
get "$admin" "$M" >"$T/m"
ok 'and what is no request' is "$(value \
    "$(series any other 4xx)")" 1
ok 'the download is counted' is "$(value muster_downloads_total)" 1
ok 'with its bytes' is "$(value muster_download_bytes_total)" \
    "$(wc -c <"$T/file")"
read -r pid <"$T/srv/buildsrv.pid"
ok 'the process: descriptors' exits 0 test "$(value process_open_fds)" -ge 10
ok 'memory, to a tenth' exits 0 awk -v a="$(value \
    process_resident_memory_bytes)" -v b="$(awk '/^VmRSS/ { print $2 * 1024 }' \
    "/proc/$pid/status")" 'BEGIN { exit !(a > 0.9 * b && a < 1.1 * b) }'
ok 'processor time' exits 0 awk -v a="$(value process_cpu_seconds_total)" \
    'BEGIN { exit !(a > 0 && a < 1000) }'
ok 'no label has a user, a job or a token' exits 1 grep -Eq \
    "$id|user=|\"one\"|download/[^:]" "$T/m"

# The form: promtool where it is; and by hand, as strict.
if command -v promtool >/dev/null; then
	promtool check metrics <"$T/m" >"$T/prom" 2>&1
	ok 'promtool is content' is "$?:$(cat "$T/prom")" 0:
fi
cat >"$T/check.awk" <<'AWK'
function bad(why) { print FILENAME ":" FNR ": " why ": " $0; failed = 1 }
/^# HELP / {
	if ($3 in help) bad("HELP twice")
	if (NF < 4) bad("no words")
	help[$3] = 1; family = $3; next
}
/^# TYPE / {
	if ($3 != family || $3 in type) bad("TYPE without its HELP")
	if ($4 !~ /^(counter|gauge|histogram)$/) bad("type")
	type[$3] = $4; next
}
/^#/ || NF == 0 { bad("neither a comment nor a sample"); next }
{
	if (!match($0, /^[a-zA-Z_:][a-zA-Z0-9_:]*/)) { bad("name"); next }
	name = base = substr($0, 1, RLENGTH)
	rest = substr($0, RLENGTH + 1)
	if (type[family] == "histogram") sub(/_(bucket|sum|count)$/, "", base)
	if (base != family) bad("sample outside of its family")
	if ((type[family] == "counter") != (name ~ /_total$/)) bad("_total")
	if (rest !~ /^(\{([a-z_]+="[^"\\]*",?)+\})? [0-9.e+]+$/) bad("form")
	if (seen[$1]++) bad("twice")
	if (name ~ /_bucket$/) {
		key = rest; sub(/,?le=.*/, "", key)
		if (key == last_key && $NF < last) bad("bucket below the one before")
		last_key = key; last = $NF
		if (rest ~ /le="\+Inf"/) inf[base key] = $NF
	}
	if (name ~ /_count$/ && type[family] == "histogram") {
		key = rest; sub(/\}? [0-9.e+]+$/, "", key)
		if (key == "") key = "{"
		if (inf[base key] != $NF) bad("+Inf is not the count")
	}
}
END {
	for (f in help) if (!(f in type)) { print f " has no type"; failed = 1 }
	exit failed
}
AWK
ok 'every family has help, type and right samples' exits 0 \
    awk -f "$T/check.awk" "$T/m"
ok 'there are families' exits 0 test "$(grep -c '^# TYPE' "$T/m")" -gt 20

testbed --stop "$T/srv"
server "$T/srv" $steered --server-arg --metrics-open
ok 'with --metrics-open this host needs no key' is \
    "$(curl -s -o "$T/body" -w '%{http_code}' "$S/metrics")" 200
ok 'a key that is shown must be right' is "$(code nonsense "$S/metrics")" 401
ok 'a user is still refused' is "$(code "$one" "$S/metrics")" 403
done_testing

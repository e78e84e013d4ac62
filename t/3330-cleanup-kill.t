#!/bin/sh
# kill -9 of the server in the midst of clean-ups: at the start after it every
# token that is left leads to a whole file, and nothing else is left in the
# end.
# shellcheck disable=SC2034
SERVER_ARGS='--keep-jobs 0 --keep-events 0 --orphan-grace 0
    --cleanup-interval 20ms'
. "${0%/*}/artifacts-lib.sh"

at_end "testbed --stop $T/srv"
start_server
J=$S/api/agents/build/jobs

# Builds, deletes some of them and has others revoked, until it is told to
# end, or the server is gone.
churn() {
	n=0
	while [ ! -e "$T/stop" ]; do
		n=$((n + 1))
		id=$(build "same-$((n % 7 + 1))") || return 0
		[ -n "$id" ] || return 0
		case $((n % 3)) in
		0)	curl -s -m 5 -X DELETE -H "$A" "$J/$id" >"$T/.churn$1" ;;
		1)	curl -s -m 5 -X DELETE -H "$A" \
			    "$S/api/artifacts/downloads/$(token "$id")" \
			    >"$T/.churn$1" ;;
		esac
	done
}
# whole: every download that can be had is what its checksum says.
whole() {
	[ "$(get -H "$A" "$S/api/artifacts/downloads?all=1")" = 200 ] || {
		cat "$T/head" "$T/body"
		tail "$T/srv/buildsrv.log"
		return 1
	}
	jq -r '.downloads[] | select(.usable) | .downloadUrl + " " +
	    .checksum' "$T/body" >"$T/tokens"
	while read -r u sum; do
		got=$(curl -s -m 20 "$u" | sha256sum | cut -d ' ' -f 1)
		[ "$got" = "$sum" ] || { echo "$u: $got, not $sum"; return 1; }
	done <"$T/tokens"
	echo "$(wc -l <"$T/tokens") downloads"
}

i=0
bad=0
while [ $i -lt "${CLEANUP_KILLS:-6}" ]; do
	i=$((i + 1))
	rm -f "$T/stop"
	churn 1 & a=$!
	churn 2 & b=$!
	# Some time into it, and no multiple of anything.
	wait_for sh -c "[ \$(curl -s -H '$A' '$J?limit=200' |
	    jq '.jobs | length') -gt $((i % 4 * 3)) ]"
	kill_server
	: >"$T/stop"
	wait "$a" "$b"
	start_server
	J=$S/api/agents/build/jobs
	whole >"$T/whole" 2>&1 || bad=$((bad + 1))
	sed 's/^/# /' "$T/whole"
done
ok "every download is whole after each of $i kills" is "$bad" 0
ok 'tokens that can be used were there' test -s "$T/tokens"

# All jobs go, and with them all files.
ended() {
	[ "$(curl -s -H "$A" "$S/api/agents/build/stats" |
	    jq '.stats.pending + .stats.running')" = 0 ]
}
WAIT=60 ok 'all jobs end' wait_for ended
curl -s -H "$A" "$S/api/artifacts/downloads?all=1" |
    jq -r '.downloads[].token' | while read -r t; do
	get -X DELETE -H "$A" "$S/api/artifacts/downloads/$t" >"$T/.code"
done
empty() {
	[ "$(files)/$(trashed)" = 0/0 ] &&
	    [ "$(curl -s -H "$A" "$J" | jq '.jobs | length')" = 0 ]
}
ok 'without tokens no job and no file is left' wait_for empty
ok 'no record says otherwise' is "$(curl -s -H "$A" \
    "$S/api/artifacts/stats" | jq -c '[.files, .tokens, .stored.files]')" \
    '[0,0,0]'
ok 'no work directory is left' is \
    "$(find "$T/srv/state/work" -mindepth 1 | wc -l)" 0
ok 'the server logged no fault of a clean-up' is \
    "$(grep -c 'cleanup\].*: \(warning\|error\)' "$T/srv/buildsrv.log")" 0
done_testing

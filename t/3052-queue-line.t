#!/bin/sh
# Who is next: users take turns, priorities order a user's own jobs, as many
# may wait as the server says, and each job can be asked what it waits for.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve -j 1 --max-queued-per-user 5 --rate-limit 0
one=$(account one)
two=$(account two)
A=$MUSTER_API_KEY
why() { api "$1" GET "$J/$2/why" >"$T/code"; }

good='"os":"linux","architecture":"x64"'
ok 'a priority above 0 is not for users' is \
    "$(post "$one" "{$good,\"priority\":1}")$(get .field)" 403priority
ok 'but for administrators' is "$(post "$A" \
    "{$good,\"priority\":10,\"customName\":\"quick\"}")" 202
id=$(get .jobId)
WAIT=20 wait_for has_status "$A" "$id" completed
for bad in 11 -11 1.5 '"1"' null; do
	ok "$bad is none" is "$(post "$A" "{$good,\"priority\":$bad}")$(
	    get .field)" 400priority
done
for bad in -1 1001 '"2"'; do
	ok "$bad is no number of downloads" is "$(post "$A" \
	    "{$good,\"maxDownloads\":$bad}")$(get .field)" 400maxDownloads
done

# One slot, held; then a line of two users.
hold=$(build "$one" hold)
wait_for started hold
ok 'what runs says so' is "$(why "$one" "$hold"
    get '"\(.status) \(.ahead) \(.running) \(.slots)"')" 'running 0 1 1'
at_step() {
	why "$one" "$hold"
	[ "$(get .reason)" = 'it runs, at step stub' ]
}
ok 'and where' wait_for at_step
a1=$(build "$one" a1)
a2=$(build "$one" a2 '"priority":-5')
a3=$(build "$one" a3)
b1=$(build "$two" b1)
b2=$(build "$two" b2 '"priority":-1')
b3=$(build "$two" b3)
ahead() {
	why "$1" "$2"
	get .ahead
}
ok 'the places are told' is "$(ahead "$one" "$a1") $(ahead "$one" "$a3") $(
    ahead "$one" "$a2") $(ahead "$two" "$b1") $(ahead "$two" "$b3") $(
    ahead "$two" "$b2")" '1 3 5 0 2 4'
ok 'with a reason' is "$(get .reason)" '1 of 1 builds run; 4 jobs go first'
ok 'and a time from what was measured' test "$(get .estimatedMs)" -gt 0
ok 'in words too' test "$(get .estimatedTime)" != null
why "$two" "$b1"
ok 'who is next is told so' is "$(get .reason)" '1 of 1 builds run; it is next'
ok 'who waits longer waits longer' is "$(
    why "$two" "$b2"; get .estimatedMs >"$T/long"
    why "$two" "$b1"; get .estimatedMs >"$T/short"
    [ "$(cat "$T/long")" -gt "$(cat "$T/short")" ] && echo yes)" yes
ok "another's is like none" is "$(api "$two" GET "$J/$a1/why")" 404

# The limit: three of one's and two of the other's wait.
build "$one" a4 >/dev/null
build "$one" a5 >/dev/null
ok 'the sixth that would wait is refused' is \
    "$(post "$one" "{$good,\"customName\":\"a6\"}")" 429
ok 'with a time to come back' grep -Eqi '^retry-after: [1-9][0-9]*' "$T/head"
ok 'also by --wait' is \
    "$(post "$one" "{$good,\"useQueue\":false}")" 429
ok 'another may go on' is "$(post "$two" "{$good,\"customName\":\"b4\"}")" 202
at_once() {
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		curl -s -m 20 -H "Authorization: Bearer $two" -o /dev/null \
		    -H 'Content-Type: application/json' -w '%{http_code}\n' \
		    -d "{$good,\"customName\":\"b5\"}" \
		    "$S/api/agents/build" >"$T/at-once.$i" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || return 1
	done
	is "$(cat "$T"/at-once.* | sort | uniq -c | tr -s ' ')" " 1 202
 7 429"
}
ok 'of eight at once just one' at_once
ok 'cancelling one makes room for one' is "$(
    api "$one" POST "$J/$a1/cancel" >"$T/code"
    post "$one" "{$good,\"customName\":\"a6\"}")" 202

touch "$T/go"
idle() {
	api "$A" GET /api/agents/build/stats >"$T/code"
	[ "$(get '.stats.pending + .stats.running')" = 0 ]
}
WAIT=30 ok 'all are built' wait_for idle
ok 'in turns, and by priority' is "$(sed 1,2d "$T/started" | tr '\n' ' ')" \
    'b1 a3 b3 a4 b4 a5 b5 a6 b2 a2 '
ok 'and what was cancelled was not' exits 1 started a1
done_testing

#!/bin/sh
# A request with an Idempotency-Key does its work once: its answer comes
# again, another request under the key is refused, and a crash changes nothing.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve
one=$(account one)
two=$(account two)
body='{"os":"linux","architecture":"x64","customName":"quick"}'
jobs() { MUSTER_API_KEY=$1 muster jobs -n 200 | wc -l | tr -d ' '; }
# keyed KEY IDEMPOTENCY-KEY BODY: prints the status.
keyed() { post "$1" "$3" -H "Idempotency-Key: $2"; }

# But for the estimate, which is of now.
same() { jq -cS 'del(.estimatedTime)' "$1"; }
ok 'the first is taken' is "$(keyed "$one" first "$body")" 202
cp "$T/body" "$T/first"
ok 'it is no replay' is "$(grep -ci idempotent-replayed "$T/head")" 0
id=$(get .jobId)
ok 'the second too' is "$(keyed "$one" first "$body")" 202
ok 'with the very same answer' is "$(same "$T/body")" "$(same "$T/first")"
ok 'which says that it is one' grep -qi '^idempotent-replayed: true' "$T/head"
WAIT=20 wait_for has_status "$one" "$id" completed
ok 'also when the job has ended' is "$(keyed "$one" first "$body")" 202
ok 'still the same' is "$(same "$T/body")" "$(same "$T/first")"
ok 'one job was made' is "$(jobs "$one")" 1
ok 'another body under the key is 422' is \
    "$(keyed "$one" first '{"os":"linux","architecture":"x64"}')" 422
ok 'which names the header' is "$(get .field)" Idempotency-Key
ok 'even if it means the same' is "$(keyed "$one" first "$body ")" 422
ok 'another key is another request' is "$(keyed "$one" other "$body")" 202
ok "another user's key is another key" is "$(keyed "$two" first "$body")" 202
ok 'of a job of his own' test "$(get .jobId)" != "$id"
ok 'a request that was refused keeps nothing' is "$(keyed "$one" bad '{}')$(
    keyed "$one" bad "$body")" 400202

long=$(printf '%0128d' 1)
ok '128 characters are a key' is "$(keyed "$one" "$long" "$body")" 202
ok '129 are none' is "$(keyed "$one" "${long}1" "$body")" 400
ok 'that names the header' is "$(get .field)" Idempotency-Key
ok 'nothing is none' is "$(post "$one" "$body" -H 'Idempotency-Key;')" 400
ok 'nor is what cannot be printed' is \
    "$(keyed "$one" "$(printf 'a\303\244')" "$body")" 400

# Twenty at once.
before=$(jobs "$one")
together() {
	pids=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		curl -s -m 20 -H "Authorization: Bearer $one" -d "$body" \
		    -H 'Content-Type: application/json' \
		    -H 'Idempotency-Key: together' -o "$T/at-once.$i" \
		    "$S/api/agents/build" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || return 1
	done
	is "$(sort -u "$T"/at-once.* | wc -l)" 1
}
ok 'twenty at once have one answer' together
ok 'and made one job' is "$(jobs "$one")" $((before + 1))

# Waiting for it.
waited="${body%\}},\"useQueue\":false}"
ok 'one that is waited for' is "$(keyed "$one" waited "$waited")" 200
cp "$T/body" "$T/first"
ok 'again' is "$(keyed "$one" waited "$waited")" 200
ok 'is the same build' is "$(get .downloadUrl)" \
    "$(jq -r .downloadUrl "$T/first")"

held='{"os":"linux","architecture":"x64","customName":"hold"}'
keyed "$one" crash "$held" >"$T/code"
cp "$T/body" "$T/first"
kill_server
serve
ok 'after a crash the key is known' is "$(keyed "$one" crash "$held")" 202
ok 'and the answer the same' is "$(same "$T/body")" "$(same "$T/first")"
touch "$T/go"
id=$(get .jobId)
WAIT=20 wait_for has_status "$one" "$id" completed
api "$one" DELETE "$J/$id" >"$T/code"
ok 'of a job that was deleted the key says so' is \
    "$(keyed "$one" crash "$held")" 410
ok 'no key stands in the store' is \
    "$(grep -c -a -e together "$T/srv/state/store/data.mdb")" 0
done_testing

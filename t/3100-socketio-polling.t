#!/bin/sh
# Socket.IO by hand: long-polling with curl, packet by packet.
# shellcheck disable=SC2154 # set by socketio-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/socketio-lib.sh"
command -v curl >/dev/null || skip_all 'no curl'
socketio_server notify
IO="$url/socket.io/?EIO=4&transport=polling"

# get URL; post URL TEXT; code CURL-ARGUMENTS...
get() { curl -s -m 30 "$1"; }
post() { curl -s -m 30 -H 'Content-Type: text/plain;charset=UTF-8' \
    --data-binary "$2" "$1"; }
code() { curl -s -m 30 -o "$T/body" -w '%{http_code}' "$@"; }
happen() { get "$url/do?verb=$1&id=$2&user=$3" >"$T/.done"; }
# A session whose key is $1; sets P, its URL.
session() {
	P="$IO&sid=$(get "$IO" | sed 's/^0{"sid":"\([^"]*\)".*/\1/')"
	post "$P" "40{\"token\":\"$1\"}" >"$T/.posted"
}

get "$IO" >"$T/open"
ok 'the handshake says what the server is like' grep -Eqx \
    '0\{"sid":"[A-Za-z0-9_-]{24}","upgrades":\["websocket"\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536\}' \
    "$T/open"
curl -s -m 30 -D "$T/head" -o "$T/.got" "$IO"
ok 'it is text' grep -qi '^content-type: text/plain; charset=utf-8' "$T/head"
ok 'that nobody keeps' grep -qi '^cache-control: no-store' "$T/head"
session key-anna
ok 'a packet is taken' is "$(cat "$T/.posted")" ok
get "$P" >"$T/joined"
ok 'the key lets in' grep -Eqx \
    '40\{"sid":"[A-Za-z0-9_-]{24}","pid":"[0-9]+-[A-Za-z0-9_-]+"\}' "$T/joined"
ok 'the socket has its own sid' is \
    "$(sed 's/.*"sid":"\([^"]*\)".*/\1/' "$T/joined" | grep -cF -f - \
    "$T/open")" 0

get "$P" >"$T/polled" &
poll=$!
happen add one anna
wait "$poll"
ok 'a waiting poll gets the event' is "$(cat "$T/polled")" \
    '42["buildJobAdded",{"id":"one","status":"pending","seq":1},"1"]'
happen cancel one anna
happen add two bert
happen add three anna
get "$P" >"$T/polled"
ok 'two that happened meanwhile come together' is \
    "$(tr '\036' '\n' <"$T/polled" | grep -c '^42\["buildJob')" 2
ok 'with their numbers' is "$(tr '\036' '\n' <"$T/polled" |
    sed 's/.*"seq":\([0-9]*\).*/\1/' | tr '\n' ' ')" '2 4'
ok 'not those of others' is "$(grep -c two "$T/polled")" 0

post "$P" '420["authenticate",{"userId":"anna"}]' >"$T/.posted"
ok 'the own id is confirmed' is "$(get "$P")" \
    '430[{"success":true,"userId":"anna","seq":4}]'
post "$P" '421["subscribeBuildUpdates",{"userId":"bert"}]' >"$T/.posted"
ok 'another is refused' is "$(get "$P" | tr '\036' '\n' | tail -n 1)" \
    '431[{"success":false,"error":"userId is not the key'"'"'s user"}]'
post "$P" '41' >"$T/.posted"
post "$P" '1' >"$T/.posted"
ok 'the client goes' is "$(get "$P")" 6
ok 'then the session is unknown' is "$(code "$P")" 400
ok 'in these words' is "$(cat "$T/body")" \
    '{"code":1,"message":"Session ID unknown"}'

session wrong
ok 'a wrong key is refused' is "$(get "$P")" \
    '44{"message":"unauthorized"}'
session key-anna
get "$P" >"$T/.got"
ok 'what is no packet' is "$(code "$P" --data-binary 'x')" 400
ok 'ends the session' is "$(code "$P")" 400
head -c 70000 /dev/zero | tr '\0' x >"$T/long"
session key-anna
ok 'more than maxPayload is refused' is \
    "$(code "$P" --data-binary "@$T/long")" 413
kill "$pid"
ok 'the server ends in order' exits 0 wait "$pid"
done_testing

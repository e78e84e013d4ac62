#!/bin/sh
# Socket.IO as the server has it: its own keys, its own log; and --test-echo
# only where it was asked for.
# shellcheck disable=SC2154,SC2086,SC2016 # set by events-lib.sh; words; perl
. "${0%/*}/lib.sh"
. "${0%/*}/events-lib.sh"

steered_server
touch "$T/go"
IO="$S/socket.io/?EIO=4&transport=polling"

# session AUTH: a client that asks to join; sets P, its URL.
session() {
	P="$IO&sid=$(curl -s "$IO" | sed 's/^0{"sid":"\([^"]*\)".*/\1/')"
	curl -s -m 30 -H 'Content-Type: text/plain;charset=UTF-8' \
	    --data-binary "40$1" "$P" >"$T/.posted"
}
poll() { curl -s -m 30 "$P" | tr '\036' '\n'; echo; }
# hear N FILE: polls until N events are in the file.
hear() {
	: >"$2"
	turn=0
	while [ "$(grep -c '^42' "$2")" -lt "$1" ]; do
		poll >>"$2"
		turn=$((turn + 1))
		[ $turn -lt 9 ] || return 1
	done
}

session '{"token":"'"$one"'"}'
mine=$P
poll >"$T/joined"
ok 'an API key lets in' grep -q '^40{"sid"' "$T/joined"
session '{"token":"'"$two"'"}'
theirs=$P
poll >"$T/.joined"
id=$(submit "$one" io)
P=$mine
ok 'the own build is heard of' exits 0 hear 3 "$T/heard"
ok 'its three events' is "$(grep -o 'buildJob[A-Za-z]*' "$T/heard" |
    tr '\n' ' ')" 'buildJobAdded buildJobStarted buildJobCompleted '
sed -n 's/^42//p' "$T/heard" | tail -n 1 >"$T/last"
ok 'with the job as the API shows it' jq -e --arg id "$id" '.[1].id == $id and
    .[1].status == "completed" and .[1].seq == 3 and
    (.[1].downloadUrl | test("/download/"))' "$T/last"
ok 'and no more of the record' is \
    "$(jq '.[1] | has("fence") or has("target")' "$T/last")" false
other=$(submit "$two" io)
P=$theirs
hear 3 "$T/their"
ok 'another hears only the own' is "$(grep -c "$id" "$T/their") $(grep -c \
    "$other" "$T/their")" '0 3'
session '{"token":"'"$one"'","lastSeq":1}'
ok 'who was away gets what was missed' exits 0 hear 2 "$T/missed"
ok 'that alone' is "$(grep -o '"seq":[0-9]*' "$T/missed" | tr '\n' ' ')" \
    '"seq":2 "seq":3 '
session '{"token":"nonsense"}'
ok 'a wrong key is refused' is "$(poll)" '44{"message":"unauthorized"}'
session '{}'
ok 'and none' is "$(poll)" '44{"message":"unauthorized"}'
ok 'it is counted' is "$(get "$MUSTER_API_KEY" "$S/metrics" |
    awk '$1 == "muster_socketio_clients" { print $2 }')" 3

ok 'nothing echoes unasked' is \
    "$(code x "$S/engine.io/?EIO=4&transport=polling")" 404
ok 'the setting is no configuration' exits 100 muster-buildsrv --config \
    "$(echo '{"test_echo":true}' >"$T/c.json"; echo "$T/c.json")" --show-config
testbed --stop "$T/srv"
server "$T/srv" $steered --server-arg --test-echo
ok 'with --test-echo the suites find theirs' is \
    "$(code x "$S/engine.io/?EIO=4&transport=polling")" 200
ok 'with the times that they need' grep -q '"pingInterval":300' "$T/body"
ok 'which the log says aloud' grep -q 'test-echo: .*for tests alone' \
    "$T/srv/buildsrv.log"
done_testing

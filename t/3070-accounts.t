#!/bin/sh
# Accounts: roles, types and workspaces; keys that change; accounts that are
# disabled; and none of it over the network but one's own new key.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve --rate-limit-address 0
A=$MUSTER_API_KEY
json='Content-Type: application/json'
# make STATUS BODY: over the server's own socket; $key and $T/body.
make() {
	is "$(api local POST /api/accounts -H "$json" -d "$2")" "$1" || {
		cat "$T/body"
		return 1
	}
}
change() { api "$1" POST "/api/accounts/$2" -H "$json" ${3:+-d "$3"}; }
works() { is "$(api "$1" GET /api/account)" 200; }
is_dead() { is "$(api "$1" GET /api/account)" 401; }

# -- made --
ok 'an account is made' make 201 '{"name":"one"}'
one=$(get .key)
ok 'a user of type user, without workspaces' is \
    "$(get '"\(.name) \(.role) \(.type) \(.disabled) \(.workspaces|length)"')" \
    'one user user false 0'
ok 'its key works' works "$one"
ok 'and shows the same record' is \
    "$(get '.account | "\(.name) \(.role) \(.type) \(.disabled)"')" \
    'one user user false'
ok 'without a key or hash' is "$(get '.account | keys | join(" ")')" \
    'createdAt disabled name role type workspaces'
ok 'another, with all' make 201 \
    '{"name":"two@ci","role":"admin","type":"action","workspaces":["a","b.c"]}'
two=$(get .key)
ok 'it is an administrator' is "$(api "$two" GET /api/accounts)" 200
ok 'who sees all accounts' is "$(get '[.accounts[].name] | sort | join(" ")')" \
    'admin one two@ci'
ok 'with what they may use' is "$(get '.accounts[] | select(.name == "two@ci") |
    "\(.role) \(.type) \(.workspaces | join(","))"')" 'admin action a,b.c'
ok 'and no key' is "$(grep -c -e muster_ -e hash -e '"key"' "$T/body")" 0
ok 'by pages' is "$(api "$two" GET '/api/accounts?limit=2')$(
    get '.accounts|length')" 2002
ok 'that go on' is "$(api "$two" GET "/api/accounts?cursor=$(
    get .nextCursor)")$(get '.accounts[].name')$(get .nextCursor)" \
    200two@cinull
ok 'a name is given once' make 409 '{"name":"one"}'
ok 'and is none of ours' make 400 '{"name":"local"}'
for bad in '{}' '{"name":""}' '{"name":"a b"}' '{"name":"../a"}' \
    '{"name":"-a"}' '{"name":"a/b"}' '{"name":"ä"}' \
    "{\"name\":\"$(printf '%065d' 1)\"}" '{"name":"x","role":"king"}' \
    '{"name":"x","type":"robot"}' '{"name":"x","workspaces":"a"}' \
    '{"name":"x","workspaces":[1]}' '{"name":"x","workspaces":["a","a"]}' \
    '{"name":"x","workspaces":["a b"]}' '{"name":"x","key":"mine"}'; do
	ok "$bad is refused" make 400 "$bad"
done
ok 'nobody makes one over the network' is "$(api "$two" POST /api/accounts \
    -H "$json" -d '{"name":"three"}')" 403
ok 'nor with a key over the socket' is "$(api local POST /api/accounts \
    -H "$json" -H "Authorization: Bearer $A" -d '{"name":"three"}')" 403
ok 'none was made by that' is "$(api "$A" GET /api/accounts)$(
    get '.accounts|length')" 2003

# -- workspaces --
spaces() {
	api "$1" PUT "/api/accounts/$2/workspaces" -H "$json" -d "$3"
}
ok 'workspaces are set' is "$(spaces local one '{"workspaces":["x","y"]}')$(
    get '.account.workspaces | join(",")')" 200x,y
ok 'which the account sees' is "$(api "$one" GET /api/account)$(
    get '.account.workspaces | join(",")')" 200x,y
ok 'and taken away' is "$(spaces local one '{"workspaces":[]}')$(
    get '.account.workspaces | length')" 2000
ok 'but not by itself' is "$(spaces "$one" one '{"workspaces":["z"]}')" 403
ok 'nor by an administrator' is "$(spaces "$A" one '{"workspaces":["z"]}')" 403
ok 'of nobody there are none' is \
    "$(spaces local none '{"workspaces":["z"]}')" 404
ok 'without a list it is refused' is "$(spaces local one '{}')$(
    get .field)" 400workspaces

# -- new keys --
build "$one" mine >/dev/null
ok 'a user changes the own key' is "$(change "$one" one/rotate)" 200
new=$(get .key)
ok 'the old one is dead at once' is_dead "$one"
ok 'the new one works' works "$new"
ok 'and has what was there' is "$(api "$new" GET "$J")$(
    get '.jobs[0].customName')" 200mine
one=$new
ok "another's key is not his to change" is "$(change "$one" two@ci/rotate)" 404
ok 'whether there is such an account or not' is \
    "$(change "$one" none/rotate)" 404
ok 'nor an administrator' is "$(change "$A" one/rotate)" 403
ok 'the server itself changes it' is "$(change local one/rotate)" 200
ok 'the old one is dead' is_dead "$one"
one=$(get .key)
api local POST /api/accounts/one/rotate >/dev/null
one=$(get .key)
ok 'of nobody it changes none' is "$(change local none/rotate)" 404
ok 'with a grace both work' is \
    "$(change "$one" one/rotate '{"grace":"10m"}')$(get .grace)" 200600
new=$(get .key)
ok 'the old' works "$one"
ok 'and the new' works "$new"
ok 'the next change ends both' is "$(change "$new" one/rotate)" 200
last=$(get .key)
ok 'the oldest' is_dead "$one"
ok 'the older' is_dead "$new"
ok 'but not its own' works "$last"
one=$last
ok 'a grace of a second' is \
    "$(change "$one" one/rotate '{"grace":1}')" 200
new=$(get .key)
is_over() { is_dead "$one"; }
ok 'ends after it' wait_for is_over
ok 'the new key goes on' works "$new"
one=$new
for bad in '"10"' '"x"' -1 '"8d"' '"1m1"' 604801 true '"-1m"' 1.5 \
    '"99999999999999999999d"'; do
	ok "a grace of $bad is refused" is \
	    "$(change "$one" one/rotate "{\"grace\":$bad}")$(get .field)" \
	    400grace
done
ok 'and the key is the same' works "$one"

# Many at once: one succeeds for each key that was there, and in the end just
# one key works.
at_once() {
	pids=
	for i in 1 2 3 4 5 6 7 8 9 10; do
		curl -s -m 20 --unix-socket "$MUSTER_SOCKET" -X POST \
		    -o "$T/at-once.$i" \
		    http://localhost/api/accounts/one/rotate &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || return 1
	done
	alive=0
	for i in 1 2 3 4 5 6 7 8 9 10; do
		k=$(jq -r '.key // empty' "$T/at-once.$i")
		[ -z "$k" ] || [ "$(api "$k" GET /api/account)" != 200 ] || {
			alive=$((alive + 1))
			one=$k
		}
	done
	is $alive 1
}
ok 'of ten changes at once one key is left' at_once

# -- disabled --
id=$(build "$one" quick)
wait_for has_status "$one" "$id" completed
curl -s -N -m 30 -H "Authorization: Bearer $one" "$S/api/events?follow=1" \
    >"$T/stream" &
stream=$!
flows() { grep -q . "$T/stream" || build "$one" quick >/dev/null; }
wait_for flows
ok 'it is disabled' is "$(change local one/disable)$(get .account.disabled)" \
    200true
ok 'its key is none' is_dead "$one"
ok 'what listened under it ends' wait_for gone "$stream"
ok 'not by itself or an administrator' is \
    "$(change "$two" one/disable)$(change "$A" one/enable)" 403403
ok 'nor what is no name' is \
    "$(change local %ff%fe/disable)$(change local %ff/rotate)" 404404
ok 'nobody cannot be' is \
    "$(change local none/disable)$(change local none/enable)" 404404
ok 'it is enabled again' is "$(change local one/enable)$(
    get .account.disabled)" 200false
ok 'its key works as before' works "$one"
ok 'no key stands in the store' is "$(grep -c -a -e "$one" -e "$two" \
    -e "$last" "$T/srv/state/store/data.mdb")" 0
ok 'nor in the log' is "$(grep -c -e "$one" -e "$two" -e "$last" \
    "$T/srv/buildsrv.log")" 0
kill_server
serve --rate-limit-address 0
ok 'all this is there after a crash' works "$one"
done_testing

#!/bin/sh
# Who did what is written down: in order, without gaps, for good; and only
# administrators read it.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve
A=$MUSTER_API_KEY
json='Content-Type: application/json'
one=$(account one)
two=$(account two)
# entries AFTER: "who action object result" of each, from $T/body.
entries() {
	api "$A" GET "/api/audit?after=$1" >"$T/code"
	get '.entries[] | "\(.who) \(.action) \(.object) \(.result)"'
}
last() {
	api "$A" GET /api/audit >"$T/code"
	get .next
}
ok 'the accounts that were made are there' is "$(entries 0)" \
    'local account.add admin ok
local account.add one ok
local account.add two ok'
ok 'with the uid that made them' is "$(get '.entries[0].uid')" "$(id -u)"
ok 'where it came from' is "$(get '.entries[0].address')" unix
ok 'and when' test "$(get '.entries[0].t')" -gt 1600000000000
ok 'numbered from 1' is "$(get '[.entries[].seq] | join(",")')" 1,2,3

from=$(last)
id=$(build "$one" hold)
request=$(sed -n 's/^[Xx]-[Rr]equest-[Ii]d: *\([0-9a-f]*\).*/\1/p' "$T/head")
wait_for started hold
api "$two" POST "$J/$id/cancel" >/dev/null
api "$A" POST "$J/$id/cancel" >/dev/null
wait_for has_status "$one" "$id" cancelled
api "$one" DELETE "$J/$id" >/dev/null
api local POST /api/accounts/one/rotate >/dev/null
one=$(get .key)
api local POST /api/accounts/two/disable >/dev/null
api local POST /api/accounts/two/enable >/dev/null
api local PUT /api/accounts/two/workspaces -H "$json" \
    -d '{"workspaces":["w"]}' >/dev/null
api "$one" POST /api/accounts -H "$json" -d '{"name":"x"}' >/dev/null
ok 'what was done is there, and what was refused' is "$(entries "$from")" \
    "one build.submit $id ok
admin build.cancel $id ok
one build.delete $id ok
local account.rotate one ok
local account.disable two ok
local account.enable two ok
local account.workspaces two ok
one request.POST /api/accounts refused"
ok 'with the request that the answer named' is "$(
    get '.entries[0].request')" "$request"
ok 'the numbers have no gap' is "$(api "$A" GET /api/audit)$(
    get '[.entries[].seq] == [range(1; 12)]')" 200true
ok 'by pages' is "$(api "$A" GET '/api/audit?after=2&limit=3')$(
    get '"\([.entries[].seq] | join(",")) \(.next)"')" '2003,4,5 5'
ok 'behind the last there is nothing' is "$(api "$A" GET \
    '/api/audit?after=11')$(get '"\(.entries|length) \(.next)"')" '2000 11'
for bad in after=-1 after=x limit=0 limit=201 who=me; do
	ok "$bad is refused" is "$(api "$A" GET "/api/audit?$bad")$(
	    get .field)" "400${bad%%=*}"
done
ok 'it is not for users' is "$(api "$one" GET /api/audit)" 403
ok 'and cannot be changed' is "$(for m in POST PUT PATCH DELETE; do
	api "$A" $m /api/audit
    done)" 405405405405
ok 'a request that fails leaves nothing' is "$(from=$(last)
    api local POST /api/accounts -H "$json" -d '{"name":"one"}' >/dev/null
    api local POST /api/accounts/none/disable >/dev/null
    post "$one" '{"os":"linux","architecture":"universal"}' >/dev/null
    entries "$from")" ''

# Nobody fills the disk with what is refused.
from=$(last)
i=0
while [ $i -lt 60 ]; do
	api "$two" POST /api/accounts >/dev/null
	i=$((i + 1))
done
refused=$(entries "$from" | wc -l)
ok 'of much that is refused a part is noted' test "$refused" -ge 20 -a \
    "$refused" -le 40

before=$(last)
kill_server
serve
ok 'nothing is lost by a crash' is "$(last)" "$before"
account three >/dev/null
ok 'and the next has the next number' is "$(entries "$before")$(get .next)" \
    "local account.add three ok$((before + 1))"
ok 'no key is in it' is "$(api "$A" GET /api/audit)$(
    grep -c muster_ "$T/body")" 2000
done_testing

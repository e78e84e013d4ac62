#!/bin/sh
# Downloads are counted once each, resumed parts together, and limited also
# against transfers that are under way; a stranger learns nothing of a token.
. "${0%/*}/artifacts-lib.sh"

at_end "testbed --stop $T/srv"
start_server
K=1024

id=$(build web-300)
u=$(url "$id")
get -I "$u" >"$T/.code"
get -H 'If-None-Match: *' "$u" >"$T/.code"
get -r 999999999- "$u" >"$T/.code"
get -r 0-99 "$u" >"$T/.code"
get "$u" >"$T/.code"
ok 'HEAD, 304, 416 and a part are no download' counted "$id" 1
get -r 0-$((100 * K - 1)) "$u" >"$T/.code"
get -r $((200 * K))- "$u" >"$T/.code"
get -r $((90 * K))-$((210 * K)) "$u" >"$T/.code"
ok 'parts that cover the file are one' counted "$id" 2
curl -s -m 60 -r 0-$((150 * K - 1)) -o "$T/resumed" "$u"
curl -s -m 60 -C - -o "$T/resumed" "$u"
ok 'what was resumed is one' counted "$id" 3
get "$u" >"$T/.code"
cmp_resumed() { cmp "$T/resumed" "$T/body"; }
ok 'and whole' cmp_resumed
ok 'the list tells when' says '^"20' \
    sh -c "curl -s -H '$A' '$S/api/artifacts/downloads' |
    jq '.downloads[0].lastDownloadAt'"

# A limit of one; the slow client has not taken all that the kernel can hold.
id=$(build big-32768 '"maxDownloads":1')
u=$(url "$id")
curl -s --limit-rate 200k -o "$T/slow" "$u" & slow=$!
sending() {
	curl -s -H "$A" "$S/api/artifacts/stats" | jq .transfers.open
}
wait_for test -s "$T/slow"
ok 'one is under way' is "$(sending)" 1
ok 'a second is 429' is "$(get "$u")" 429
ok 'and may try again' says '^[1-9]' header retry-after
ok 'a part is, too' is "$(get -r 0-9 "$u")" 429
ok 'HEAD is not' is "$(get -I "$u")" 200
kill "$slow"
none() { [ "$(sending)" = 0 ]; }
ok 'the first one breaks' wait_for none
ok 'it was not counted' counted_now "$id" 0
ok 'the second is 200 now' is "$(get "$u")" 200
ok 'it is counted' counted "$id" 1
ok 'a third is 429' is "$(get "$u")" 429
ok 'for good' is "$(header retry-after)" ''
ok 'HEAD says so as well' is "$(get -I "$u")" 429
ok 'the owner sees it used up' is "$(curl -s -H "$A" \
    "$S/api/artifacts/downloads" | jq -c ".downloads[] |
    select(.jobId == \"$id\") | [.downloads, .maxDownloads, .usable]")" \
    '[1,1,false]'

id=$(build many-8192 '"maxDownloads":3')
u=$(url "$id")
i=0
while [ $i -lt 12 ]; do
	curl -s -m 60 -o "$T/many$i" -w '%{http_code}\n' "$u" >>"$T/codes" &
	i=$((i + 1))
done
all_ended() { [ "$(wc -l <"$T/codes")" = 12 ]; }
wait_for all_ended
ok 'of twelve at once three are served' is \
    "$(sort "$T/codes" | uniq -c | tr -s ' ' | tr '\n' ,)" ' 3 200, 9 429,'
ok 'and counted' counted "$id" 3

# Parts side by side are one copy.
id=$(build parts-900 '"maxDownloads":1')
u=$(url "$id")
for r in 0-299999 300000-599999 600000-; do
	curl -s -m 60 -r $r -o "$T/part-$r" "$u" & parts="${parts:-} $!"
done
# shellcheck disable=SC2086
wait $parts
cat "$T/part-0-299999" "$T/part-300000-599999" "$T/part-600000-" >"$T/whole"
ok 'parts side by side of a limit of one' is \
    "$(sha256sum <"$T/whole" | cut -d ' ' -f 1)" "$(curl -s -H "$A" \
    "$S/api/agents/build/jobs/$id" | jq -r .job.checksum)"
ok 'are one download' counted "$id" 1

# A transfer that is under way is not cut.
id=$(build slow-32768)
u=$(url "$id")
t=$(token "$id")
curl -s --limit-rate 20M -o "$T/cut" -w '%{http_code}' "$u" >"$T/cut.code" &
slow=$!
wait_for test -s "$T/cut"
ok 'revoked' is "$(get -X DELETE -H "$A" \
    "$S/api/artifacts/downloads/$t")" 200
wait "$slow"
ok 'what was under way is whole' is "$(cat "$T/cut.code")/$(wc -c \
    <"$T/cut")" "200/$((32768 * K))"
ok 'another is 410' is "$(get "$u")" 410
ok 'which says why' grep -q revoked "$T/body"
ok 'also with a range' is "$(get -r 5- "$u")" 410
ok 'revoking again is no error' is "$(get -X DELETE -H "$A" \
    "$S/api/artifacts/downloads/$t")" 200

# The account that it belongs to.
key=$(muster account add other)
A="Authorization: Bearer $key"
id=$(build theirs-40)
u=$(url "$id")
ok 'an account'"'"'s download' is "$(get "$u")" 200
curl -s -X POST --unix-socket "$MUSTER_SOCKET" -o "$T/disabled" \
    http://local/api/accounts/other/disable
if grep -q '"success":true' "$T/disabled"; then
	ok 'is 403 when the account is disabled' is "$(get "$u")" 403
else
	ok 'is 403 when disabled # SKIP accounts cannot be disabled' true
fi
done_testing

#!/bin/sh
# Another user's job, token and agent are answered like what does not exist.
. "${0%/*}/lib.sh"

at_end "testbed --stop $T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"
admin=$MUSTER_API_KEY
one=$(muster account add one)
two=$(muster account add two)
S=$MUSTER_SERVER

# code KEY CURL-ARGUMENTS...
code() {
	key=$1
	shift
	curl -s -m 10 -o "$T/body" -w '%{http_code}' \
	    -H "Authorization: Bearer $key" "$@"
}
MUSTER_API_KEY=$one muster build --os linux --arch x64 -w >"$T/url" \
    2>"$T/err" || { cat "$T/err"; exit 1; }
id=$(MUSTER_API_KEY=$one muster jobs | cut -f 1)
token=$(sed 's,.*/,,' "$T/url")
J=$S/api/agents/build/jobs

ok 'the owner sees the job' is "$(code "$one" "$J/$id")" 200
ok 'the administrator too' is "$(code "$admin" "$J/$id")" 200
ok 'another user does not' is "$(code "$two" "$J/$id")" 404
cp "$T/body" "$T/other"
ok 'an unknown job is 404' is \
    "$(code "$two" "$J/00000000-0000-4000-8000-000000000000")" 404
ok 'with the very same words' cmp "$T/body" "$T/other"
ok 'nor its log' is "$(code "$two" "$J/$id/log")" 404
ok 'nor can it be cancelled' is "$(code "$two" "$J/$id/cancel" -X POST)" 404
ok 'nor is it in the list' is "$(MUSTER_API_KEY=$two muster jobs -a)" ''
ok 'nor its download' is \
    "$(curl -s -H "Authorization: Bearer $two" \
    "$S/api/artifacts/downloads" | jq '.downloads|length')" 0
ok 'nor can it be revoked' is \
    "$(code "$two" "$S/api/artifacts/downloads/$token" -X DELETE)" 404
ok 'the token itself is the right to the file' is \
    "$(curl -s -o "$T/f" -w '%{http_code}' "$(cat "$T/url")")" 200
ok 'the administrator may list all jobs' is \
    "$(muster jobs -a | cut -f 1)" "$id"
ok 'an ended job cannot be cancelled' is \
    "$(code "$one" "$J/$id/cancel" -X POST)" 409
ok 'the download was counted, once' wait_for is \
    "$(curl -s -H "Authorization: Bearer $one" \
    "$S/api/artifacts/downloads" | jq '.downloads[0].downloads')" 1
ok 'the owner revokes it' is \
    "$(code "$one" "$S/api/artifacts/downloads/$token" -X DELETE)" 200
ok 'then it is gone' is \
    "$(curl -s -o "$T/f" -w '%{http_code}' "$(cat "$T/url")")" 410
ok 'no token and no key stands in the store' is \
    "$(grep -c -a -e "$token" -e "$one" "$T/srv/state/store/data.mdb")" 0
ok 'the server logs no key' is \
    "$(grep -c -e "$token" -e "$one" -e "$admin" "$T/srv/buildsrv.log")" 0
done_testing

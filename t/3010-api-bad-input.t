#!/bin/sh
# Every endpoint answers what is wrong with the right status and a JSON error
# that names the field, and changes nothing.
. "${0%/*}/lib.sh"

at_end "testbed --stop $T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"
user=$(muster account add someone --socket "$MUSTER_SOCKET")
S=$MUSTER_SERVER

# answers STATUS PATTERN CURL-ARGUMENTS...: the status, and a body that is
# JSON and matches.
answers() {
	want=$1 pattern=$2
	shift 2
	got=$(curl -s -m 10 -o "$T/body" -w '%{http_code}' "$@") || return 1
	[ "$got" = "$want" ] || {
		echo "wanted $want, got $got:"
		cat "$T/body"
		return 1
	}
	jq -e . "$T/body" >/dev/null || { cat "$T/body"; return 1; }
	grep -Eq -- "$pattern" "$T/body" || { cat "$T/body"; return 1; }
}
as() {
	key=$1
	shift
	"$@" -H "Authorization: Bearer $key"
}
# build STATUS PATTERN BODY
build() {
	as "$user" answers "$1" "$2" -H 'Content-Type: application/json' \
	    -d "$3" "$S/api/agents/build"
}
field() { printf '"field":"%s"' "$1"; }

ok 'health needs no key'	answers 200 '"ok"' "$S/healthz"
ok 'an unknown path is 404'	answers 404 '"success":false' "$S/nowhere"
for p in /api/agents/build/jobs /api/agents/build/jobs/x \
    /api/agents/build/jobs/x/log /api/agents/build/stats \
    /api/agents/build/jobs/x/why /api/account /api/audit \
    /api/artifacts/downloads /api/artifacts/stats /agents /api/accounts; do
	ok "GET $p without a key is 401" \
	    answers 401 "$(field Authorization)" "$S$p"
	ok "GET $p with a wrong key is 401" \
	    as wrong answers 401 "$(field Authorization)" "$S$p"
	ok "PATCH $p is 405" answers 405 'GET' -X PATCH "$S$p"
done
ok 'a key of another scheme is 401' answers 401 "$(field Authorization)" \
    -H "Authorization: Basic $user" "$S/agents"
ok 'POST build without a key is 401' answers 401 "$(field Authorization)" \
    -d '{}' "$S/api/agents/build"
ok 'an unknown query parameter is named' as "$user" answers 400 \
    "$(field nonsense)" "$S/api/agents/build/jobs?nonsense=1"
ok 'a bad limit is named' as "$user" answers 400 "$(field limit)" \
    "$S/api/agents/build/jobs?limit=x"
ok 'a limit out of range is named' as "$user" answers 400 "$(field limit)" \
    "$S/api/agents/build/jobs?limit=99999"
ok 'a bad status is named' as "$user" answers 400 "$(field status)" \
    "$S/api/agents/build/jobs?status=lost"
ok 'a bad cursor is named' as "$user" answers 400 "$(field cursor)" \
    "$S/api/agents/build/jobs?cursor=!!"
ok 'statistics are for administrators' as "$user" answers 403 success \
    "$S/api/agents/build/stats"
ok 'artifact statistics too' as "$user" answers 403 success \
    "$S/api/artifacts/stats"
ok 'accounts are not made over the network' as "$MUSTER_API_KEY" \
    answers 403 socket -d '{"name":"x"}' "$S/api/accounts"
ok 'an unknown job is 404' as "$user" answers 404 'no such job' \
    "$S/api/agents/build/jobs/00000000-0000-4000-8000-000000000000"
ok 'an unknown token is 404' answers 404 'no such download' \
    "$S/api/artifacts/download/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
ok 'revoking an unknown one too' as "$user" answers 404 'no such download' \
    -X DELETE "$S/api/artifacts/downloads/AAAA"

good='"os":"linux","architecture":"x64"'
ok 'bad JSON has its line'	build 400 'line 1' '{'
ok 'an array is refused'	build 400 'must be an object' '[]'
ok 'nothing is refused'		build 400 'bad JSON' ''
ok 'an unknown field is named'	build 400 "$(field nonsense)" \
    "{$good,\"nonsense\":1}"
ok 'a missing one too'		build 400 "$(field os)" \
    '{"architecture":"x64"}'
ok 'a bad word too'		build 400 "$(field os)" \
    '{"os":"beos","architecture":"x64"}'
ok 'a wrong type too'		build 400 "$(field architecture)" \
    '{"os":"linux","architecture":64}'
ok 'and within capabilities'	build 400 \
    "$(field capabilities.processMonitoring)" \
    "{$good,\"capabilities\":{\"processMonitoring\":\"yes\"}}"
ok 'an unknown capability is named' build 400 \
    "$(field capabilities.telepathy)" \
    "{$good,\"capabilities\":{\"telepathy\":true}}"
ok 'a duplicate key is refused'	build 400 'duplicate' "{$good,\"os\":\"linux\"}"
ok 'a name with a slash is refused' build 400 "$(field customName)" \
    "{$good,\"customName\":\"../x\"}"
ok 'a name with a quote is refused' build 400 "$(field customName)" \
    "{$good,\"customName\":\"a'b\"}"
ok 'a name with a newline is refused' build 400 "$(field customName)" \
    "{$good,\"customName\":\"a\\nb\"}"
ok 'a name over its size is refused' build 400 "$(field customName)" \
    "{$good,\"customName\":\"$(printf '%065d' 1)\"}"
ok 'what cannot be built is refused with what can' build 400 \
    '"supported":\["linux/x64"' '{"os":"linux","architecture":"universal"}'
ok 'a body of another type is 415' as "$user" answers 415 Content-Type \
    -H 'Content-Type: text/plain' -d "{$good}" "$S/api/agents/build"
head -c 2000000 /dev/zero | tr '\0' ' ' >"$T/big"
ok 'an oversized body is 413' as "$user" answers 413 success \
    -H 'Content-Type: application/json' -H 'Expect:' \
    --data-binary "@$T/big" "$S/api/agents/build"
ok 'nothing was made by all of this' is "$(MUSTER_API_KEY=$user muster jobs)" ''
ok 'an account that exists is 409' exits 1 muster account add someone
ok 'a bad account name is 100' exits 100 muster account add 'a b'
ok 'a bad role is 100' exits 100 muster account add b --role king
done_testing

#!/bin/sh
# How often one may ask: with one key, and from one address without a good
# one.  Who asks too often is told when to come again, and nobody else is.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve --rate-limit 1
one=$(account one)
two=$(account two)
# many N KEY PATH: the statuses of N requests at once, counted.
many() {
	n=$1 key=$2 what=$3
	i=0
	while [ $i -lt "$n" ]; do
		printf 'url = "%s"\noutput = "/dev/null"\n' "$S$what"
		i=$((i + 1))
	done >"$T/config"
	set -- -s -m 60 -Z --parallel-max 100 -w '%{http_code}\n' -K "$T/config"
	[ "$key" = - ] || set -- "$@" -H "Authorization: Bearer $key"
	curl "$@" 2>/dev/null | sort | uniq -c | tr -s ' ' | tr '\n' ' '
}
# behind_many KEY0 KEY PATH: the status of a request right behind a dozen that
# fail, with KEY0 (or -), as api says it: no time for more to be allowed.
behind_many() {
	with=/dev/null
	[ "$1" = - ] || { echo "header = \"Authorization: Bearer $1\""
	    with=$T/with; } >"$T/with"
	api_key=$2 api_path=$3
	set -- -s -m 20 -D "$T/head" -o "$T/body" -w '%{http_code}'
	[ "$api_key" = - ] ||
		set -- "$@" -H "Authorization: Bearer $api_key"
	curl -s -o /dev/null -K "$with" "$S$J/[1-12]" --next "$@" "$S$api_path"
}
# some N COUNTS: whether the first figure is N or a few more.
some() {
	echo "$2"
	heard=${2# }
	heard=${heard%% *}
	[ "$heard" -ge "$1" ] && [ "$heard" -le $(($1 + $1 / 2 + 2)) ]
}
# Until the bucket of an address is full again.
is_full() { [ "$(date +%s)" -ge "$full" ]; }
wait_full() {
	full=$(($(date +%s) + 6))
	wait_for is_full
}

# -- by key --
ok 'of 100 requests at once with a key 2 are heard, the rest told off' \
    some 2 "$(many 100 "$one" /api/account)"
ok 'with 429' is "$(behind_many "$one" "$one" /api/account)" 429
ok 'and a time to come back' grep -Eqi '^retry-after: 1' "$T/head"
ok 'as JSON' is "$(get .success)" false
ok 'another key is not concerned' is "$(api "$two" GET /api/account)" 200
ok "nor the server's own socket" is "$(
    i=0
    while [ $i -lt 60 ]; do
	api local GET /api/account
	i=$((i + 1))
    done | fold -w 3 | sort | uniq -c | tr -s ' ')" ' 60 200'
back() { [ "$(api "$one" GET /api/account)" = 200 ]; }
ok 'after a while there are more' wait_for back

# -- by address --
testbed --stop "$T/srv"
serve --rate-limit-address 1
ok 'a good key' is "$(api "$two" GET /api/account)" 200
for key in - wrong; do
	wait_full
	ok "of 60 requests at once with the key $key 5 are heard" \
	    some 5 "$(many 60 "$key" /api/account)"
	ok 'then none' is "$(behind_many - "$key" /api/account)" 429
	ok 'with a time to come back' grep -Eqi '^retry-after: 1' "$T/head"
done
ok 'a download that is not there is told off, too' is \
    "$(behind_many - - /api/artifacts/download/xxxx)" 429
ok 'a new key from this address has to wait' is "$(
    account three >"$T/three"
    behind_many - "$(cat "$T/three")" /api/account)" 429
ok 'one that was good lately has not' is "$(api "$two" GET /api/account)" 200
ok 'nor a health check' is "$(api - GET /healthz)" 200
three() { [ "$(api "$(cat "$T/three")" GET /api/account)" = 200 ]; }
ok 'the new key is heard later' wait_for three

# -- good keys take nothing from the address --
wait_full
many 35 "$two" /api/account >/dev/null
ok 'good requests do not count as bad ones' is \
    "$(api - GET /api/account)" 401

# -- the more wrong keys, the later the answer --
wait_full
ms() { date +%s%3N; }
took() {
	began=$(ms)
	api wrong GET /api/account >"$T/code"
	echo $(($(ms) - began))
}
first=$(took)
many 3 wrong /api/account >/dev/null
last=$(took)
echo "# $first ms, $last ms"
ok 'the fifth wrong key is answered later than the first' \
    test $((last - first)) -gt 250
ok 'but is answered' is "$(cat "$T/code")" 401
ok 'no key is in the log' is \
    "$(grep -c -e "$one" -e "$two" "$T/srv/buildsrv.log")" 0

testbed --stop "$T/srv"
serve --rate-limit 0 --rate-limit-address 0
ok '0 is no limit' is "$(many 300 "$one" /api/account)" ' 300 200 '
ok 'for addresses, too' is "$(many 300 - /api/account)" ' 300 401 '
done_testing

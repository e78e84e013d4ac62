#!/bin/sh
# Lists come in pages that stay in order while jobs are added, and filters
# leave nothing out.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve --rate-limit 0
one=$(account one)
two=$(account two)
i=0
while [ $i -lt 25 ]; do
	build "$one" "quick$((i % 5))" >>"$T/made"
	build "$two" quick0 >"$T/theirs"
	i=$((i + 1))
done
last=$(tail -n 1 "$T/made")
WAIT=30 wait_for has_status "$one" "$last" completed
broken=$(build "$one" fails)
WAIT=20 wait_for has_status "$one" "$broken" failed
echo "$broken" >>"$T/made"

# pages QUERY [COMMAND]: all ids of all pages; the command runs in between.
pages() {
	cursor='' query=$1
	n=0
	: >"$T/ids"
	while :; do
		api "$one" GET "$J?$query${cursor:+&cursor=$cursor}" >"$T/code"
		[ "$(cat "$T/code")" = 200 ] || return 1
		get '.jobs[].jobId' >>"$T/ids"
		cursor=$(get '.nextCursor // empty')
		n=$((n + 1))
		[ -n "$cursor" ] || break
		[ $n -lt 40 ] || return 1
		[ $# -lt 2 ] || $2
	done
}
tac "$T/made" >"$T/want"
ok 'all jobs by pages of seven' pages limit=7
ok 'newest first, each once' cmp "$T/ids" "$T/want"
ok 'in four pages' is "$n" 4
added() { build "$one" quick9 >/dev/null; }
ok 'while new ones come' pages limit=4 added
ok 'the pages stay as they were' cmp "$T/ids" "$T/want"
ok 'page by page' is "$n" 7
ok 'a page that just fits is the last' is "$(api "$two" GET "$J?limit=25")$(
    get '.jobs|length')$(get .nextCursor)" 20025null

ok 'by name' pages 'limit=2&name=quick3'
ok 'just those' is "$(wc -l <"$T/ids" | tr -d ' ')" 5
ok 'in order' is "$(cat "$T/ids")" "$(grep -F -f "$T/ids" "$T/want")"
ok 'by a name that nobody has' is "$(api "$one" GET "$J?name=none")$(
    get '.jobs|length')$(get .nextCursor)" 2000null
ok 'by status' pages 'status=failed&limit=1'
ok 'just that one' is "$(cat "$T/ids")" "$broken"
ok 'by both' is "$(api "$one" GET "$J?status=failed&name=quick1")$(
    get '.jobs|length')" 2000
for bad in limit=0 limit=201 limit=-1 limit= limit=1x status= status=run \
    'status=failed%7Cpending' cursor=x cursor=-1 cursor= \
    cursor=99999999999999999999 order=up; do
	ok "$bad is refused" is "$(api "$one" GET "$J?$bad")" 400
	ok 'by name' is "$(get .field)" "${bad%%=*}"
done
ok 'fifty are a page' is "$(api "$one" GET "$J")$(
    get '.jobs|length')" 200$(($(wc -l <"$T/made") + 6))
ok 'an administrator sees his own' is "$(api "$MUSTER_API_KEY" GET "$J")$(
    get '.jobs|length')" 2000
ok 'or all' is "$(api "$MUSTER_API_KEY" GET "$J?all=1&limit=200")$(
    get '.jobs|length')" 200$(($(wc -l <"$T/made") + 6 + 25))
done_testing

#!/bin/sh
# A package by its token: HEAD, ranges, conditions, by RFC 9110; and the file
# as it is stored.
. "${0%/*}/artifacts-lib.sh"

at_end "testbed --stop $T/srv"
start_server
id=$(build web-300)
u=$(url "$id")
size=$((300 * 1024))
sum=$(curl -s -H "$A" "$S/api/agents/build/jobs/$id" | jq -r .job.checksum)
file=$T/srv/state/artifacts/$sum

# part FROM COUNT: of the package, to $T/part.
part() {
	tail -c +$(($1 + 1)) "$file" | head -c "$2" >"$T/part"
}
same_part() {
	part "$1" "$2"
	cmp "$T/part" "$T/body"
}

ok 'the file is named by its content' is \
    "$(sha256sum "$file" | cut -d ' ' -f 1)" "$sum"
ok 'and is for the server alone' is "$(stat -c %a "$file")" 600
ok 'HEAD is 200' is "$(get -I "$u")" 200
ok 'with the length' is "$(header content-length)" "$size"
ok 'the tag is the SHA-256' is "$(header etag)" "\"$sum\""
ok 'it takes ranges' is "$(header accept-ranges)" bytes
ok 'it has a name' is "$(header content-disposition)" \
    'attachment; filename="web-300.tar.gz"'
ok 'and a type' is "$(header content-type)" application/gzip
ok 'no cache keeps it' is "$(header cache-control)" 'private, no-store'
ok 'HEAD with a range has no part' is "$(get -I -H 'Range: bytes=0-9' "$u")" \
    200
ok 'GET is 200' is "$(get "$u")" 200
ok 'and brings the file' cmp "$T/body" "$file"
ok 'which is counted' counted "$id" 1

ok 'a range is 206' is "$(get -r 100-299 "$u")" 206
ok 'with its place' is "$(header content-range)" "bytes 100-299/$size"
ok 'and its bytes' same_part 100 200
ok 'one byte' is "$(get -r 0-0 "$u")/$(wc -c <"$T/body")" 206/1
ok 'from there on' is "$(get -r 300000- "$u")" 206
ok 'to the end' same_part 300000 $((size - 300000))
ok 'the last hundred' is "$(get -r -100 "$u")" 206
ok 'are those' same_part $((size - 100)) 100
ok 'a suffix longer than the file is the file' is \
    "$(get -r -999999999 "$u")/$(header content-range)" \
    "206/bytes 0-$((size - 1))/$size"
ok 'an end behind the end is the end' is \
    "$(get -r "$((size - 5))-99999999" "$u")/$(header content-range)" \
    "206/bytes $((size - 5))-$((size - 1))/$size"
ok 'a start behind the end is 416' is "$(get -r "$size-" "$u")" 416
ok 'with the size' is "$(header content-range)" "bytes */$size"
ok 'the last no bytes are 416' is "$(get -H 'Range: bytes=-0' "$u")" 416
for r in bytes=5-1 bytes=a-b bytes= bytes items=0-5 bytes=0-5,10-15 \
    bytes=99999999999999999999-; do
	ok "'$r' is as no range" is "$(get -H "Range: $r" "$u")" 200
done
ok 'If-Range with the tag is the part' is \
    "$(get -r 0-9 -H "If-Range: \"$sum\"" "$u")" 206
ok 'with another tag it is the whole' is \
    "$(get -r 0-9 -H 'If-Range: "other"' "$u")" 200
ok 'all of it' cmp "$T/body" "$file"
ok 'with a weak one too' is \
    "$(get -r 0-9 -H "If-Range: W/\"$sum\"" "$u")" 200
ok 'and with a date' is "$(get -r 0-9 -H \
    'If-Range: Wed, 21 Oct 2015 07:28:00 GMT' "$u")" 200
ok 'If-None-Match with the tag is 304' is \
    "$(get -H "If-None-Match: \"x\", W/\"$sum\"" "$u")" 304
ok 'without a body' is "$(wc -c <"$T/body")" 0
ok 'with the tag' is "$(header etag)" "\"$sum\""
ok 'with any it is as well' is "$(get -H 'If-None-Match: *' "$u")" 304
ok 'with another it is the file' is \
    "$(get -H 'If-None-Match: "x"' "$u")" 200
ok 'an unknown token is 404' is \
    "$(get "$S/api/artifacts/download/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")" 404
ok 'so is no token at all' is "$(get "$S/api/artifacts/download/")" 404

# Zero-copy, where the process may be watched.
big=$(build big-2048)
bu=$(url "$big")
read -r pid <"$T/srv/buildsrv.pid"
traced='the kernel copies the file (sendfile)'
strace -f -p "$pid" -e trace=sendfile,sendfile64 -o "$T/trace" \
    2>"$T/strace" & tracer=$!
if wait_for grep -q attached "$T/strace"; then
	get "$bu" >"$T/.code"
	ok "$traced" wait_for grep -q 'sendfile.* = [1-9]' "$T/trace"
	kill "$tracer"
	wait "$tracer" 2>"$T/.err"
	ok 'and brings all of it' cmp "$T/body" \
	    "$T/srv/state/artifacts/$(header x-checksum-sha256)"
else
	kill "$tracer" 2>"$T/.err"
	ok "$traced # SKIP processes cannot be watched here" true
fi

# Two jobs may make the same bytes.
one=$(build same-40)
before=$(files)
two=$(build same-40)
ok 'the same content is stored once' is "$(files)" "$before"
ok 'the first has it' is "$(get "$(url "$one")")" 200
cp "$T/body" "$T/first"
ok 'the second too' is "$(get "$(url "$two")")" 200
ok 'byte by byte' cmp "$T/body" "$T/first"
curl -s -H "$A" "$S/api/artifacts/stats" >"$T/stats"
ok 'statistics count it once' is "$(jq .files "$T/stats")" "$before"
ok 'and its tokens twice' is "$(jq .tokens "$T/stats")" 4
ok 'and agree with the disk' is "$(jq .stored.files "$T/stats")" "$before"
ok 'the list has pages' is "$(curl -s -H "$A" \
    "$S/api/artifacts/downloads?limit=3" | jq -c \
    '[(.downloads|length), (.nextCursor != null)]')" '[3,true]'
next=$(curl -s -H "$A" "$S/api/artifacts/downloads?limit=3" |
    jq -r .nextCursor)
ok 'to its end' is "$(curl -s -H "$A" \
    "$S/api/artifacts/downloads?limit=3&cursor=$next" | jq -c \
    '[(.downloads|length), .nextCursor]')" '[1,null]'
ok 'a cursor that is too long is refused' is "$(get -H "$A" \
    "$S/api/artifacts/downloads?cursor=$(printf '%0500d' 0)")" 400
done_testing

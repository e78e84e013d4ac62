#!/bin/sh
# What two readers could take for two different things is refused, and the
# connection closed: behind it no second request is found.  (The parser's
# own cases, many more, are in t/unit/httpd.c.)
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve --rate-limit-address 0 --log-level debug
user=$(account one)
where=${S#http://}

# raw TEXT: sends it, with printf's escapes; the answer is in $T/raw.
raw() {
	# shellcheck disable=SC2059
	printf "$1" | perl "$TOP/t/raw.pl" "$where" "${2:-5}" >"$T/raw"
}
statuses() { sed -n 's,^HTTP/1\.1 \([0-9]*\).*,\1,p' "$T/raw" | tr '\n' ' '; }
# refused TITLE STATUS TEXT: just one answer, and then the end, whatever
# follows.
follow='GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n'
refused() {
	raw "$3$follow"
	ok "$1" is "$(statuses)$(grep -c '\[open\]' "$T/raw")" "$2 0"
}
H='Host: h\r\n'
P="POST /api/agents/build HTTP/1.1\\r\\n$H"
A="Authorization: Bearer $user\\r\\n"

raw "GET /healthz HTTP/1.1\\r\\n$H\\r\\nGET /api/account HTTP/1.1\\r\\n$H$A\\r\\n" 1
ok 'two requests have two answers' is "$(statuses)" '200 200 '
raw "$P${A}Transfer-Encoding: chunked\\r\\n\\r\\n2\\r\\n{}\\r\\n0\\r\\n\\r\\nGET /healthz HTTP/1.1\\r\\n$H\\r\\n" 1
ok 'a chunked body ends where it says' is "$(statuses)" '400 200 '

# -- how long is the body? --
refused 'two lengths' 400 "${P}Content-Length: 2\\r\\nContent-Length: 40\\r\\n\\r\\n{}"
refused 'the same length twice' 400 "${P}Content-Length: 2\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
refused 'two in one' 400 "${P}Content-Length: 2, 40\\r\\n\\r\\n{}"
refused 'a length and chunks' 400 "${P}Content-Length: 4\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 'chunks and a length' 400 "${P}Transfer-Encoding: chunked\\r\\nContent-Length: 4\\r\\n\\r\\n0\\r\\n\\r\\n"
for n in +2 -2 0x2 2x '' '2 2' 2.0 ' '; do
	refused "the length '$n'" 400 "${P}Content-Length: $n\\r\\n\\r\\n{}"
done
refused 'a length that no number holds' 400 "${P}Content-Length: 18446744073709551618\\r\\n\\r\\n{}"
refused 'a length over the limit' 413 "${P}Content-Length: 70000\\r\\n\\r\\n{}"
for c in 'gzip, chunked' 'chunked, gzip' identity 'chunked, chunked' xchunked \
    '"chunked"' 'chunked;q=1' 'chunked\013' ''; do
	refused "the coding '$c'" 400 "${P}Transfer-Encoding: $c\\r\\n\\r\\n0\\r\\n\\r\\n"
done
refused 'a coding twice' 400 "${P}Transfer-Encoding: chunked\\r\\nTransfer-Encoding: identity\\r\\n\\r\\n0\\r\\n\\r\\n"
refused 'chunks in HTTP/1.0' 400 "POST / HTTP/1.0\\r\\n${H}Transfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n"

# -- chunks --
C="${P}Transfer-Encoding: chunked\\r\\n\\r\\n"
for n in x -1 +1 0x1 '' ' 1' '1 ' ffffffffffffffff 10000000000000000; do
	case $n in
	[f1]*00|fff*)	want=413 ;;
	*)		want=400 ;;
	esac
	refused "the chunk size '$n'" $want "$C$n\\r\\na\\r\\n0\\r\\n\\r\\n"
done
refused 'a chunk over the limit' 413 "${C}fffff\\r\\na"
refused 'a bare LF behind a size' 400 "${C}1\\na\\r\\n0\\r\\n\\r\\n"
refused 'a bare LF behind a chunk' 400 "${C}1\\r\\na\\n0\\r\\n\\r\\n"
refused 'a chunk longer than it says' 400 "${C}1\\r\\nabc\\r\\n0\\r\\n\\r\\n"
refused 'a bare LF in an extension' 400 "${C}1;a=\\nb\\r\\na\\r\\n0\\r\\n\\r\\n"
refused 'a bare CR in an extension' 400 "${C}1;a=\\rb\\r\\na\\r\\n0\\r\\n\\r\\n"
refused 'a folded trailer' 400 "${C}0\\r\\nX: a\\r\\n b\\r\\n\\r\\n"

# -- lines --
G='GET /healthz HTTP/1.1\r\n'
refused 'bare LFs' 400 'GET /healthz HTTP/1.1\nHost: h\n\n'
refused 'one bare LF' 400 "${G}Host: h\\nX: y\\r\\n\\r\\n"
refused 'a bare CR' 400 "${G}Host: h\\r\\nX: a\\rb\\r\\n\\r\\n"
refused 'a folded line' 400 "${G}Host: h\\r\\nX: a\\r\\n b\\r\\n\\r\\n"
refused 'one folded with a tab' 400 "${G}Host: h\\r\\nX: a\\r\\n\\tb\\r\\n\\r\\n"
refused 'a folded first line' 400 "${G} Host: h\\r\\n\\r\\n"
refused 'a space before the colon' 400 "${G}Host : h\\r\\n\\r\\n"
refused 'a hidden length' 400 "${P}Content-Length\\t: 2\\r\\n\\r\\n{}"
refused 'a header without a colon' 400 "${G}Host\\r\\n\\r\\n"
refused 'a header without a name' 400 "$G$H: x\\r\\n\\r\\n"
refused 'a NUL in a value' 400 "$G${H}X: a\\000b\\r\\n\\r\\n"
refused 'a byte that no name has' 400 "$G${H}X(a): b\\r\\n\\r\\n"
refused 'no host' 400 "$G\\r\\n"
refused 'two hosts' 400 "$G$H$H\\r\\n"
refused 'two keys' 400 "GET /api/account HTTP/1.1\\r\\n$H$A$A\\r\\n"
refused 'a request in a target' 400 "GET /healthz\\r\\nX: HTTP/1.1\\r\\n$H\\r\\n"
refused 'two spaces' 400 "GET  /healthz HTTP/1.1\\r\\n$H\\r\\n"
refused 'a tab for a space' 400 "GET\\t/healthz HTTP/1.1\\r\\n$H\\r\\n"
refused 'a NUL in the path' 400 "GET /healthz%%00 HTTP/1.1\\r\\n$H\\r\\n"
refused 'HTTP/2 by name' 505 "GET /healthz HTTP/2.0\\r\\n$H\\r\\n"
refused 'HTTP/0.9' 400 'GET /healthz\r\n\r\n'
refused 'a proxy' 501 "CONNECT h:1 HTTP/1.1\\r\\n$H\\r\\n"

# -- how much --
long=$(printf '%03000d' 1)
refused 'a target over its size' 414 "GET /$long HTTP/1.1\\r\\n$H\\r\\n"
refused 'a head over its size' 431 "$G${H}X: $long\\r\\nY: $long\\r\\nZ: $long\\r\\nU: $long\\r\\nV: $long\\r\\nW: $long\\r\\n\\r\\n"
many=''
i=0
while [ $i -lt 70 ]; do
	many="${many}X$i: y\\r\\n"
	i=$((i + 1))
done
refused 'too many headers' 431 "$G$H$many\\r\\n"

ok 'the log has what was answered' \
    grep -q 'GET /healthz status=200' "$T/srv/buildsrv.log"
ok 'and nothing of what stood behind' is \
    "$(grep -c smuggled "$T/srv/buildsrv.log")" 0
ok 'and the server lives' is "$(api - GET /healthz)" 200
done_testing

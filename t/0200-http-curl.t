#!/bin/sh
# The HTTP server as curl(1) sees it: in clear, under TLS, on a Unix socket.
# shellcheck disable=SC2154 # server is set by lib.sh
. "${0%/*}/lib.sh"

unit_server httpd
command -v curl >/dev/null || skip_all 'no curl'

head -c 3000000 /dev/urandom >"$T/file"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -keyout "$T/key" -out "$T/cert" -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null

# serve NAME WHERE [CERT KEY]: its URL is then in $T/NAME; $pid.
serve() {
	name=$1 where=$2
	shift 2
	"$server" serve "$where" "$T/file" "$@" >"$T/$name" &
	pid=$!
	at_end "kill -9 $pid 2>/dev/null"
	wait_for test -s "$T/$name"
}
get() { curl -sS --max-time 20 --cacert "$T/cert" "$@"; }
# code WANT CURL-ARGUMENT...
code() {
	want=$1
	shift
	is "$(get -o /dev/null -w '%{http_code}' "$@")" "$want"
}
same_file() {
	get "$@" -o "$T/copy" && cmp "$T/file" "$T/copy"
}
resume() {
	head -c 1000000 "$T/file" >"$T/copy"
	get -C - -o "$T/copy" "$@" && cmp "$T/file" "$T/copy"
}

serve plain 127.0.0.1:0
plain=$pid
serve tls 127.0.0.1:0 "$T/cert" "$T/key"
tls=$pid
for name in plain tls; do
	url=$(cat "$T/$name")
	ok "$name: query"	is "$(get "$url/a%20b?v=1%262")" \
	    'GET|/a b|v=1%262|-|1&2|'
	ok "$name: body"	is "$(get -d x=y "$url/p")" 'POST|/p||-|-|x=y'
	ok "$name: chunked body" is \
	    "$(echo hello | get -T - -H 'Transfer-Encoding: chunked' "$url/p")" \
	    'PUT|/p||-|-|hello'
	ok "$name: two requests on one connection" \
	    says '^[01]+$' get -w '%{num_connects}' -o /dev/null "$url/" \
	    -o /dev/null "$url/"
	ok "$name: HTTP/1.0"	is "$(get -0 --no-alpn "$url/")" 'GET|/||-|-|'
	ok "$name: HEAD"	says '^Content-Length: 3000000' get -I "$url/file"
	ok "$name: a file"	same_file "$url/file"
	ok "$name: resumed"	resume "$url/file"
	ok "$name: the last 10"	is "$(get -r -10 "$url/file" | cksum)" \
	    "$(tail -c 10 "$T/file" | cksum)"
	ok "$name: range"	code 206 -r 5-9 "$url/file"
	ok "$name: no range"	code 416 -r 3000000- "$url/file"
	ok "$name: same tag"	code 304 -H 'If-None-Match: "tag"' "$url/file"
	ok "$name: too large, and curl hears it" \
	    code 413 -T "$T/file" "$url/p"
	ok "$name: 100-continue" code 200 -H 'Expect: 100-continue' -d x "$url/p"
	ok "$name: ten megabytes" is \
	    "$(get "$url/big?n=10000000" | wc -c)" 10000000
	ok "$name: events come as they are" says '^data: 1$' \
	    get -N --max-time 1 "$url/flow"
done

serve unix "unix:$T/sock"
ok 'Unix socket'	is "$(get --unix-socket "$T/sock" http://h/x)" \
    'GET|/x||-|-|'
ok 'a file over it'	same_file --unix-socket "$T/sock" http://h/file
ok 'its URL'		says '^http\+unix://%2F' cat "$T/unix"
kill "$pid"
ok 'SIGTERM ends it'	wait "$pid"
ok 'and takes the socket away'	test ! -e "$T/sock"
serve unix "unix:$T/sock"
kill -9 "$pid"
wait "$pid" 2>/dev/null
ok 'kill -9 leaves it'	test -S "$T/sock"
serve unix "unix:$T/sock"
ok 'and the next replaces it'	is \
    "$(get --unix-socket "$T/sock" http://h/x)" 'GET|/x||-|-|'
ok 'a second server is refused'	exits 111 "$server" serve "unix:$T/sock"
kill "$pid" "$plain" "$tls"
ok 'all end in order'	wait "$plain"
ok 'also under TLS'	wait "$tls"
done_testing

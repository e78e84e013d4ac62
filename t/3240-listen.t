#!/bin/sh
# Where the server listens: several addresses, Unix sockets, and sockets that
# systemd passes.
# shellcheck disable=SC2154,SC2086,SC2016 # set by events-lib.sh; words; perl
. "${0%/*}/lib.sh"
. "${0%/*}/events-lib.sh"

command -v curl >/dev/null || skip_all 'no curl'
steered_pipeline
server "$T/srv" $steered --server-arg --listen --server-arg '[::1]:0' \
    --server-arg --listen --server-arg "unix:$T/more.sock"
ok 'the first address' is "$(curl -s "$S/healthz" | jq -r .status)" ok
ok 'a Unix socket' is "$(curl -s --unix-socket "$T/more.sock" \
    http://x/healthz | jq -r .status)" ok
ok 'for its owner alone' is "$(stat -c %a "$T/more.sock")" 600
v6=$(sed -n 's,.*listening at \(http://\[::1\]:[0-9]*\).*,\1,p' \
    "$T/srv/buildsrv.log")
if [ -n "$v6" ]; then
	ok 'an IPv6 address' is "$(curl -s "$v6/healthz" | jq -r .status)" ok
fi
testbed --stop "$T/srv"
ok 'a stop removes the Unix socket' test ! -e "$T/more.sock"

# The same, with the sockets made by somebody else.  What a child of the
# server has of them: sockets beyond its own three descriptors, variables.
cat >"$T/scripts/muster-source-hash" <<-END
	#!/bin/sh
	{ env | grep '^LISTEN_'
	for f in 3 4 5 6 7 8 9; do
		readlink /proc/\$\$/fd/\$f | grep socket
	done; } >"$T/child"
	echo steered
END
sign=$T/srv/run/sign.sock
muster-sign --serve --key-dir "$T/srv/keys" --work-dir "$T/srv/state/work" \
    --socket "$sign" 2>"$T/sign.log" & signer=$!
at_end "kill $signer 2>/dev/null; wait $signer 2>/dev/null"
wait_for muster-sign --socket "$sign" --print-public-key
# activated NAME=ADDRESS... -- [ARG...]: a server; its ports are in $T/ports.
activated() {
	words=
	while [ "$1" != -- ]; do
		words="$words $1"
		shift
	done
	shift
	rm -f "$T/ports" "$T/srv/buildsrv.log"
	# shellcheck disable=SC2086
	perl "$TOP/t/activate.pl" "$T/ports" $words -- \
	    muster-buildsrv --state-dir "$T/srv/state" --run-dir \
	    "$T/srv/run" --scripts "$T/scripts" --sign-socket "$sign" "$@" \
	    </dev/null >"$T/srv/buildsrv.log" 2>&1 & pid=$!
	at_end "kill $pid 2>/dev/null; wait $pid 2>/dev/null"
}
listens() { grep -q "listening at $1" "$T/srv/buildsrv.log"; }
stopped() { kill "$pid"; wait "$pid"; }

activated web=127.0.0.1:0 other=127.0.0.1:0 "local=$T/passed.sock" --
# What connects before the server is up waits in the socket.
wait_for test -s "$T/ports"
early=$(curl -s -m 20 "http://127.0.0.1:$(head -n 1 "$T/ports")/healthz" |
    jq -r .status)
ok 'who came before the server started is served' is "$early" ok
ok 'at the second socket too' is "$(curl -s -m 20 \
    "http://127.0.0.1:$(sed -n 2p "$T/ports")/healthz" | jq -r .status)" ok
ok 'and at a Unix socket' is "$(curl -s --unix-socket "$T/passed.sock" \
    http://x/healthz | jq -r .status)" ok
ok 'where the peer is known' is "$(curl -s -o "$T/body" -w '%{http_code}' \
    --unix-socket "$T/passed.sock" http://x/api/accounts)" 200
ok 'the default address is not taken' exits 1 listens http://127.0.0.1:8080
ok 'the first is what agents get' grep -q \
    "listening at http://127.0.0.1:$(head -n 1 "$T/ports")" \
    "$T/srv/buildsrv.log"
ok 'no child inherits them' is "$(cat "$T/child")" ''
stopped
ok 'a stop leaves the socket of another' test -S "$T/passed.sock"

activated web=127.0.0.1:0 -- --listen 127.0.0.1:0
both() { [ "$(grep -c 'listening at' "$T/srv/buildsrv.log")" = 2 ]; }
ok 'an address that is asked for comes as well' wait_for both
stopped

WRONG_PID=1 activated web=127.0.0.1:0 -- --listen 127.0.0.1:0
ok 'what was meant for another process' wait_for listens http://127.0.0.1
ok 'is left alone' is "$(grep -c 'listening at' "$T/srv/buildsrv.log")" 1
stopped

activated web=udp:127.0.0.1:0 --
ok 'what does not listen is refused' exits 100 wait "$pid"
ok 'in words' grep -q 'descriptor 3 (web): ' "$T/srv/buildsrv.log"

# systemd's own word for it.
if command -v systemd-socket-activate >/dev/null; then
	port=$(perl -MIO::Socket::INET -e '
		print IO::Socket::INET->new(LocalAddr => "127.0.0.1:0",
		    Listen => 1)->sockport')
	systemd-socket-activate -l "127.0.0.1:$port" --fdname=web \
	    -E PATH -E MUSTER_SCRIPTS -E MUSTER_SOURCE -E TOOLCHAIN_DIR \
	    "$(command -v muster-buildsrv)" --state-dir "$T/srv/state" \
	    --run-dir "$T/srv/run" --scripts "$T/scripts" \
	    --sign-socket "$sign" </dev/null >"$T/srv/buildsrv.log" 2>&1 &
	pid=$!
	at_end "kill $pid 2>/dev/null; wait $pid 2>/dev/null"
	up() { curl -s -m 20 "http://127.0.0.1:$port/healthz" | grep -q ok; }
	ok 'systemd-socket-activate starts it' wait_for up
	ok 'behind its socket' listens "http://127.0.0.1:$port"
	stopped
fi
done_testing

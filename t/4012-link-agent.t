#!/bin/sh
# Our agent and our server: encrypted, pinned, back after every loss.
. "${0%/*}/lib.sh"

at_end "testbed --stop $T/srv"
bed() { testbed --server-arg --open-registration "$T/srv" >"$T/env" 2>"$T/err"; }
bed || { cat "$T/err"; exit 1; }
# shellcheck disable=SC1091
. "$T/env"
pid=
start() {
	log=$T/$1.log
	shift
	muster-agent --server "$MUSTER_SERVER" --state-dir "$T/state" \
	    --name box --metrics-interval 200ms "$@" >"$log" 2>&1 &
	pid=$!
}
# shellcheck disable=SC2016
at_end 'kill $pid 2>/dev/null'
stop() { kill "$pid" && wait "$pid"; }
connected() { [ "$(muster agents | cut -f 4)" = "$1" ]; }
seen() { muster agents --json | grep -Eq "$1"; }
logged() { [ "$(grep -c "$1" "$log")" -ge "$2" ]; }

start one
ok 'it connects' wait_for connected yes
ok 'encrypted without being asked' grep -q 'authenticated .* encrypted' "$log"
ok 'its metrics arrive' wait_for seen '"memPercent": *[0-9]'
ok 'its version is told' seen '"version": *"[0-9]'
uid=$(muster agents | cut -f 1)
ok 'stopped: 0' exits 0 stop
ok 'the server knows at once' wait_for connected no

start two --encryption off
ok 'it may leave encryption out' wait_for connected yes
ok 'and is in clear' says 'encrypted": *false' muster agents --json
stop

# The server's key is the pin.
key=$(openssl rand -base64 32)
start three --backend-key "$key"
ok 'another server than pinned is refused' \
    wait_for logged 'is not the backend_key' 1
ok 'and never gets through' connected no
ok 'stopped: 0' exits 0 stop

start four
wait_for connected yes
read -r server <"$T/srv/buildsrv.pid"
kill -9 "$server"
ok 'a killed server is noticed' wait_for logged 'connection lost' 1
bed
# A wait between two attempts has 60 s at most.
WAIT=70 ok 'it comes back when the server does' wait_for connected yes
ok 'as the same agent' is "$(muster agents | cut -f 1)" "$uid"
testbed --stop "$T/srv"
ok 'a server that stops says when to come back' \
    wait_for logged 'connection lost' 2
bed
WAIT=70 ok 'and it does' wait_for connected yes
ok 'still one agent' is "$(muster agents | wc -l)" 1
ok 'registered once' is "$(cat "$T"/*.log | grep -c 'registered as')" 1
stop

# Memory: a goal of the project, which a build with sanitizers need not meet;
# times are `make bench`'s.
case $BIN in
*/san/*) ;;
*)	start five
	wait_for connected yes
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")
	ok "below 6 MB of memory ($rss KB)" test "$rss" -lt 6000
	stop ;;
esac
done_testing

#!/bin/sh
# The name of the server: each of its addresses is tried, and each try looks it
# up anew, so that a server that moves is found without a restart.
. "${0%/*}/lib.sh"
# shellcheck disable=SC2034
WAIT=10

# A mount namespace gives the agent another /etc/hosts.
for here in 'unshare -m' 'unshare -Urm' ''; do
	$here mount --bind /etc/hosts /etc/hosts 2>/dev/null && break
done
[ "$here" ] || skip_all 'no mount namespaces'
# with HOSTS-FILE COMMAND...: exec
# shellcheck disable=SC2016
with='mount --bind "$0" /etc/hosts && exec "$@"'

agent=
# shellcheck disable=SC2016
at_end 'kill $agent 2>/dev/null'
at_end "testbed --stop $T/srv"
testbed --server-arg --open-registration "$T/srv" >"$T/env" 2>"$T/err" ||
    { cat "$T/err"; exit 1; }
# shellcheck disable=SC1091
. "$T/env"
port=${MUSTER_SERVER##*:}
# start NAME HOST: the server listens at 127.0.0.1 alone.
start() {
	log=$T/$1.log
	$here sh -c "$with" "$T/hosts" "$BIN/muster-agent" \
	    --server "http://$2:$port" --plaintext --name "$1" \
	    --state-dir "$T/$1" --web-listen none >"$log" 2>&1 &
	agent=$!
}
stop() { kill "$agent" && wait "$agent"; }
up() { grep -q 'authenticated as' "$log"; }
failures() { grep -c 'connection failed' "$log"; }

printf '127.0.0.9 first.test\n127.0.0.1 first.test\n' >"$T/hosts"
printf '127.0.0.1 last.test\n127.0.0.9 last.test\n' >>"$T/hosts"
ok 'the name has both addresses' is "$($here sh -c "$with" "$T/hosts" \
    getent ahosts first.test | cut -d ' ' -f 1 | sort -u | tr '\n' ' ')" \
    '127.0.0.1 127.0.0.9 '
start one first.test
ok 'the one refuses, the other is tried' wait_for up
ok 'within the same try' is "$(failures)" 0
stop
start two last.test
ok 'and whatever their order' wait_for up
ok 'no more' is "$(failures)" 0
stop

echo '127.0.0.9 moved.test' >"$T/hosts"
start three moved.test
ok 'where nobody listens it fails' wait_for grep -q \
    'connection failed: connection refused' "$log"
echo '127.0.0.1 moved.test' >"$T/hosts"
ok 'the next try looks the name up anew' wait_for up
read -r server <"$T/srv/buildsrv.pid"
echo '127.0.0.9 moved.test' >"$T/hosts"
kill -9 "$server"
wait_for grep -q 'connection lost' "$log"
before=$(failures)
more() { [ "$(failures)" -gt "$before" ]; }
ok 'so does the one after a connection: it asks at the new place' wait_for more
stop

: >"$T/hosts"
start four nowhere.test
ok 'a name without an address is said' wait_for grep -Eq \
    'connection failed: .*(unknown|not known|no address|name)' "$log"
before=$(failures)
ok 'and looked up again' wait_for more
stop
done_testing

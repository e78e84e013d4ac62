#!/bin/sh
# What indicators name is blocked where that is asked for: addresses at
# connect, sendmsg and on arrival, programs at exec; and all is open without
# the module.
# shellcheck disable=SC2154	# set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"
command -v jq >/dev/null || skip_all 'no jq'
[ "$(id -u)" = 0 ] || skip_all 'needs root'
root=$(awk '{ for (i = 1; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2")
    { print $5; exit } }' /proc/self/mountinfo)
[ -n "$root" ] || skip_all 'no cgroup2'
if [ -z "${MUSTER_T_NET:-}" ]; then	# addresses and mounts of our own
	unshare -nm true 2>/dev/null || skip_all 'no namespaces'
	cleanup
	trap - EXIT
	MUSTER_T_NET=1 exec unshare -nm sh "$0"
fi
ip link set lo up
for a in 192.0.2.7 192.0.2.99 198.51.100.9 203.0.113.5; do
	ip addr add $a/32 dev lo
done
ip addr add 2001:db8::7/128 dev lo 2>/dev/null
cg=$root/muster-t-block.$$
mkdir "$cg" || skip_all 'no cgroup of our own'
at_end "rmdir '$cg'"
inside() { sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$cg" "$@"; }

cat >"$T/net.py" <<'END'
"""net.py serve | connect ADDRESS [FROM] | send ADDRESS"""
import socket
import sys

PORT = 7777
what, *args = sys.argv[1:]
if what == "serve":
    s = socket.create_server(("::", PORT), family=socket.AF_INET6,
                             dualstack_ipv6=True)
    print("ready", flush=True)
    while True:
        s.accept()[0].close()
family = socket.AF_INET6 if ":" in args[0] else socket.AF_INET
try:
    if what == "send":
        socket.socket(family, socket.SOCK_DGRAM).sendto(b"x", (args[0], 9))
    else:
        socket.create_connection((args[0], PORT), timeout=2, source_address=(
            args[1], 0) if args[1:] else None).close()
except PermissionError:
    sys.exit(3)
except TimeoutError:
    sys.exit(4)
END
net() { python3 "$T/net.py" "$@"; }
python3 "$T/net.py" serve >"$T/ready" & server=$!
at_end "kill $server 2>/dev/null; wait $server 2>/dev/null"
wait_for test -s "$T/ready"

mkdir "$T/m" "$T/other"
mount -t tmpfs none "$T/m"
at_end "umount '$T/m'"
for p in good bad old there; do
	cp /bin/true "$T/m/$p"
	echo $p >>"$T/m/$p"
done
cp "$T/m/bad" "$T/other/bad"
cat >"$T/sure" <<END
192.0.2.0/24
2001:db8::7
127.0.0.1
$(sha256sum <"$T/m/bad" | cut -d ' ' -f 1)
$(md5sum <"$T/m/old" | cut -d ' ' -f 1)
$T/m/there
END
printf '203.0.113.5\n%s\n' "$(sha256sum <"$T/m/good" | cut -d ' ' -f 1)" \
    >"$T/unsure"
config="{\"feeds\":[
    {\"name\":\"sure\",\"file\":\"$T/sure\",\"confidence\":90},
    {\"name\":\"unsure\",\"file\":\"$T/unsure\",\"confidence\":60}],
    \"blockMounts\":[\"$T/m\"],\"blockCgroup\":\"$cg\",
    \"management\":[\"192.0.2.99/32\"]"
config=$(echo "$config" | tr -d '\n')
filled() {
	ask "$1" status
	jq -e -s '[.[] | select(.op == "answer" and .done) | .result] | last |
	    .indicators > 0' "$T/said"
}

module threat-intel "$config}"
wait_for filled 1
ok 'without being asked for, nothing is blocked' \
    exits 0 inside python3 "$T/net.py" connect 192.0.2.7
ok 'nor a program' exits 0 "$T/m/bad"
stop

module threat-intel "$config,\"block\":true}"
why=$(jq -r 'select(.op == "source") | .why // ""' "$T/said")
ok "it blocks${why:+: $why}" is "$why" ""
refused() { exits 3 inside python3 "$T/net.py" "$@"; }
ok 'a connection is refused' wait_for refused connect 192.0.2.7
ok 'by IPv6' refused connect 2001:db8::7
ok 'by IPv4 in IPv6' refused connect ::ffff:192.0.2.7
ok 'a datagram' refused send 192.0.2.7
ok 'not who is outside' exits 0 net connect 192.0.2.7
ok 'nor what is not listed' exits 0 inside python3 "$T/net.py" connect \
    198.51.100.9
ok 'nor what is not sure' exits 0 inside python3 "$T/net.py" connect \
    203.0.113.5
ok 'nor the management range' exits 0 inside python3 "$T/net.py" connect \
    192.0.2.99
ok 'nor this host itself' exits 0 inside python3 "$T/net.py" connect 127.0.0.1
ok 'it is an alert' wait_for seen blocked '.what == "connect" and
    .remoteAddress == "192.0.2.7" and .remotePort == 7777 and .pid > 0 and
    .hits[0].source == "sure" and .hits[0].indicator == "192.0.2.0/24"'

kill $server
wait $server 2>/dev/null
# shellcheck disable=SC2016	# not inside(), whose process it would not be
sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$cg" python3 "$T/net.py" serve \
    >"$T/ready2" 5>&- & server=$!
at_end "kill $server 2>/dev/null; wait $server 2>/dev/null"
wait_for test -s "$T/ready2"
ok 'who is listed does not reach' exits 4 net connect 198.51.100.9 192.0.2.7
ok 'which is one, too' wait_for seen blocked \
    '.what == "packet" and .remoteAddress == "192.0.2.7" and .protocol == 6'
ok 'who is not does' exits 0 net connect 198.51.100.9 203.0.113.5

ok 'a program is not started' exits 126 "$T/m/bad"
ok 'nor by an old hash' exits 126 "$T/m/old"
ok 'nor by its place' exits 126 "$T/m/there"
ok 'one that is not sure is' exits 0 "$T/m/good"
ok 'nor is another mount asked about' exits 0 "$T/other/bad"
ok 'that is an alert' wait_for seen blocked ".what == \"exec\" and
    .path == \"$T/m/bad\" and .pid > 0 and .hits[0].source == \"sure\""

sed -i '/192.0.2/d' "$T/sure"
echo 203.0.113.0/24 >>"$T/sure"
ask 7 refresh
ok 'another feed blocks others' wait_for refused connect 203.0.113.5
ok 'and no more those before' exits 0 inside python3 "$T/net.py" connect \
    192.0.2.7
ask 8 status
ok 'all is counted' jq -e -s '[.[] | select(.op == "answer" and .done and
    .id == 8)] | last | .result.block | .addresses == 3 and .connects >= 4 and
    .packets >= 1 and .execsRefused == 3 and .execsUnchecked == 0 and
    .mounts == 1' "$T/said"
stop
ok 'it stops in order' is "$rc" 0
ok 'and all is open' exits 0 inside python3 "$T/net.py" connect 203.0.113.5
ok 'programs too' exits 0 "$T/m/bad"

module threat-intel '{"block":true,"management":["nonsense"]}'
ok 'a bad configuration is refused' wait_for grep -q '"error":"management\[0\]' \
    "$T/said"
stop
module threat-intel "{\"block\":true,\"blockCgroup\":\"$T\"}"
ok 'what cannot be had is told, and alerts go on' wait_for grep -q \
    '"source":"events","why":"block: ' "$T/said"
stop
done_testing

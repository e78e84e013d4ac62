#!/bin/sh
# Names that were looked for are seen in the answers of DNS, by IPv4 and IPv6;
# what is not read is counted.
# shellcheck disable=SC2154	# set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"
command -v jq >/dev/null || skip_all 'no jq'
[ "$(id -u)" = 0 ] || skip_all 'needs root'
if [ -z "${MUSTER_T_NET:-}" ]; then	# ports 53 of our own
	unshare -n true 2>/dev/null || skip_all 'no network namespaces'
	cleanup
	trap - EXIT
	MUSTER_T_NET=1 exec unshare -n sh "$0"
fi
ip link set lo up

cat >"$T/dns.py" <<'END'
import socket
import sys


def name(text):
    return b"".join(bytes([len(x)]) + x for x in text.encode().split(b".")) \
        + b"\0"


def answer(question):
    """www: an address by way of another name; broken: not DNS's form."""
    if b"\6broken" in question:
        return question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0\3www"
    cdn = name("cdn.example.net")
    return question[:2] + b"\x81\x80\0\1\0\2\0\0\0\0" + question[12:] + \
        b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0" + bytes([len(cdn)]) + cdn + \
        cdn + b"\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x07"


def serve(family, address):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((address, 53))
    return s


servers = [serve(socket.AF_INET, "127.0.0.1")]
try:
    servers.append(serve(socket.AF_INET6, "::1"))
except OSError:
    pass
listener = socket.socket()
listener.bind(("127.0.0.1", 53))
listener.listen()
for n, s in enumerate(servers):
    c = socket.socket(s.family, socket.SOCK_DGRAM)
    c.connect(s.getsockname()[:2])
    for host in (f"WWW{n}.example.com", f"broken{n}"[:6]):
        c.send(b"\1\2\1\0\0\1\0\0\0\0\0\0" + name(host) + b"\0\1\0\1")
        question, peer = s.recvfrom(512)
        s.sendto(answer(question), peer)
        c.recv(512)
socket.create_connection(("127.0.0.1", 53)).close()
print(len(servers))
END

module network-monitor '{}'
families=$(python3 "$T/dns.py")
ok 'a name is seen' wait_for seen dns '.name == "www0.example.com" and
    .type == "A" and .rcode == 0'
ok 'with where it leads' seen dns \
    '.answers == ["cdn.example.net", "192.0.2.7"] and .source == "packet"'
ok 'and who said so' seen dns \
    '.server == "127.0.0.1" and .localAddress == "127.0.0.1"'
[ "$families" = 1 ] || ok 'by IPv6' wait_for seen dns \
    '.name == "www1.example.com" and .server == "::1"'
once() {
	[ "$(jq -s '[.[] | select(.record.type? == "dns" and
	    .record.data.name == "www0.example.com")] | length' "$T/said")" = 1 ]
}
ok 'and once' once
ask 1 status
counted() {
	jq -e -s --argjson n $((families + 1)) '[.[] | select(.op == "answer")
	    | .result] | last | .hearsDns and .dnsUnread == $n' "$T/said"
}
ok 'a damaged one and one by TCP are counted' wait_for counted
stop

module network-monitor '{"dns":false}'
python3 "$T/dns.py" >/dev/null
sleep 1
ok 'it can be turned off' exits 1 seen dns '.name == "www0.example.com"'
stop
done_testing

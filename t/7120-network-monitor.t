#!/bin/sh
# Connections are seen with process and bytes, by each source.
# shellcheck disable=SC2154	# set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"
command -v jq >/dev/null || skip_all 'no jq'

# Prints its ports: v4, v6 (0: none), udp; then talks, and waits a while.
cat >"$T/talk.py" <<'END'
import socket
import sys
import time


def talk(family, address):
    s = socket.socket(family)
    s.bind((address, 0))
    s.listen()
    c = socket.create_connection(s.getsockname()[:2])
    a, _ = s.accept()
    c.sendall(b"x" * 1000)
    while len(a.recv(2000, socket.MSG_PEEK)) < 1000:
        time.sleep(0.01)
    a.recv(2000)
    a.sendall(b"y" * 77)
    c.recv(100)
    return s.getsockname()[1], (s, c, a)


p4, keep4 = talk(socket.AF_INET, "127.0.0.1")
try:
    p6, keep6 = talk(socket.AF_INET6, "::1")
except OSError:
    p6, keep6 = 0, ()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.connect(("127.0.0.1", 5353))
print(p4, p6, u.getsockname()[1], flush=True)
time.sleep(float(sys.argv[1]))
for s in keep4[1:] + keep6[1:]:
    s.close()
try:
    socket.create_connection(("127.0.0.1", 1))
except OSError:
    pass
END

module network-monitor '{"source":"ebpf"}'
if source_is ebpf; then
	python3 "$T/talk.py" 2.5 >"$T/ports" & talker=$!
	wait_for test -s "$T/ports"
	read -r p4 p6 udp <"$T/ports"
	ok 'ebpf: a connection is seen when it is made' wait_for seen connect \
	    ".remotePort == $p4 and .pid == $talker and .uid == $(id -u)"
	ok 'with its addresses' seen connect ".remotePort == $p4 and
	    .remoteAddress == \"127.0.0.1\" and .localPort > 0 and
	    .direction == \"out\""
	ok 'the other end is accepted by who listens' wait_for seen accept \
	    ".localPort == $p4 and .pid == $talker and .direction == \"in\""
	[ "$p6" = 0 ] || ok 'IPv6' wait_for seen connect \
	    ".remotePort == $p6 and .remoteAddress == \"::1\""
	ok 'a UDP socket, by /proc' wait_for seen connect \
	    ".protocol == \"udp\" and .localPort == $udp and
	    .source == \"proc\" and .pid == $talker"
	wait $talker
	ok 'its end, with the bytes of both ways' wait_for seen close \
	    ".remotePort == $p4 and .direction == \"out\" and
	    .sentBytes == 1000 and .receivedBytes == 77"
	ok 'of the other end too' wait_for seen close \
	    ".localPort == $p4 and .direction == \"in\" and
	    .sentBytes == 77 and .receivedBytes == 1000"
	ok 'one that fails' wait_for seen failed \
	    ".remotePort == 1 and .pid == $talker"
else
	count=$((count + 1))
	echo "ok $count # SKIP no eBPF here: $(sed -n \
	    's/.*"error":"\([^"]*\)".*/\1/p' "$T/said")"
fi
stop

module network-monitor '{"source":"proc"}'
: >"$T/ports"
python3 "$T/talk.py" 4 >"$T/ports" & talker=$!
wait_for test -s "$T/ports"
read -r p4 p6 udp <"$T/ports"
ok 'proc: a connection that lasts is seen' wait_for seen connect \
    ".remotePort == $p4 and .pid == $talker and .source == \"proc\""
ok 'and the end that accepted it' wait_for seen accept ".localPort == $p4"
ok 'that short ones are missed is told' grep -q 'are not seen' "$T/said"
wait $talker
ok 'its end is seen' wait_for seen close ".remotePort == $p4"
stop
ok 'it stops in order' is "$rc" 0
done_testing

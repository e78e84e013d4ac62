#!/usr/bin/env python3
"""usage: policy-traffic.py AGENT DIR POLICIES SEED

Random policies in the policy module, and real packets between this network
and the one of /run/netns/peer (t/policy-lib.sh), both ways, IPv4 and IPv6:
what arrives is what a slow judge, written from muster-policy(5) alone, lets
through.  Prints what differs, and a line "N policies, M packets, K passed".
"""
import ctypes
import ipaddress
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

agent, state, policies, seed = (sys.argv[1], sys.argv[2], int(sys.argv[3]),
                                int(sys.argv[4]))
rand = random.Random(seed)
PACKETS = 20
CLONE_NEWNET = 0x40000000
PEERS = {4: ["10.77.0.2", "10.77.0.130", "10.77.1.1", "10.77.64.1",
             "10.77.128.9", "10.77.255.254"],
         6: ["fd77::2", "fd77::82", "fd77::1:1", "fd77::8000:1",
             "fd77::ffff:0:9", "fd77::8000:0:0:1"]}
HERE = {4: "10.77.0.1", 6: "fd77::1"}
PORTS = [7, 53, 443, 8080, 8081, 40000]
NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmpv6": 58,
           "gre": 47}
WITH_PORTS = (6, 17, 132)


class Module:
    """The policy module, as the agent runs it."""

    def __init__(self):
        os.makedirs(state, exist_ok=True)
        self.link, theirs = socket.socketpair()
        self.child = subprocess.Popen([agent, "-P", "module", "policy"],
                                      stdin=theirs, stdout=subprocess.DEVNULL)
        theirs.close()
        self.rest, self.id = b"", 0
        self.say({"op": "start", "config": {}, "state_dir": state,
                  "metrics_ms": 5000, "memory": 1 << 28, "log": 1})
        self.wait(lambda o: o["op"] in ("ready", "failed"))

    def say(self, o):
        self.link.sendall(json.dumps(o).encode() + b"\n")

    def wait(self, want):
        while True:
            while b"\n" not in self.rest:
                data = self.link.recv(65536)
                if not data:
                    sys.exit("the module has ended")
                self.rest += data
            line, self.rest = self.rest.split(b"\n", 1)
            o = json.loads(line)
            if o["op"] == "ping":
                self.say({"op": "pong"})
            if want(o):
                return o

    def ask(self, verb, args):
        self.id += 1
        self.say({"op": "command", "id": self.id, "verb": verb, "args": args})
        o = self.wait(lambda o: o["op"] == "answer" and o["id"] == self.id
                      and o.get("done"))
        if o.get("error"):
            sys.exit(f"{verb}: {o['error']}")


# -- policies, and the judge --

def some_net(fam):
    bits = 32 if fam == 4 else 128
    length = rand.choice([bits, bits - 1, bits - 7, bits - 8, bits - 15,
                          rand.randrange(bits // 4, bits + 1)])
    return str(ipaddress.ip_network((rand.choice(PEERS[fam]), length),
                                    strict=False))


def some_ports():
    one = rand.choice(PORTS)
    return rand.choice([one, f"{one}-{min(65535, one + rand.choice([0, 1, 999]))}",
                        [one, rand.choice(PORTS)]])


def some_rule(i):
    rule = {"id": f"r{i}", "action": rand.choice(["allow", "deny"]),
            "log": False}
    if rand.random() < 0.7:
        rule["direction"] = rand.choice(["ingress", "egress", "both"])
    if rand.random() < 0.7:
        rule["protocol"] = rand.choice(["any", *NUMBERS])
    if rand.random() < 0.7:
        nets = [some_net(rand.choice((4, 6)))
                for _ in range(rand.choice((1, 1, 3)))]
        rule["cidr"] = nets[0] if len(nets) == 1 else nets
    if rule.get("protocol") in ("tcp", "udp", "sctp") and rand.random() < 0.8:
        rule[rand.choice(["ports", "source_ports"])] = some_ports()
    return rule


def some_policy():
    default = rand.choice(["allow", "deny", {"ingress": rand.choice(
        ["allow", "deny"]), "egress": rand.choice(["allow", "deny"])}])
    return {"version": 1, "default": default, "log": False,
            "rules": [some_rule(i) for i in range(rand.randrange(9))]}


def listed(v):
    return v if isinstance(v, list) else [v]


def in_ports(v, port):
    for p in listed(v):
        low, _, high = str(p).partition("-")
        if int(low) <= port <= int(high or low):
            return True
    return False


def matches(rule, way, peer, protocol, sport, dport):
    if rule.get("direction", "both") not in (way, "both"):
        return False
    if rule.get("protocol", "any") != "any" and \
            NUMBERS[rule["protocol"]] != protocol:
        return False
    if "cidr" in rule and not any(
            peer in net for net in map(ipaddress.ip_network,
                                       listed(rule["cidr"]))
            if net.version == peer.version):
        return False
    if "ports" in rule and not in_ports(rule["ports"], dport):
        return False
    return "source_ports" not in rule or in_ports(rule["source_ports"], sport)


def judge(policy, way, peer, protocol, sport, dport):
    actions = {r["action"] for r in policy["rules"]
               if matches(r, way, peer, protocol, sport, dport)}
    if "deny" in actions:
        return False
    if "allow" in actions:
        return True
    default = policy["default"]
    return (default if isinstance(default, str) else default[way]) == "allow"


# -- packets --

def in_peer(make):
    libc = ctypes.CDLL(None, use_errno=True)
    ours = os.open("/proc/self/ns/net", os.O_RDONLY)
    theirs = os.open("/run/netns/peer", os.O_RDONLY)
    libc.setns(theirs, CLONE_NEWNET)
    try:
        return make()
    finally:
        libc.setns(ours, CLONE_NEWNET)
        os.close(ours)
        os.close(theirs)


def raw(fam, protocol, address=None):
    s = socket.socket(socket.AF_INET if fam == 4 else socket.AF_INET6,
                      socket.SOCK_RAW, protocol)
    s.setblocking(False)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    if address:
        s.bind((address, 0))
    return s


def body(protocol, sport, dport, number):
    mark = struct.pack("!4sI", b"mstr", number)
    if protocol == 6:
        return struct.pack("!HHIIBBHHH", sport, dport, number, 0, 0x50, 0x10,
                           1024, 0, 0) + mark
    if protocol == 17:
        return struct.pack("!HHHH", sport, dport, 8 + len(mark), 0) + mark
    if protocol == 132:
        return struct.pack("!HHII", sport, dport, 0, 0) + mark
    if protocol in (1, 58):			# a type that nobody answers
        return struct.pack("!BBHI", 200, 0, 0, 0) + mark
    return struct.pack("!HH", 0, 0x0800) + mark


def arrived(sockets, wanted):
    """Numbers that came; of those that are wanted none is given up early."""
    got, until = set(), time.monotonic() + 2
    while True:
        ready, _, _ = select.select(sockets, [], [],
                                    0.002 if wanted <= got else 0.1)
        for s in ready:
            try:
                while True:
                    data = s.recv(2048)
                    at = data.rfind(b"mstr")
                    if at >= 0 and len(data) >= at + 8:
                        got.add(struct.unpack("!I", data[at + 4:at + 8])[0])
            except BlockingIOError:
                pass
        if not ready and (wanted <= got or time.monotonic() > until):
            return got


def main():
    kinds = [(fam, p) for fam in (4, 6) for p in NUMBERS.values()
             if not (fam == 4 and p == 58) and not (fam == 6 and p == 1)]
    here = {k: raw(*k) for k in kinds}
    there = in_peer(lambda: {(k, a): raw(*k, a) for k in kinds
                             for a in PEERS[k[0]]})
    sockets = {"ingress": list(here.values()), "egress": list(there.values())}
    module = Module()
    number, passed, wrong = 0, 0, 0
    for _ in range(policies):
        policy = some_policy()
        module.ask("set", {"text": json.dumps(policy), "confirmMs": 60000})
        module.ask("confirm", {})
        sent, pass_ = {"ingress": {}, "egress": {}}, \
            {"ingress": set(), "egress": set()}
        for _ in range(PACKETS):
            number += 1
            way = rand.choice(["ingress", "egress"])
            kind = fam, protocol = rand.choice(kinds)
            peer = rand.choice(PEERS[fam])
            sport, dport = rand.choice(PORTS), rand.choice(PORTS)
            s = there[(kind, peer)] if way == "ingress" else here[kind]
            to = HERE[fam] if way == "ingress" else peer
            try:
                s.sendto(body(protocol, sport, dport, number), (to, 0))
            except OSError:
                pass			# dropped here already
            sent[way][number] = (peer, protocol, sport, dport)
            if judge(policy, way, ipaddress.ip_address(peer), protocol,
                     sport, dport):
                pass_[way].add(number)
        for way in sent:
            got = arrived(sockets[way], pass_[way]) & set(sent[way])
            passed += len(got)
            for n in got ^ pass_[way]:
                wrong += 1
                print(f"# {way} {sent[way][n]}: "
                      f"{'passed' if n in got else 'dropped'} by",
                      json.dumps(policy))
    print(f"# {policies} policies, {number} packets, {passed} passed")
    module.ask("clear", {})
    module.say({"op": "stop"})
    module.child.wait(10)
    sys.exit(1 if wrong or not 0 < passed < number else 0)


main()

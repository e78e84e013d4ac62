#!/usr/bin/env python3
"""usage: metrics.py URL [MOUNT]

Reads URL, which is in Prometheus' text form, between two readings of /proc of
its own, and says in TAP whether they agree: a counter lies between the two, a
value that stands still is the same. MOUNT is a mount point to be there.
"""
import os
import re
import sys
import urllib.request

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
number = 0


def ok(what, good, said=""):
    global number
    number += 1
    print(f"{'' if good else 'not '}ok {number} - {what}")
    if not good:
        print(f"# {said}")


def text(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def readings():
    """What /proc says now, by family and labels."""
    at = {}
    modes = "user nice system idle iowait irq softirq steal".split()
    for line in text("/proc/stat").splitlines():
        word = line.split()
        if re.fullmatch(r"cpu\d+", word[0]):
            for mode, value in zip(modes, word[1:]):
                at["node_cpu_seconds_total", ("cpu", word[0][3:]),
                   ("mode", mode)] = int(value) / TICK
        elif word[0] in ("ctxt", "intr", "processes", "btime"):
            name = {"ctxt": "node_context_switches_total",
                    "intr": "node_intr_total", "processes":
                    "node_forks_total", "btime": "node_boot_time_seconds"}
            at[name[word[0]],] = int(word[1])
    for line in text("/proc/diskstats").splitlines():
        word = line.split()
        disk = ("device", word[2])
        at["node_disk_reads_completed_total", disk] = int(word[3])
        at["node_disk_read_bytes_total", disk] = int(word[5]) * 512
        at["node_disk_written_bytes_total", disk] = int(word[9]) * 512
        at["node_disk_io_time_seconds_total", disk] = int(word[12]) / 1000
    for line in text("/proc/net/dev").splitlines()[2:]:
        name, values = line.rsplit(":", 1)
        word = values.split()
        port = ("device", name.strip())
        at["node_network_receive_bytes_total", port] = int(word[0])
        at["node_network_receive_packets_total", port] = int(word[1])
        at["node_network_transmit_bytes_total", port] = int(word[8])
        at["node_network_transmit_carrier_total", port] = int(word[14])
    for what in ("cpu", "io", "memory"):
        path = f"/proc/pressure/{what}"
        if os.path.exists(path):
            total = re.search(r"some .*total=(\d+)", text(path)).group(1)
            at[f"node_pressure_{what}_waiting_seconds_total",] = \
                int(total) / 1e6
    word = dict(line.split() for line in text("/proc/vmstat").splitlines())
    at["node_vmstat_pgfault",] = int(word["pgfault"])
    return at


def parse(body):
    """Samples by family and labels; what is wrong with the form."""
    samples, faults, seen, family, kind = {}, [], set(), None, None
    for line in body.splitlines():
        if m := re.fullmatch(r"# TYPE (\S+) (counter|gauge|untyped)", line):
            if m[1] != family:
                faults.append(f"TYPE without HELP: {line}")
            kind = m[2]
            if (kind == "counter") != m[1].endswith("_total"):
                faults.append(f"{m[1]}: a {kind}")
            continue
        if m := re.fullmatch(r"# HELP (\S+) .+", line):
            family = m[1]
            if family in seen:
                faults.append(f"{family}: twice")
            seen.add(family)
            continue
        m = re.fullmatch(r'([a-zA-Z_]\w*)(\{.*\})? (\d+(?:\.\d+)?)', line)
        if m is None or m[1] != family:
            faults.append(f"not a sample of {family}: {line}")
            continue
        labels = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m[2] or "")
        plain = tuple(sorted((k, re.sub(r"\\(.)", lambda e: "\n" if e[1] ==
                                        "n" else e[1], v))
                             for k, v in labels))
        if (m[1], *plain) in samples:
            faults.append(f"twice: {line}")
        samples[(m[1], *plain)] = float(m[3])
    return samples, faults


before = readings()
with urllib.request.urlopen(sys.argv[1]) as answer:
    body = answer.read().decode()
after = readings()
now, faults = parse(body)
ok("each family once, with its samples", not faults, faults[:5])

for family in sorted({k[0] for k in before}):
    keys = [k for k in before if k[0] == family and k in now and k in after]
    bad = [(k, before[k], now[k], after[k]) for k in keys
           if not before[k] - 0.01 <= now[k] <= after[k] + 0.01]
    # idle and iowait are estimates of the kernel's, and may run back
    bad = [x for x in bad if not (("mode", "idle") in x[0] or
                                  ("mode", "iowait") in x[0]) or
           abs(x[1] - x[2]) > 2]
    ok(f"{family}, {len(keys)} of it", keys and not bad, bad[:3])

memory = dict(re.findall(r"(\S+):\s+(\d+)", text("/proc/meminfo")))
for name in ("MemTotal", "SwapTotal", "CommitLimit"):
    got = now.get((f"node_memory_{name}_bytes",))
    ok(name, got == int(memory[name]) * 1024, got)
got = now.get(("node_memory_MemAvailable_bytes",), -1)
ok("MemAvailable within a fifth",
   abs(got - int(memory["MemAvailable"]) * 1024) <= 0.2 * got, got)
ok("Active(anon) is Active_anon", ("node_memory_Active_anon_bytes",) in now)
root = os.statvfs("/")
sizes = {k: v for k, v in now.items() if k[0] == "node_filesystem_size_bytes"}
for mount in [*(["/"] if any(("mountpoint", "/") in k for k in sizes)
                else []), *sys.argv[2:]]:
    s = os.statvfs(mount)
    got = [v for k, v in sizes.items() if ("mountpoint", mount) in k]
    ok(f"size of {mount!r}", got == [s.f_blocks * s.f_frsize], (got, sizes))
pids = len([d for d in os.listdir("/proc") if d.isdigit()])
got = now.get(("node_processes_pids",), 0)
ok("processes", abs(got - pids) <= 0.3 * pids + 5, (got, pids))
u = os.uname()
ok("uname", any(k[0] == "node_uname_info" and ("release", u.release) in k and
                ("nodename", u.nodename) in k for k in now))
ok("nothing was left out", now.get(("muster_agent_metrics_left_out",)) == 0)
ok("the scrape's own cost", now.get(("muster_agent_scrape_cpu_seconds",),
                                    1) < 1)
telemetry = ("module", "telemetry")
for name, least in (("cpu_seconds_total", 0), ("resident_bytes", 500000),
                    ("bytes_total", 100), ("events_total", 1),
                    ("starts_total", 1), ("up", 1), ("lost_total", 0)):
    got = now.get((f"muster_module_{name}", telemetry), -1)
    ok(f"telemetry's {name}", got >= least, got)
ok("a module that is off is not up",
   now.get(("muster_module_up", ("module", "fs-monitor"))) == 0)
print(f"1..{number}")

#!/usr/bin/env python3
"""usage: module.py AGENT NAME CONFIG FILE

Plays the agent to one module: starts it as the agent does, writes each line
that it says to FILE, and passes on lines of its own standard input, which are
requests. At the end of that it lets the module stop, and exits as it did.
"""
import os
import socket
import subprocess
import sys
import threading

agent, name, config, path = sys.argv[1:5]
os.makedirs(path + ".d", exist_ok=True)
ours, theirs = socket.socketpair()
child = subprocess.Popen([agent, "-P", "module", name], stdin=theirs,
                         stdout=subprocess.DEVNULL)
theirs.close()
ours.sendall((f'{{"op":"start","config":{config},"state_dir":'
              f'"{path}.d","metrics_ms":5000,"memory":67108864,"log":1}}\n')
             .encode())


def hear():
    with open(path, "wb", buffering=0) as out:
        while data := ours.recv(65536):
            out.write(data)


reader = threading.Thread(target=hear)
reader.start()
for line in sys.stdin:
    ours.sendall(line.encode())
try:
    ours.sendall(b'{"op":"stop"}\n')
except OSError:
    pass
sys.exit(child.wait() or reader.join() or 0)

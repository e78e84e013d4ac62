"""A proxy for t/4040: says each request line, then goes to 127.0.0.1 with the
port that was asked for, whatever the name.  Prints its port first."""
import socket
import sys
import threading


def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(4096)
        if not data:
            return
        head += data
    line = head.split(b"\r\n")[0].decode()
    print(line, flush=True)
    method, where, _ = line.split()
    if method != "CONNECT":
        client.sendall(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
        client.close()
        return
    try:
        server = socket.create_connection(
            ("127.0.0.1", int(where.rsplit(":", 1)[1])))
    except OSError:
        client.sendall(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n")
        client.close()
        return
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    threading.Thread(target=pump, args=(client, server), daemon=True).start()
    pump(server, client)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdout.flush()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],),
                     daemon=True).start()

"""The EC2 metadata service for t/4031.

usage: fakeec2.py v1|v2|late      prints its port, then what was asked
v2 wants a token, v1 knows none, late has no address at first.
"""
import http.server
import sys

MODE = sys.argv[1]
asked = 0


class Metadata(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        print("PUT", self.path, ttl, flush=True)
        if MODE == "v1":
            self.answer(404)
        elif self.path != "/latest/api/token" or not ttl:
            self.answer(400)
        else:
            self.answer(200, "token==")

    def do_GET(self):
        global asked
        token = self.headers.get("X-aws-ec2-metadata-token")
        print("GET", self.path, token, flush=True)
        asked += 1
        if MODE != "v1" and token != "token==":
            self.answer(401)
        elif self.path != "/latest/meta-data/public-ipv4" or (
                MODE == "late" and asked == 1):
            self.answer(404)
        else:
            self.answer(200, "127.0.0.1")

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
print(server.server_port, flush=True)
server.serve_forever()

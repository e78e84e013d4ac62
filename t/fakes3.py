"""An S3 for t/4030: verifies AWS Signature Version 4 by its own reading of
the specification, and answers like S3 does.

usage: fakes3.py ACCESS_KEY SECRET_KEY BUCKET     prints its port
"""
import datetime
import hashlib
import hmac
import http.server
import sys
import urllib.parse

ACCESS, SECRET, BUCKET = sys.argv[1:4]


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def fault(req):
    """The S3 error code of a request, or None."""
    h = {k.lower(): " ".join(v.split()) for k, v in req.headers.items()}
    auth = h.get("authorization", "")
    if not auth.startswith("AWS4-HMAC-SHA256 "):
        return "AccessDenied"
    part = dict(p.strip().split("=", 1) for p in auth[17:].split(","))
    access, day, region, service, end = part["Credential"].split("/")
    if access != ACCESS:
        return "InvalidAccessKeyId"
    when = h["x-amz-date"]
    now = datetime.datetime.utcnow()
    sent = datetime.datetime.strptime(when, "%Y%m%dT%H%M%SZ")
    if abs((now - sent).total_seconds()) > 900 or when[:8] != day:
        return "RequestTimeTooSkewed"
    names = part["SignedHeaders"].split(";")
    if names != sorted(names) or "host" not in names:
        return "AuthorizationHeaderMalformed"
    url = urllib.parse.urlsplit(req.path)
    query = "&".join("=".join(urllib.parse.quote(x, safe="-_.~") for x in p)
                     for p in sorted(urllib.parse.parse_qsl(
                         url.query, keep_blank_values=True)))
    canonical = "\n".join([
        req.command, urllib.parse.quote(urllib.parse.unquote(url.path)),
        query, "".join(f"{n}:{h[n]}\n" for n in names),
        ";".join(names), h["x-amz-content-sha256"]])
    if h["x-amz-content-sha256"] != hashlib.sha256(b"").hexdigest():
        return "XAmzContentSHA256Mismatch"
    text = "\n".join(["AWS4-HMAC-SHA256", when,
                      f"{day}/{region}/{service}/{end}",
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + SECRET).encode()
    for word in (day, region, service, end):
        key = mac(key, word)
    if mac(key, text).hex() != part["Signature"]:
        return "SignatureDoesNotMatch"
    if url.path not in ("/", "/" + BUCKET):
        return "NoSuchBucket"
    return None


class S3(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = fault(self)
        status = {None: 200, "NoSuchBucket": 404}.get(code, 403)
        body = "<ListBucketResult/>" if code is None else (
            f"<Error><Code>{code}</Code><Message>no: {code}</Message></Error>")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), S3)
print(server.server_port, flush=True)
server.serve_forever()

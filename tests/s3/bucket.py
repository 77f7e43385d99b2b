"""bucket.py - s3rver as a process of a test, and a client that signs by itself: HMACs of Python's, nothing of ours."""
import datetime
import hashlib
import hmac
import http.client
import json
import os
import ssl
import urllib.parse

from harness import Process, Skip
import npm

HERE = os.path.dirname(os.path.abspath(__file__))
KEY = SECRET = "S3RVER"         # the account that s3rver comes with
REGION = "eu-central-1"


def encode(name):
    return urllib.parse.quote(name, safe="/~")


def sign(method, host, path, moment, payload="UNSIGNED-PAYLOAD", secret=SECRET, fields=()):
    """The fields that sign a request; path is encoded."""
    time = moment.strftime("%Y%m%dT%H%M%SZ")
    day = time[:8]
    named = sorted([("host", host), ("x-amz-content-sha256", payload), ("x-amz-date", time), *fields])
    names = ";".join(name for name, _ in named)
    text = "\n".join([method, path, "", *(f"{name}:{value}" for name, value in named), "", names, payload])
    scope = f"{day}/{REGION}/s3/aws4_request"
    key = ("AWS4" + secret).encode()
    for word in scope.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(text.encode()).hexdigest()])
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return [("Authorization", f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signature}"),
            *((name, value) for name, value in named if name != "host")]


class Bucket(Process):
    """A private bucket; over https with pair, a certificate for 127.0.0.1 and its key (certs.py)."""

    def __init__(self, case, name="private", pair=None):
        why = npm.missing()
        if why:
            raise Skip(why)
        self.bucket, self.pair = name, pair
        super().__init__(case, "s3", ["node", os.path.join(HERE, "server.mjs"), os.path.join(case.folder, "s3"), name,
                                     *([pair.cert, pair.key] if pair else [])])
        self.port = json.loads(self.line())["port"]
        self.drain()
        self.url = f"{'https' if pair else 'http'}://127.0.0.1:{self.port}/{name}"

    def ask(self, method, path, body=None, headers=()):
        if self.pair:
            # It is the node that has to judge the certificate, not this client.
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20,
                                                     context=ssl._create_unverified_context())
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def put(self, name, body, content_type="text/plain"):
        path = f"/{self.bucket}/{encode(name)}"
        signed = sign("PUT", f"127.0.0.1:{self.port}", path, datetime.datetime.utcnow())
        status, said = self.ask("PUT", path, body, [*signed, ("Content-Type", content_type)])
        assert status == 200, f"PUT {name}: {status} {said}"

    def get(self, name):
        """Its bytes, as the server has them."""
        path = f"/{self.bucket}/{encode(name)}"
        return self.ask("GET", path, None, sign("GET", f"127.0.0.1:{self.port}", path, datetime.datetime.utcnow()))

    def seen(self):
        """What it was asked by others than this client: those that came through a node have Via."""
        return [one for one in json.loads(self.ask("GET", "/_seen")[1]) if "via" in one["headers"]]

    def ask_to_end(self):
        if self.running:
            self.kill()

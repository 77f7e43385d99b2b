"""Signed requests to an S3-compatible bucket, and the signatures themselves beside those of another signer."""
import datetime
import hashlib
import hmac
import json
import os
import random
import socket
import subprocess
import threading
import urllib.parse

import client
from harness import Skip, equal, needs

ALPHABET = "abcXYZ019-._~ +/%&=?#!$'()*,;:@\"<>[]^`{|}\\é語\U0001f33f"


def words(rnd, most, alphabet=ALPHABET):
    return "".join(rnd.choice(alphabet) for _ in range(rnd.randint(0, most)))


def signed_by_botocore(botocore, request, token):
    """The value of Authorization, and the fields that botocore signed, of one request."""
    credentials = botocore.credentials.Credentials(request["id"], request["secret"], token)
    moment = datetime.datetime.utcfromtimestamp(request["time"])

    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return moment

    botocore.auth.datetime.datetime = Clock
    made = botocore.awsrequest.AWSRequest(request["method"], "https://" + request["host"] + request["target"],
                                          data=request["body"], headers=dict(request["extra"]))
    kind = botocore.auth.S3SigV4Auth if request["service"] == "s3" else botocore.auth.SigV4Auth
    if request["payload"] == "UNSIGNED-PAYLOAD":
        made.context["payload_signing_enabled"] = False
        made.context["client_config"] = botocore.config.Config(s3={"payload_signing_enabled": False})
    kind(credentials, request["service"], request["region"]).add_auth(made)
    value = made.headers["Authorization"]
    value = value.decode() if isinstance(value, bytes) else value
    names = value.split("SignedHeaders=")[1].split(",")[0].split(";")
    fields = [(name, request["host"] if name == "host" else made.headers[name]) for name in names]
    return value, fields, made.headers.get("X-Amz-Content-SHA256")


def random_request(rnd, i):
    s3 = i % 2 == 0
    path = "/" + "/".join(urllib.parse.quote(words(rnd, 12), safe="~") or "x" for _ in range(rnd.randint(1, 4)))
    query = "&".join(urllib.parse.quote(words(rnd, 8), safe="~") + "=" + urllib.parse.quote(words(rnd, 8), safe="~")
                     for _ in range(rnd.choice((0, 0, 1, 2, 5))))
    method = rnd.choice(("GET", "HEAD", "PUT", "DELETE", "POST"))
    body = rnd.randbytes(rnd.randint(1, 300)) if method in ("PUT", "POST") else b""
    extra = [(f"X-Amz-Meta-{n}", (words(rnd, 10, "abc  \t,;=-09") + "x").strip()) for n in range(rnd.randint(0, 3))]
    if rnd.random() < 0.3:
        extra.append(("Range", f"bytes={rnd.randint(0, 9)}-{rnd.randint(10, 99)}"))
    return {"method": method, "host": rnd.choice(("examplebucket.s3.amazonaws.com", "s3.example.net:9000")),
            "target": path + ("?" + query if query else ""), "body": body, "extra": extra,
            "id": "AKID" + words(rnd, 12, "ABCDEF234567"), "secret": words(rnd, 90, "abcXYZ019+/=") + "s",
            "region": rnd.choice(("us-east-1", "eu-central-1", "x")), "service": "s3" if s3 else "execute-api",
            "time": rnd.randint(0, 4102444800), "payload": ""}


@needs("sigv4")
def test_feat_C3_botocore_signs_a_thousand_requests_alike(case):
    """Debian's botocore, which shares nothing with us, makes the same Authorization of a thousand random requests: S3 and
    another service, keys with blanks, slashes, pluses and Unicode, queries, fields, tokens, payloads hashed and not."""
    try:
        import botocore.auth
        import botocore.awsrequest
        import botocore.config
        import botocore.credentials
    except ImportError as error:
        raise Skip("python3-botocore is not installed") from error
    rnd, lines, want, targets = random.Random(7), [], [], []
    for i in range(1000):
        request = random_request(rnd, i)
        token = words(rnd, 60, "abc+/=09") + "t" if rnd.random() < 0.4 else None
        if request["service"] == "s3" and rnd.random() < 0.5:
            request["payload"] = "UNSIGNED-PAYLOAD"
        value, fields, payload = signed_by_botocore(botocore, request, token)
        if payload is None:
            payload = hashlib.sha256(request["body"]).hexdigest()
        want.append(value)
        targets.append(request["target"])
        lines.append(json.dumps({**{key: request[key] for key in ("method", "target", "id", "secret", "region",
                                                                  "service", "time")},
                                 "fields": fields, "payload": payload}))
    lines += [json.dumps({"target": target}) for target in targets]
    done = subprocess.run([case.binary("sigv4")], input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True)
    got = done.stdout.decode().splitlines()
    equal(len(got), 2000, "answers")
    for line, ours, theirs in zip(lines, got, want):
        assert ours == theirs, f"{line}\n{ours}\n{theirs}"
    # What botocore would send is what we would: but for an encoded slash of a name, which is one.
    for sent, target in zip(got[1000:], targets):
        path, mark, query = target.partition("?")
        if "%2F" not in path:
            equal(sent, path + mark + query, "a target as it is sent")


class ChunkJudge:
    """An origin that reads one PUT after the other, checks the signature of each of its chunks with HMACs of Python's, and
    keeps (status of the check, decoded body)."""

    def __init__(self, secret, region):
        self.secret, self.region, self.judged = secret, region, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                while self.one(connection, stream):
                    pass

    def one(self, connection, stream):
        line = stream.readline()
        if not line:
            return False
        fields = {}
        while (field := stream.readline().strip()):
            name, _, value = field.decode().partition(":")
            fields[name.lower()] = value.strip()
        try:
            self.judged.append(self.judge(fields, stream))
        except (ValueError, AssertionError) as error:
            self.judged.append((repr(error), b""))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return True

    def judge(self, fields, stream):
        equal(fields["x-amz-content-sha256"], "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "the payload's kind")
        time = fields["x-amz-date"]
        scope = f"{time[:8]}/{self.region}/s3/aws4_request"
        key = ("AWS4" + self.secret).encode()
        for word in scope.split("/"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        before = fields["authorization"].split("Signature=")[1]
        body, read, size = b"", 0, -1
        while size != 0:
            line = stream.readline()
            size, _, signature = line.strip().decode().partition(";chunk-signature=")
            size = int(size, 16)
            data = stream.read(size)
            equal(stream.read(2), b"\r\n", "the end of a chunk")
            read += len(line) + size + 2
            text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", time, scope, before, hashlib.sha256(b"").hexdigest(),
                              hashlib.sha256(data).hexdigest()])
            before = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            equal(signature, before, f"the signature of a chunk behind {len(body)} bytes")
            body += data
        equal((read, len(body)), (int(fields["content-length"]), int(fields["x-amz-decoded-content-length"])), "lengths")
        return "good", body


@needs("hedgerow")
def test_feat_C3_each_chunk_of_a_payload_is_signed(case):
    """Over http a PUT's body goes in chunks with a signature each, whatever pieces it comes in; a judge of its own finds
    each right, and the lengths as they were said."""
    secret, region = "s/ecret+", "eu-central-1"
    judge = ChunkJudge(secret, region)
    case.cleanups.append(judge.listener.close)
    keys = os.path.join(case.folder, "keys")
    with open(keys, "w", encoding="ascii") as file:
        file.write(f"[default]\naws_access_key_id = AKID\naws_secret_access_key = {secret}\n")
    os.chmod(keys, 0o600)
    node = case.node("fra-1", judge.url + "/bucket", flags=("--methods", "all", "--origin-s3-region", region,
                                                           "--origin-s3-credentials", keys))
    rnd = random.Random(3)
    for size in (1, 65535, 65536, 65537, 131072, 700001):
        body = rnd.randbytes(size)
        with client.Connection(node.http) as connection:
            connection.send(client.request_bytes(node.http, f"/{size}", "PUT", [("Content-Length", str(size))]))
            at = 0
            while at < size:
                step = rnd.choice((1, 1000, 65536, 200000))
                connection.send(body[at:at + step])
                at += step
            equal(connection.read("PUT").status, 200, f"PUT of {size} bytes")
        status, got = judge.judged[-1]
        equal((status, got == body), ("good", True), f"{size} bytes")


@needs("hedgerow")
def test_feat_C3_flags_and_files_that_cannot_be_used_are_told(case):
    """What does not go together is refused with the flag that is missing; a file of keys is refused by name, line and
    reason, and what is secret in it is not told."""
    keys = os.path.join(case.folder, "keys")
    base = ("run", "--origin", "http://127.0.0.1:9/bucket", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--mesh",
            "127.0.0.1:0", "--data", os.path.join(case.folder, "data"))
    region, path = ("--origin-s3-region", "eu-central-1"), ("--origin-s3-credentials", keys)
    for flags, code, words in (
            (path, 2, "--origin-s3-region is missing"), (region, 2, "--origin-s3-credentials is missing"),
            (("--origin-s3-signing", "never"), 2, "--origin-s3-region is missing"),
            ((*region, "--origin-s3-signing", "perhaps"), 2, "always, never or no-override"),
            (("--origin-s3-region", "eu/central"), 2, "must be a region"), ((*region, *path), 78, "No such file"),
            ((*region, "--origin-s3-credentials", case.folder), 78, "it is no file")):
        done = case.run(*base, *flags, code=code)
        assert words in done.stderr, (flags, done.stderr)
    done = case.run("run", "--origin", "dir:" + case.folder, *region, *path, code=2)
    assert "names a directory" in done.stderr, done.stderr
    for text, words in (("[default]\naws_access_key_id = AKID\nHUSH\n", f"{keys}, line 3: "),
                        ("[default]\naws_access_key_id = AKID\naws_secret_access_key = HU SH\n", f"{keys}, line 3: "),
                        ("[cdn]\naws_secret_access_key = HUSH\n", f"{keys}: there is no profile [default]")):
        with open(keys, "w", encoding="ascii") as file:
            file.write(text)
        done = case.run(*base, *region, *path, code=78)
        assert words in done.stderr and "HU" not in done.stderr, done.stderr
    done = case.run(*base, *region, "--origin-s3-credentials", keys + ":cdn", code=78)
    assert "profile [cdn] has no aws_access_key_id" in done.stderr, done.stderr

"""A private bucket behind real nodes."""
import datetime
import os
import time

import certs
import client
from bucket import KEY, REGION, SECRET, Bucket, encode, sign
from filed import Filed, mesh_by_file
from harness import equal, needs, wait_until


def keys_file(case, secret=SECRET, name="keys", mode=0o600):
    path = os.path.join(case.folder, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"[other]\naws_access_key_id = X\naws_secret_access_key = Y\n\n"
                   f"[cdn]\naws_access_key_id = {KEY}\naws_secret_access_key = {secret}\n")
    os.chmod(path, mode)
    return path


def flags(path, *more):
    return ("--origin-s3-region", REGION, "--origin-s3-credentials", f"{path}:cdn", *more)


def send(node, method, path, body=b"", headers=()):
    with client.Connection(node.http) as connection:
        head = client.request_bytes(node.http, path, method, [*headers, ("Content-Length", str(len(body)))])
        connection.send(head + body)
        return connection.read(method)


@needs("hedgerow")
def test_feat_C3_a_private_bucket_through_three_nodes(case):
    """Objects of a bucket that answers nobody else come through three nodes: whole, in ranges, HEAD, and 304; the second
    viewer is a hit, wherever it asks; what S3 says in x-amz-* passes; no secret is in any log."""
    bucket = Bucket(case)
    body = os.urandom(300000)
    bucket.put("a/picture.bin", body, "application/octet-stream")
    equal(bucket.ask("GET", "/private/a/picture.bin")[0], 403, "without a signature")
    nodes = case.mesh(3, bucket.url, flags=flags(keys_file(case)))
    got = nodes[0].get("/a/picture.bin")
    equal((got.status, got.body == body), (200, True), "whole")
    assert got.get("ETag") and got.get("x-amz-request-id") == "0123456789ABCDEF", got.headers
    asked = len(bucket.seen())
    for node in nodes:
        again = node.get("/a/picture.bin")
        equal((again.status, again.body == body), (200, True), f"again at {node.name}")
        assert "Miss" not in again.get("X-Cache"), again.headers
        part = node.get("/a/picture.bin", headers=[("Range", "bytes=70000-140000")])
        equal((part.status, part.body == body[70000:140001]), (206, True), "a range")
        head = node.get("/a/picture.bin", method="HEAD")
        equal((head.status, head.get("Content-Length")), (200, str(len(body))), "HEAD")
        same = node.get("/a/picture.bin", headers=[("If-None-Match", got.get("ETag"))])
        equal(same.status, 304, "its own ETag")
    equal(len(bucket.seen()), asked, "requests to the bucket for all of that")
    # What is asked for in part first is fetched in part, signed too.
    bucket.put("part.bin", body)
    part = nodes[1].get("/part.bin", headers=[("Range", "bytes=100000-100009")])
    equal((part.status, part.body), (206, body[100000:100010]), "a range of what nobody has")
    assert any("range" in one["headers"] and "range" in one["headers"]["authorization"] for one in bucket.seen()
               if "part.bin" in one["url"]), "no signed range was asked for"
    equal(nodes[2].get("/absent").status, 404, "an object that is not there")
    for one in bucket.seen():
        assert "x-amz-content-sha256" in one["headers"] and SECRET in one["headers"]["authorization"], one


@needs("hedgerow")
def test_feat_C3_a_wrong_secret_is_the_origins_403(case):
    """With a wrong secret viewers get the bucket's own 403, which is not kept; when the file is made right, at the next
    second, they get the object. A file that is then broken changes nothing, and is told by line."""
    bucket = Bucket(case)
    bucket.put("page", b"here")
    path = keys_file(case, secret="WRONGSECRET")
    node = case.node("fra-1", bucket.url, flags=flags(path))
    got = node.get("/page")
    equal((got.status, b"SignatureDoesNotMatch" in got.body), (403, True), "a wrong secret")
    asked = len(bucket.seen())
    equal(node.get("/page").status, 403, "again")
    equal(len(bucket.seen()), asked + 1, "requests: a 403 is not kept")
    keys_file(case)
    wait_until(lambda: node.get("/page").status == 200, "the right secret is taken")
    with open(path, "w", encoding="ascii") as file:
        file.write("[cdn]\naws_secret_access_key = HUSHHUSH\nHUSHHUSH\n")
    bucket.put("other", b"there")
    wait_until(lambda: node.get(f"/none-{time.monotonic()}").status and "line 3" in node.log(), "the broken file is told")
    equal(node.get("/other").body, b"there", "an object under the keys in use")
    os.chmod(keys_file(case), 0o644)
    wait_until(lambda: node.get(f"/none-{time.monotonic()}").status and "chmod 600" in node.log(), "who can read it")
    for folder, _, files in os.walk(node.data):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                assert b"HUSH" not in file.read(), name
    assert "HUSH" not in node.log(10000) and "WRONGSECRET" not in node.log(10000)
    assert b"HUSH" not in node.admin_get("/status").body + node.admin_get("/metrics").body


@needs("hedgerow")
def test_feat_C3_names_of_all_kinds(case):
    """Objects whose names have blanks, pluses, Unicode, escapes and reserved characters; a slash that was encoded is one;
    one that would hide a dot segment leaves no bucket."""
    bucket = Bucket(case)
    node = case.node("fra-1", bucket.url, flags=flags(keys_file(case)))
    names = ["a b.txt", "a+b.txt", "é/語.txt", "\U0001f33f", "100%.txt", "x%2Fy", "a=b&c;d,e@f:g$h", "it's (1)!*.txt",
             "[x]{y}|z^`", 'say "so"', "~tilde", "a?b#c", "back\\slash"]
    for name in names:
        body = f"this is {name}".encode()
        bucket.put(name, body)
        got = node.get("/" + encode(name))
        equal((got.status, got.body), (200, body), name)
    bucket.put("deep/er", b"deep")
    equal(node.get("/deep%2Fer").body, b"deep", "an encoded slash")
    equal(node.get("/a+b.txt").body, b"this is a+b.txt", "a plus as it is")
    equal(node.get("/it's(1)").status, 404, "reserved characters as they are, and no such object")
    for path in ("/..%2Fother%2Fpage", "/deep%2F..%2F..%2Fother", "/%2e%2e%2fother/page"):
        assert node.get(path).status in (400, 403, 404), path
    equal([one["url"] for one in bucket.seen() if not one["url"].startswith("/private/")], [], "what left the bucket")
    named = node.get("/a%20b.txt?response-content-type=text/x-mine&response-cache-control=max-age%3D7&x=a+b")
    equal((named.status, named.get("Content-Type"), named.get("Cache-Control")), (200, "text/x-mine", "max-age=7"),
          "a query, which S3 takes of nobody who has not signed")


@needs("hedgerow")
def test_feat_C3_whose_signature(case):
    """always: a viewer's Authorization is replaced; no-override: it goes on as it is, and the answer is that viewer's
    alone; never: nothing is signed. A viewer's X-Amz-* is in no signed GET."""
    bucket = Bucket(case)
    bucket.put("page", b"here")
    path = keys_file(case)
    host = f"127.0.0.1:{bucket.port}"
    nodes = {how: case.node(how, bucket.url, node_file=case.admit(how, authority=how),
                           flags=flags(path, "--origin-s3-signing", how))
             for how in ("always", "no-override", "never")}
    mine = sign("GET", host, "/private/page", datetime.datetime.utcnow())
    false = [(name, value.replace("Signature=", "Signature=0") if name == "Authorization" else value)
             for name, value in mine]
    equal(nodes["always"].get("/page", headers=false).status, 200, "always: a false signature is replaced")
    equal(nodes["no-override"].get("/page", headers=false).status, 403, "no-override: a false signature goes on")
    equal(nodes["no-override"].get("/page").status, 200, "no-override: ours where the viewer has none")
    equal(nodes["no-override"].get("/page", headers=mine).status, 200, "no-override: the viewer's own")
    equal(nodes["never"].get("/page").status, 403, "never")
    equal(nodes["never"].get("/page", headers=mine).status, 200, "never: the viewer's own")
    nodes["always"].get("/other", headers=[("X-Amz-Meta-Of", "mine"), ("X-Amz-Security-Token", "T"),
                                           ("X-Amz-Date", "20130524T000000Z")])
    last = bucket.seen()[-1]["headers"]
    assert "x-amz-meta-of" not in last and "x-amz-security-token" not in last, last
    assert not last["x-amz-date"].startswith("2013"), last


@needs("hedgerow")
def test_feat_C3_viewers_write_only_where_that_was_said(case):
    """Without --methods a bucket takes no writes; with it PUT and DELETE are signed, the payload in chunks, and what was
    kept of the URL is dropped."""
    bucket = Bucket(case)
    bucket.put("page", b"old")
    path = keys_file(case)
    closed = case.node("closed", bucket.url, node_file=case.admit("closed", authority="one"), flags=flags(path))
    equal(send(closed, "PUT", "/page", b"new").status, 403, "a write that nobody allowed")
    node = case.node("open", bucket.url, node_file=case.admit("open", authority="two"),
                     flags=flags(path, "--methods", "all"))
    equal(node.get("/page").body, b"old", "before")
    for size in (0, 1, 65535, 65536, 65537, 1000000):
        body = os.urandom(size)
        answer = send(node, "PUT", "/page", body, [("Content-Type", "text/x-mine"), ("X-Amz-Meta-Of", "mine and yours")])
        equal(answer.status, 200, f"PUT of {size} bytes")
        equal(bucket.get("page"), (200, body), f"{size} bytes at the bucket")
        got = node.get("/page")
        equal((got.body == body, got.get("Content-Type"), got.get("X-Amz-Meta-Of") is not None),
              (True, "text/x-mine", True), f"{size} bytes through the node")
    equal(send(node, "DELETE", "/page").status, 204, "DELETE")
    equal(bucket.get("page")[0], 404, "at the bucket")


@needs("hedgerow")
def test_feat_C3_over_https_a_payload_need_not_be_signed(case):
    """A bucket over https: objects, ranges, and writes whose payload TLS guards, and no signature of ours."""
    authority = certs.Authority(case.folder)
    bucket = Bucket(case, pair=authority.leaf("bucket", san="IP:127.0.0.1"))
    body = os.urandom(300000)
    bucket.put("page", body)
    node = case.node("fra-1", bucket.url, flags=flags(keys_file(case), "--methods", "all", "--origin-ca", authority.cert))
    got = node.get("/page")
    equal((got.status, got.body == body), (200, True), "whole")
    for size in (1, 65537, 1000000):
        body = os.urandom(size)
        equal(send(node, "PUT", "/page", body).status, 200, f"PUT of {size} bytes")
        equal(bucket.get("page"), (200, body), f"{size} bytes at the bucket")
        sent = bucket.seen()[-1]["headers"]
        equal((sent["x-amz-content-sha256"], sent["content-length"], sent.get("content-encoding")),
              ("UNSIGNED-PAYLOAD", str(size), None), "what was said of the payload")


def by_file(bucket, **more):
    """A distribution for any host, of a bucket."""
    origin = {"id": "store", "type": "s3", "url": bucket.url, "region": REGION, "credentials": "cdn", **more}
    return {"name": "photos", "hosts": "*", "origins": [origin]}


@needs("hedgerow")
def test_feat_C3_a_bucket_by_a_file_through_three_nodes(case):
    """A distribution names the bucket, its region and a profile; the file of keys is under node:. Three nodes serve it, with
    one fetch, and no writes unless it says so; new keys are used without a restart."""
    bucket = Bucket(case)
    bucket.put("a/picture.bin", b"x" * 200000, "application/octet-stream")
    path = keys_file(case)
    nodes = mesh_by_file(case, 3, [by_file(bucket)], {"origin_s3_credentials": path})
    for node in nodes:
        got = node.get("/a/picture.bin")
        equal((got.status, got.body == b"x" * 200000), (200, True), f"at {node.name}")
    equal(len(bucket.seen()), 1, "requests to the bucket")
    equal(send(nodes[0], "PUT", "/a/picture.bin", b"new").status, 403, "a write that nobody allowed")
    equal(len(bucket.seen()), 1, "requests to the bucket after that")
    for node in nodes:
        node.reload([{**by_file(bucket), "behaviours": [{"path": "*", "methods": "all"}]}])
    equal(send(nodes[1], "PUT", "/new", b"put" * 50000).status, 200, "a write that is allowed")
    equal(bucket.get("new")[1], b"put" * 50000, "what the bucket has")
    keys_file(case, "wrong")
    wait_until(lambda: nodes[2].get(f"/none{time.monotonic()}").status == 403, "a wrong secret is the bucket's 403")
    keys_file(case)
    wait_until(lambda: nodes[2].get(f"/none{time.monotonic()}").status == 404, "the right one")


@needs("hedgerow")
def test_feat_C3_a_viewers_authorization_where_all_is_signed(case):
    """always: a viewer's Authorization counts for nothing, so his request is answered as anybody's, from what was kept;
    no-override: it is fetched for that viewer alone."""
    bucket = Bucket(case)
    bucket.put("page", b"here")
    node = Filed(case, "alone", [by_file(bucket)], node={"origin_s3_credentials": keys_file(case)})
    mine = sign("GET", f"127.0.0.1:{bucket.port}", "/private/page", datetime.datetime.utcnow())
    for headers in (mine, [("Authorization", "Basic x")], []):
        equal(node.get("/page", headers=headers).status, 200, "anybody")
    seen = bucket.seen()
    equal(len(seen), 1, "requests to the bucket")
    assert f"Credential={KEY}/" in seen[0]["headers"]["authorization"] and "x-amz-date" in seen[0]["headers"], seen
    node.reload([by_file(bucket, sign="no-override")])
    for _ in range(2):
        equal(node.get("/page?2", headers=mine).status, 403, "what that viewer has signed of another request")
    equal(len(bucket.seen()), 3, "requests to the bucket, one for each")
    equal(node.get("/page").status, 200, "ours")


@needs("hedgerow")
def test_feat_C3_keys_that_are_missing_are_told(case):
    """A distribution whose profile this node does not have: it is told at the start, its requests are answered with 502,
    and all else is served."""
    bucket, origin = Bucket(case), case.origin()
    bucket.put("page", b"here")
    made = [{**by_file(bucket, credentials="nobody"), "hosts": "photos.test"}, {"name": "other", "hosts": "*", "origins": origin.url}]
    node = Filed(case, "alone", made, node={"origin_s3_credentials": keys_file(case)})
    assert "distribution photos, origin store: " in node.log() and "nobody" in node.log(), node.log()
    equal(node.get("/bytes/10").status, 200, "the other one")
    equal(client.fetch(node.http, "/page", headers=[("Host", "photos.test")]).status, 502, "without keys")
    equal(bucket.seen(), [], "what the bucket was asked")
    done = case.run("run", "-c", node.file, "--origin-s3-credentials", "keys:cdn", code=2)
    assert "distributions say theirs" in done.stderr, done.stderr

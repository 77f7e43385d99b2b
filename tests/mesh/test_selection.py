"""Conditional requests and ranges, answered from copies in the mesh."""

import concurrent.futures

import bodies
import client
from harness import equal, needs, wait_until

LEAF = 65536
ETAG = "%22v1%22"       # "v1", in a URL
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"


def body_of(length, seed):
    return b"".join(bytes(piece) for piece in bodies.pieces(length, seed))


def ask(node, target, **headers):
    return client.fetch(node.http, target, headers=[(name.replace("_", "-"), value) for name, value in headers.items()])


@needs("hedgerow")
def test_feat_R10_conditions_are_judged_by_the_copy(case):
    """R10: strong, weak, listed and * in If-None-Match, and dates, give 304 or 200 as RFC 9110 has it, at each node and
    for misses too; the origin is asked once."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    target = f"/bytes/5000?etag={ETAG}&lm={MODIFIED.replace(' ', '%20')}"
    first = ask(nodes[0], target, If_None_Match='"v1"')     # nobody has it yet
    equal((first.status, first.body, first.get("Content-Length")), (304, b"", None), "a match on a miss")
    for node in nodes:
        for value, status in (('"v1"', 304), ('W/"v1"', 304), ('"v0", "v1"', 304), ("*", 304), ('"v2"', 200),
                              ("v1", 200)):
            answer = ask(node, target, If_None_Match=value)
            equal((answer.status, len(answer.body), answer.get("ETag")), (status, 5000 if status == 200 else 0, '"v1"'),
                  f"If-None-Match: {value} at {node.name}")
        equal(ask(node, target, If_Modified_Since=MODIFIED).status, 304, "its own date")
        equal(ask(node, target, If_Modified_Since="Sun, 06 Nov 1994 08:49:36 GMT").status, 200, "an earlier date")
        equal(ask(node, target, If_None_Match='"v2"', If_Modified_Since=MODIFIED).status, 200, "the tag counts")
    equal(origin.count(target), 1, "requests at the origin")


def check_range(node, target, body, value, first, last):
    answer = ask(node, target, Range=value)
    equal((answer.status, answer.get("Content-Range"), answer.get("Content-Length")),
          (206, f"bytes {first}-{last}/{len(body)}", str(last + 1 - first)), f"{value} at {node.name}")
    equal(answer.body, body[first:last + 1], f"the bytes of {value}")


def parts_of(answer):
    """The parts of a multipart/byteranges: {Content-Range: bytes}."""
    kind, _, boundary = answer.get("Content-Type").partition("; boundary=")
    equal(kind, "multipart/byteranges", "the type")
    pieces = answer.body.split(b"\r\n--" + boundary.encode())
    equal((pieces[0], pieces[-1]), (b"", b"--\r\n"), "what stands around the parts")
    found = {}
    for piece in pieces[1:-1]:
        head, _, data = piece.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().strip().split("\r\n"))
        found[fields["Content-Range"]] = data
    return found


@needs("hedgerow")
def test_feat_R16_ranges_come_from_the_copy(case):
    """R16: first, middle, last, open, across leaves, beyond, several, If-Range; at each node, and as the first thing that
    is asked of an object; the origin is asked for each leaf once, neighbours together, and for nothing else when somebody
    wants the whole."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    length = 5 * LEAF + 1234
    for number, node in enumerate(nodes):
        seed = f"range{number}"
        target, body = f"/bytes/{length}?seed={seed}&etag={ETAG}", body_of(length, seed)
        check_range(node, target, body, f"bytes={3 * LEAF - 10}-{4 * LEAF + 10}", 3 * LEAF - 10, 4 * LEAF + 10)
        for other in nodes:
            for value, first, last in (("bytes=0-0", 0, 0), ("bytes=0-", 0, length - 1), ("bytes=-5", length - 5, length - 1),
                                       (f"bytes={length - 1}-{length + 9}", length - 1, length - 1),
                                       (f"bytes={LEAF}-{LEAF}", LEAF, LEAF)):
                check_range(other, target, body, value, first, last)
        several = ask(node, target, Range=f"bytes=0-9,{2 * LEAF - 1}-{2 * LEAF},-3")
        equal((several.status, parts_of(several)),
              (206, {f"bytes 0-9/{length}": body[:10], f"bytes {2 * LEAF - 1}-{2 * LEAF}/{length}":
                     body[2 * LEAF - 1:2 * LEAF + 1], f"bytes {length - 3}-{length - 1}/{length}": body[-3:]}), "several ranges")
        beyond = ask(node, target, Range=f"bytes={length}-")
        equal((beyond.status, beyond.get("Content-Range"), beyond.result()), (416, f"bytes */{length}", "Hit"), "beyond")
        for value, status in (("bytes=9-5", 200), ("bytes=10-19,0-9", 200), ("lines=1-2", 200)):
            equal(ask(node, target, Range=value).status, status, value)
        equal(ask(node, target, Range="bytes=0-9", If_Range='"v1"').status, 206, "If-Range that matches")
        equal(ask(node, target, Range="bytes=0-9", If_Range='"v2"').body, body, "If-Range that does not")
        equal(client.fetch(node.http, target, method="HEAD", headers=[("Range", "bytes=0-9")]).status, 200, "HEAD")
        equal((origin.count(target), origin.body_bytes[target]), (4, length),
              "requests at the origin, for leaves 2 to 4, 0, 1 and 5, and bytes")
    small = ask(nodes[0], "/bytes/300?seed=small", Range="bytes=0-0,2-2,4-4")
    equal((small.status, small.body), (200, body_of(300, "small")), "parts that would be longer than the body")


@needs("hedgerow")
def test_a_range_of_a_body_under_way(case):
    """A range far into a body that only just begins to come is sent as soon as its bytes are there, and those who
    read from the start lose nothing."""
    origin = case.origin()
    node = case.mesh(1, origin.url)[0]
    length = 8 * LEAF
    target, body = f"/bytes/{length}?seed=late&gate=more&gate_at={5 * LEAF}", body_of(length, "late")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        whole = pool.submit(ask, node, target)
        wait_until(lambda: origin.count(target) == 1, "the fetch has begun")
        early = pool.submit(ask, node, target, Range=f"bytes={LEAF}-{LEAF + 99}")
        answer = early.result(20)
        equal((answer.status, answer.body), (206, body[LEAF:LEAF + 100]), "a range that is there already")
        late = pool.submit(ask, node, target, Range="bytes=-7")
        origin.open_gate("more")
        equal(late.result(20).body, body[-7:], "the end")
        equal(whole.result(20).body, body, "the whole")
    equal(origin.count(target), 1, "requests at the origin")

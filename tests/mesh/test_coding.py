"""Content codings to viewers: gzip, Brotli and zstd, decoded by the systems' own libraries; curl has the last word."""

import ctypes
import itertools
import shutil
import socket
import subprocess
import zlib

import bodies
import client
from harness import Skip, at_once, equal, needs, total, wait_until

ETAG = "%22v1%22"       # "v1", in a URL
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
HTML = f"text=1&type=text/html&etag={ETAG}"


def brotli_decode(data, length):
    library = ctypes.CDLL("libbrotlidec.so.1")
    room, size = ctypes.create_string_buffer(length + 1), ctypes.c_size_t(length + 1)
    done = library.BrotliDecoderDecompress(ctypes.c_size_t(len(data)), data, ctypes.byref(size), room)
    equal(done, 1, "Brotli's verdict")
    return room.raw[:size.value]


def zstd_decode(data, length):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(length + 1)
    size = library.ZSTD_decompress(room, ctypes.c_size_t(length + 1), data, ctypes.c_size_t(len(data)))
    assert size <= length + 1, "zstd's verdict"
    return room.raw[:size]


def gzip_decode(data, _):
    decoder = zlib.decompressobj(31)
    body = decoder.decompress(data)
    assert decoder.eof and not decoder.unused_data, "gzip's end"
    return body


DECODERS = {"gzip": gzip_decode, "br": brotli_decode, "zstd": zstd_decode, None: lambda data, _: data}


def ask(node, target, accept=None, method="GET", **headers):
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    if accept is not None:
        fields.append(("Accept-Encoding", accept))
    return client.fetch(node.http, target, method, fields)


def check(answer, coding, length, seed="0", status=200):
    """An answer in this coding: its head says so, and it decodes to the body."""
    equal((answer.status, answer.get("Content-Encoding")), (status, coding), "the coding")
    equal(DECODERS[coding](answer.body, length), bodies.body(length, seed, True), "the decoded body")
    if coding is not None:
        assert len(answer.body) < length, (coding, len(answer.body))
        equal((answer.get("Accept-Ranges"), "Accept-Encoding" in answer.get("Vary")), (None, True), "ranges and Vary")
    return answer


@needs("hedgerow")
def test_feat_R22_each_viewer_gets_the_coding_it_likes(case):
    """R22: br, zstd and gzip by q-values, through each of three nodes, first while it is made and then whole; the
    strong ETag becomes weak; the origin is asked once, for identity; nothing is coded twice on a node."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    length = 400000
    target = f"/bytes/{length}?{HTML}&header=Accept-Ranges:bytes"
    wishes = (("gzip, deflate, br, zstd", "br"), ("gzip, deflate", "gzip"), ("br;q=0.5, zstd", "zstd"), ("deflate", None),
              (None, None), ("*;q=0.1, gzip;q=0.2", "gzip"), ("identity;q=0", None))
    for turn, node in itertools.product(range(2), nodes):
        for accept, coding in wishes:
            answer = check(ask(node, target, accept), coding, length)
            equal((answer.get("ETag"), answer.get("Vary")), ('"v1"' if coding is None else 'W/"v1"', "Accept-Encoding"),
                  f"the head for {accept}")
            if turn == 1:
                equal(answer.get("Content-Length"), str(len(answer.body)), f"its length for {accept}")
                head = ask(node, target, accept, "HEAD")
                names = ("Content-Encoding", "Content-Length", "ETag", "Vary", "Content-Type", "Accept-Ranges")
                equal([head.get(name) for name in names], [answer.get(name) for name in names], f"HEAD for {accept}")
    equal([(q.headers["accept-encoding"]) for q in origin.requests if q.target == target], ["identity"], "at the origin")
    equal([node.counter("coder_bytes_in") for node in nodes], [2 * length] * 3, "bytes that coders took for gzip and br")
    equal(total(nodes, "answers_coded"), 2 * 3 * 4, "coded answers")
    assert total(nodes, "coder_bytes_out") < 6 * length / 2


@needs("hedgerow")
def test_feat_R22_lengths_and_what_is_left_alone(case):
    """R22: 999, 1,000, 10,000,000 and 10,000,001 B; 200, 403 and 404; types; what is coded already; no-transform;
    HTTP/1.0; an answer whose length is not known until it is complete."""
    origin = case.origin()
    node = case.mesh(1, origin.url)[0]
    rows = [(f"/bytes/{n}?{HTML}", n, 200, 1000 <= n <= 10000000) for n in (999, 1000, 10000000, 10000001)]
    rows += [(f"/bytes/2000?{HTML}&status={status}", 2000, status, status in (200, 403, 404))
             for status in (200, 203, 403, 404, 410, 500)]
    rows += [(f"/bytes/2000?text=1&type={kind}", 2000, 200, coded) for kind, coded in
             (("application/json", True), ("image/svg%2Bxml", True), ("image/png", False), ("video/mp4", False))]
    rows += [(f"/bytes/2000?{HTML}&{what}", 2000, 200, False) for what in
             ("header=Content-Encoding:x-odd", "cc=max-age=60,no-transform")]
    for target, length, status, coded in rows:
        for accept in ("gzip", "br"):
            answer = ask(node, target, accept)
            if "x-odd" in target:
                equal((answer.get("Content-Encoding"), answer.body), ("x-odd", bodies.body(length, "0", True)), "as it is")
            else:
                check(answer, accept if coded else None, length, status=status)
            equal(answer.get("Vary"), "Accept-Encoding" if coded else None, f"Vary of {target}")
    target = f"/bytes/5000?{HTML}&chunked=1&gate=rest&gate_at=1000"
    seen = bytearray()

    def take(data):         # the head and a part of the body are here, and the length is not known yet
        seen.extend(data)
        origin.open_gate("rest")
    first = client.fetch(node.http, target, headers=[("Accept-Encoding", "br")], on_body=take)
    equal((first.get("Content-Encoding"), first.get("Vary")), (None, "Accept-Encoding"), "while the length is not known")
    equal(bytes(seen), bodies.body(5000, "0", True), "the body as it is")
    check(ask(node, target, "br"), "br", 5000)
    with socket.create_connection(node.http, 30) as old:
        old.sendall(f"GET {target} HTTP/1.0\r\nAccept-Encoding: br, gzip\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: old.recv(65536), b"")).partition(b"\r\n\r\n")
    assert b"Content-Encoding" not in head and b"Vary: Accept-Encoding" in head, head
    equal(body, bodies.body(5000, "0", True), "for HTTP/1.0")


@needs("hedgerow")
def test_feat_R22_conditions_and_ranges(case):
    """R22: who has it coded is told 304 by its weak tag, and by the strong one; ranges are of the body as it is."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    length = 200000
    target = f"/bytes/{length}?{HTML}"
    body = bodies.body(length, "0", True)
    for node in nodes:
        for accept, tag in (("br", 'W/"v1"'), (None, '"v1"')):
            equal(check(ask(node, target, accept), accept, length).get("ETag"), tag, "the tag")
            for value in ('W/"v1"', '"v1"', "*", '"v0", W/"v1"'):
                answer = ask(node, target, accept, If_None_Match=value)
                equal((answer.status, answer.get("ETag"), answer.get("Content-Encoding"), answer.get("Vary")),
                      (304, tag, None, "Accept-Encoding"), f"If-None-Match: {value} for {accept}")
            check(ask(node, target, accept, If_None_Match='W/"v2"'), accept, length)
        part = ask(node, target, "br", Range="bytes=100-299")
        equal((part.status, part.get("Content-Encoding"), part.body), (206, None, body[100:300]), "a range")
        equal((part.get("ETag"), part.get("Vary")), ('"v1"', "Accept-Encoding"), "its head")
        check(ask(node, target, "br", Range="bytes=0-9", If_Range='W/"v1"'), None, length)
    equal(origin.count(target), 1, "requests at the origin")


@needs("hedgerow")
def test_feat_R22_after_a_304_nothing_is_coded_again(case):
    """R22: an object that its origin confirms keeps its coded forms."""
    origin = case.origin()
    node = case.mesh(1, origin.url)[0]
    target = f"/bytes/90000?{HTML}&cc=no-cache"
    for turn in range(3):
        answer = check(ask(node, target, "br"), "br", 90000)
        equal(answer.result(), "Miss" if turn == 0 else "RefreshHit", "the result")
    equal(node.counter("coder_bytes_in"), 90000, "bytes that the coder took")


@needs("hedgerow")
def test_feat_R22_many_at_once(case):
    """R22: a hundred viewers of a cold body in two codings, some of them while it drips in: one fetch, and each coding is
    made once."""
    origin = case.origin()
    node = case.mesh(1, origin.url)[0]
    length = 3000000
    target = f"/bytes/{length}?{HTML}&gate=more&gate_at=1000000"

    def view(number):
        return check(ask(node, target, "br" if number % 2 else "gzip"), "br" if number % 2 else "gzip", length)

    def gate(number):
        if number == 100:
            origin.wait(lambda: origin.counts[target] == 1, 20, "the first request")
            wait_until(lambda: node.counter("coder_bytes_in") >= 1900000, "both coders wait for more")
            origin.open_gate("more")
            return None
        return view(number)
    at_once(101, gate)
    equal((origin.count(target), node.counter("coder_bytes_in")), (1, 2 * length), "fetches, and bytes that coders took")


@needs("hedgerow")
def test_feat_R23_the_frames_that_nodes_exchange_go_to_viewers(case):
    """R23: a body fetched from its owner as zstd frames, a leaf in each, is sent as they are: no coder has any part in it.
    From less than a leaf to many, and 300,000 bytes at each of three nodes."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    lengths = [1000 + 5800 * number for number in range(12)] + [65537, 300000, 2000000]
    for (number, length), node in itertools.product(enumerate(lengths), nodes):
        target = f"/bytes/{length}?{HTML}&seed=r23-{number}"
        answer = check(ask(node, target, "zstd"), "zstd", length, f"r23-{number}")
        if answer.get("Content-Length") is None:        # it was asked for before all of it was there
            again = check(ask(node, target, "zstd"), "zstd", length, f"r23-{number}")
            equal((again.get("Content-Length"), again.body), (str(len(again.body)), answer.body), "the same once more")
        equal(answer.body.count(ZSTD_MAGIC), -(-length // 65536), "frames")
    equal(total(nodes, "coder_bytes_in"), 0, "bytes that coders took")
    assert total(nodes, "bytes_peer_in_wire") < total(nodes, "bytes_peer_in") / 2, "nothing was packed on its way"


@needs("hedgerow")
def test_feat_R24_two_hundred_spellings_are_four_answers(case):
    """R24: 200 spellings of Accept-Encoding: one fetch, one stored object, and each coding that is to be made is so once."""
    origin = case.origin()
    node = case.mesh(1, origin.url)[0]
    target = f"/bytes/70000?{HTML}&vary=Accept-Encoding"
    names = ("gzip", "br", "zstd", "deflate", "x-gzip", "identity", "*")
    spellings = [f"{a};q={i}{space},{space}{b}" for a, b, i, space in
                 itertools.product(names, names, ("1", "0.5", "0"), ("", " "))][:200]
    equal(len(set(spellings)), 200, "spellings")
    seen = {}
    for accept in spellings:
        answer = ask(node, target, accept)
        coding = answer.get("Content-Encoding")
        check(answer, coding, 70000)
        seen.setdefault(coding, set()).add(answer.body)
    equal({coding: len(bodies_seen) for coding, bodies_seen in seen.items()}, {"gzip": 1, "br": 1, "zstd": 1, None: 1},
          "different answers")
    equal((origin.count(target), node.counter("coder_bytes_in")), (1, 2 * 70000), "fetches, and bytes that coders took")
    equal(node.status()["cache"]["objects"], 1, "stored objects")


@needs("hedgerow")
def test_compress_flag(case):
    """--compress chooses among the codings, or turns them off."""
    origin = case.origin()
    target = f"/bytes/5000?{HTML}"
    off = case.node("off", origin.url, flags=("--compress", "off"))
    some = case.node("some", origin.url, flags=("--compress", "gzip,zstd"))
    equal(check(ask(off, target, "br, gzip"), None, 5000).get("Vary"), None, "Vary")
    check(ask(some, target, "br, gzip;q=0.5"), "gzip", 5000)
    check(ask(some, target, "br"), None, 5000)


@needs("hedgerow")
def test_feat_R22_curl_decodes_all_three(case):
    """R22, R23: what curl --compressed makes of it, small and large, first and later."""
    features = b""
    if shutil.which("curl"):
        features = subprocess.run(["curl", "--version"], stdout=subprocess.PIPE, check=True).stdout
    if not all(name in features.split() for name in (b"libz", b"brotli", b"zstd")):
        raise Skip("there is no curl that knows gzip, Brotli and zstd")
    origin = case.origin()
    node = case.mesh(1, origin.url)[0]
    for length, accept, _ in itertools.product((5000, 700000), ("gzip", "br", "zstd"), range(2)):
        url = "http://{}:{}/bytes/{}?{}".format(*node.http, length, HTML)
        done = subprocess.run(["curl", "-sS", "--fail", "--compressed", "-H", f"Accept-Encoding: {accept}", url],
                              stdout=subprocess.PIPE, check=True)
        equal(done.stdout, bodies.body(length, "0", True), f"{length} bytes in {accept}")
    equal(node.counter("answers_coded"), 12, "coded answers")

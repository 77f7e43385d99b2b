"""The tests' own origin and client, against each other: what they promise, so that the other tests may lean on it."""
import socket
import threading
import time

import bodies
import client
from harness import equal, needs, quick


def raises(kind, function):
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


@needs()
def test_bodies_are_a_function_of_the_url(case):
    """The same URL has the same bytes, whole or in ranges, with either framing; another seed has others."""
    origin = case.origin()
    for length in (0, 1, 65535, 65536, 65537, 200000):
        want = bodies.body(length, "a")
        equal(len(want), length, "length of the body")
        for framing in ("", "&chunked=1", "&close=1"):
            got = client.fetch((origin.host, origin.port), f"/bytes/{length}?seed=a{framing}")
            equal((got.status, got.body == want), (200, True), f"{length} bytes {framing}")
    part = client.fetch((origin.host, origin.port), "/bytes/200000?seed=a", headers=[("Range", "bytes=65000-66000")])
    equal((part.status, part.body == bodies.body(200000, "a")[65000:66001]), (206, True), "a range")
    assert bodies.body(100, "a") != bodies.body(100, "b") != bodies.body(100, "b", text=True)


@needs()
def test_a_checker_finds_each_kind_of_wrong_body(case):
    """One flipped bit, two swapped pages, one byte less or more: each is found, at any size of the pieces."""
    good = bodies.body(200000, "c")
    flipped = bytearray(good)
    flipped[131072] ^= 1
    swapped = good[65536:131072] + good[:65536] + good[131072:]

    def check(data, size):
        checker = bodies.Checker(len(good), "c")
        for at in range(0, len(data), size):
            checker.feed(data[at:at + size])
        checker.end()

    for size in (1000, 65536, 1 << 20):
        check(good, size)
        for bad in (bytes(flipped), swapped, good[:-1], good + b"x"):
            raises(bodies.Wrong, lambda bad=bad, size=size: check(bad, size))


@needs()
def test_every_request_is_counted_once(case):
    """Counts per URL and in all, over one connection and over many, HEAD included."""
    origin = case.origin()
    address = (origin.host, origin.port)
    with client.Connection(address) as kept:
        for i in range(30):
            equal(kept.request(f"/bytes/10?seed={i % 3}").status, 200, "status")
        equal(kept.request("/bytes/10?seed=0", method="HEAD").get("Content-Length"), "10", "length said to HEAD")
    threads = [threading.Thread(target=client.fetch, args=(address, "/bytes/10?seed=0")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal((origin.count("/bytes/10?seed=0"), origin.count("/bytes/10?seed=1"), origin.total), (31, 10, 51), "counts")
    equal(origin.connections, 21, "connections")


@needs()
def test_the_head_says_what_the_url_asks_for(case):
    """Status, freshness, validators and any other field; a validator that fits gives 304."""
    origin = case.origin()
    address = (origin.host, origin.port)
    got = client.fetch(address, '/bytes/5?status=404&cc=max-age%3D60&etag=%22v1%22&header=X-One:1&header=X-Two:2&vary=A')
    equal((got.status, got.get("cache-control"), got.get("etag"), got.get("x-one"), got.get("x-two"), got.get("vary")),
          (404, "max-age=60", '"v1"', "1", "2", "A"), "the head")
    again = client.fetch(address, '/bytes/5?etag=%22v1%22', headers=[("If-None-Match", '"v1"')])
    equal((again.status, again.body), (304, b""), "a validator that fits")


@needs()
def test_broken_answers_are_seen_as_broken(case):
    """Truncation, reset and silence where the URL orders them, and a client that takes none of them for an end."""
    origin = case.origin()
    address = (origin.host, origin.port)
    for framing in ("", "&chunked=1"):
        error = raises(client.Broken, lambda f=framing: client.fetch(address, f"/bytes/1000?truncate=400{f}"))
        assert "400 bytes into the body" in str(error), error
        raises(ConnectionResetError, lambda f=framing: client.fetch(address, f"/bytes/1000?reset=400{f}"))
    raises(TimeoutError, lambda: client.fetch(address, "/bytes/1000?hang=head", timeout=0.2))
    got = []
    raises(TimeoutError, lambda: client.fetch(address, "/bytes/1000?hang=10", timeout=0.2, on_body=lambda data: got.append(bytes(data))))
    equal(len(b"".join(got)), 10, "bytes before the silence")


@needs()
def test_a_gate_holds_the_body_until_it_is_opened(case):
    """So that a test can look around in the middle of an answer without guessing how long that takes."""
    origin = case.origin()
    got = []
    reader = threading.Thread(target=client.fetch, args=((origin.host, origin.port), "/bytes/9000?gate=g&gate_at=4000"),
                              kwargs={"on_body": lambda data: got.append(bytes(data))})
    reader.start()
    deadline = time.monotonic() + 5
    while sum(map(len, got)) < 4000 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    equal(sum(map(len, got)), 4000, "bytes before the gate")
    origin.open_gate("g")
    reader.join(5)
    equal(b"".join(got), bodies.body(9000, "0"), "the body")


@needs()
def test_paces_are_kept(case):
    """A rate in bytes a second, and parts at intervals."""
    origin = case.origin()
    for target, least in (("/slow/50000", 0.4), ("/drip/4096?every_ms=150", 0.4), ("/bytes/100?delay_ms=300", 0.3)):
        began = time.monotonic()
        client.fetch((origin.host, origin.port), target)
        took = time.monotonic() - began
        assert least <= took, (target, took)
        quick(took, least + 2, target)


@needs()
def test_the_client_refuses_what_is_not_http(case):
    """Two lengths, a chunk size that is none, a bare line feed, an early end: none passes for an answer."""
    for text in (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                 b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
                 b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
                 b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
                 b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", b"HTTP/1.1 200 OK\r\n"):
        parser = client.ResponseParser()

        def whole(parser=parser, text=text):
            parser.feed(text)
            parser.closed()
        raises(client.Broken, whole)
    # Split at any byte, the answer is the same.
    text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n!"
    for cut in range(len(text)):
        parser = client.ResponseParser()
        after = parser.feed(text[:cut]) + parser.feed(text[cut:])
        equal((parser.done, parser.answer.body, after), (True, b"hello", b"!"), f"cut at {cut}")


@needs()
def test_an_origin_that_closes_lets_nobody_in(case):
    """A closed origin refuses connections: what a test of a dead origin leans on."""
    origin = case.origin()
    origin.close()
    raises(OSError, lambda: socket.create_connection((origin.host, origin.port), 1))

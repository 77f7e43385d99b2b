"""Limits towards viewers: who is slow, silent or comes too many times has an end, and nobody else notices."""
import contextlib
import socket
import threading
import time

import client
from harness import Node, equal, needs, wait_until


@contextlib.contextmanager
def probed(node, path="/bytes/100?seed=probe&cc=max-age=600"):
    """Asks for what is kept, each time anew, all the while; gathers how many seconds each answer took."""
    took, wrong, over = [], [], threading.Event()
    node.get(path)

    def ask():
        while not over.is_set():
            began = time.monotonic()
            try:
                answer = node.get(path, timeout=5)
                equal((answer.status, answer.result()), (200, "Hit"), "a probe's answer")
            except Exception as error:
                wrong.append(error)
            took.append(time.monotonic() - began)
            over.wait(0.05)
    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    try:
        yield took
    finally:
        over.set()
        asker.join()
    assert not wrong, f"{len(wrong)} of {len(took)} probes failed: {wrong[0]!r}"
    assert took and max(took) < 1, f"the slowest of {len(took)} probes took {max(took)} s"


def ended(viewer):
    """Has the node ended this connection?"""
    try:
        viewer.setblocking(False)
        return viewer.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def trickle(viewers, data, every, until):
    """Sends data to each, again and again, or reads so many bytes where it is a number; returns {viewer: seconds} of those
    that the node ended."""
    began, ends = time.monotonic(), {}
    while len(ends) < len(viewers) and time.monotonic() - began < until:
        for viewer in viewers:
            if viewer in ends:
                continue
            try:
                viewer.setblocking(False)
                if isinstance(data, int):
                    over = viewer.recv(data) == b""
                else:
                    viewer.send(data)
                    over = ended(viewer)
            except BlockingIOError:
                over = False
            except OSError:
                over = True
            if over:
                ends[viewer] = time.monotonic() - began
        time.sleep(every)
    return ends


def connected(node, count, begin=b"", receive=0):
    """So many connections that have sent this; receive: the kernel's buffer for what comes, in bytes."""
    viewers = []
    for _ in range(count):
        viewer = socket.socket()
        if receive:
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        viewer.connect(node.http)
        viewer.sendall(begin)
        viewers.append(viewer)
    return viewers


@needs("hedgerow", timeout=60)
def test_rob_W1_a_head_that_trickles_has_a_deadline(case):
    """W1: 1,000 viewers send a byte of a head each now and then: the deadline counts from the first, and all are ended; a
    fresh viewer is answered within a second throughout."""
    node = case.node("fra-1", case.origin().url, timers={"viewer-head": "3s", "viewer-idle": "60s"})
    with probed(node):
        viewers = connected(node, 1000, b"GET /bytes/10 HTTP/1.1\r\nHost: a\r\nX: ")
        ends = trickle(viewers, b"x", 0.2, 12)
        equal(len(ends), len(viewers), "ended within 12 s")
    equal(node.counter("viewers_timed_out"), len(viewers), "viewers_timed_out")


@needs("hedgerow", timeout=60)
def test_rob_W1_a_body_that_trickles_is_cut(case):
    """W1: bodies at 100 B/s: each is cut within two spans of the stall timer, though bytes come all the while, and the
    origin gets none for whole; one at 10,000 B/s arrives."""
    origin = case.origin()
    node = case.node("fra-1", origin.url, timers={"viewer-stall": "2s"})
    head = b"POST /bytes/10 HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"
    with probed(node):
        fine = client.Connection(node.http)
        fine.send(head)

        def send():
            for _ in range(60):
                fine.send(b"f" * 1000)
                time.sleep(0.1)
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        slow = connected(node, 100, head)
        ends = trickle(slow, b"x" * 20, 0.2, 8)
        equal(len(ends), len(slow), "ended within 8 s")
        sender.join()
        equal(fine.read("POST").status, 200, "the answer to the one that is not slow")
    equal([request.body.length for request in origin.requests if request.method == "POST"], [60000], "bodies that arrived")
    equal(node.counter("viewers_timed_out"), len(slow), "viewers_timed_out")


@needs("hedgerow", timeout=60)
def test_rob_W1_a_reader_who_trickles_is_cut(case):
    """W1: viewers who take some 400 B/s of an answer are cut within two spans of the stall timer, or three; one who takes some
    20,000 B/s is not."""
    node = case.node("fra-1", case.origin().url, timers={"viewer-stall": "4s"})
    path = "/bytes/8000000?seed=slow&cc=max-age=600"
    node.get(path)
    asked = client.request_bytes(node.http, path)
    with probed(node):
        fine, = connected(node, 1, asked, 1)
        slow = connected(node, 100, asked, 1)
        readers = [threading.Thread(target=trickle, args=args, daemon=True)
                   for args in (([fine], 2000, 0.1, 15), (slow, 80, 0.2, 14))]
        for reader in readers:
            reader.start()
        wait_until(lambda: node.counter("viewers_timed_out") >= len(slow), "all are cut", timeout=14)
        for reader in readers:
            reader.join()
        assert not ended(fine), "the one who is not slow was cut"
    equal(node.counter("viewers_timed_out"), len(slow), "viewers_timed_out")


class Narrow(Node):
    """A node with 256 descriptors: 224 are for viewers, 112 for those of one address."""
    prefix = ("prlimit", "--nofile=256:256")
    viewers, each = 224, 112


@needs("hedgerow", timeout=60)
def test_rob_W2_who_says_nothing_or_half_closes_has_an_end(case):
    """W2: connections that say nothing are closed after the idle timer; those that end their side without a request, or in the
    middle of one, at once."""
    node = case.node("fra-1", case.origin().url, timers={"viewer-idle": "4s"})
    with probed(node):
        silent = connected(node, 200)
        half = connected(node, 50) + connected(node, 50, b"GET /bytes/10 HTTP/1.1\r\nHost")
        for viewer in half:
            viewer.shutdown(socket.SHUT_WR)
        wait_until(lambda: all(ended(viewer) for viewer in half), "the half-closed ones are closed", timeout=2)
        assert not any(ended(viewer) for viewer in silent), "silent ones are closed early"
        wait_until(lambda: all(ended(viewer) for viewer in silent), "the silent ones are closed", timeout=8)


@needs("hedgerow", timeout=60)
def test_rob_W2_the_idlest_makes_room(case):
    """W2: at seven eighths of the descriptors those that were idle for longest are closed for newcomers, in their order and
    no more than need be."""
    node = case.node("fra-1", case.origin().url, kind=Narrow, flags=["--viewers-per-address", "1000"])
    node.get("/bytes/100?seed=room&cc=max-age=600")
    idle = connected(node, Narrow.viewers)
    time.sleep(1)                       # none of them is likely to be about to ask
    for viewer in idle[:10]:
        viewer.sendall(client.request_bytes(node.http, "/bytes/100?seed=room&cc=max-age=600"))
    wait_until(lambda: node.status()["requests"]["hit"] == 10, "the first ten have asked")
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            newcomer = stack.enter_context(client.Connection(node.http, 5))
            equal(newcomer.request("/bytes/100?seed=room&cc=max-age=600").result(), "Hit", "a newcomer's answer")
        for viewer in idle[:10]:
            viewer.recv(65536)
        equal([number for number, viewer in enumerate(idle) if ended(viewer)], list(range(10, 20)), "who made room")
    equal((node.counter("viewers_shed"), node.counter("viewers_refused")), (10, 0), "viewers_shed, viewers_refused")


@needs("hedgerow", timeout=60)
def test_rob_W3_one_address_does_not_get_all(case):
    """W3, A12: an address has half of all viewers' connections: more are answered with 503 and Retry-After and closed, nobody
    is shed for them, and another address is served as ever. What it gives back it may have again."""
    node = case.node("fra-1", case.origin().url, kind=Narrow)
    beside = [socket.create_connection(node.http, 5, ("127.0.0.2", 0)) for _ in range(Narrow.viewers - Narrow.each)]
    many = connected(node, 500)
    wait_until(lambda: node.counter("viewers_too_many") == 500 - Narrow.each, "those beyond the share are counted", 5)
    equal(node.counter("viewers_refused"), 500 - Narrow.each, "viewers_refused")
    for viewer in many[Narrow.each:]:
        viewer.settimeout(5)
        parser = client.ResponseParser()
        parser.feed(viewer.recv(65536))
        equal((parser.answer.status, parser.answer.get("Retry-After")), (503, "1"), "what those are told")
        equal(viewer.recv(1), b"", "and then")
    equal([viewer for viewer in many[:Narrow.each] + beside if ended(viewer)], [], "who was closed of those within their share")
    time.sleep(0.5)                     # all are idle for long enough to make room, for others than this address
    viewers = connected(node, 10)
    wait_until(lambda: node.counter("viewers_too_many") == 510 - Narrow.each, "ten more", 5)
    equal(node.counter("viewers_shed"), 0, "viewers_shed")
    for viewer in many + viewers:
        viewer.close()
    wait_until(lambda: node.metrics()["hedgerow_viewers_open"] <= len(beside), "they are gone", 5)
    equal(node.get("/bytes/100").status, 200, "the same address, later")


@needs("hedgerow", timeout=60)
def test_rob_W3_the_share_is_chosen(case):
    """W3: --viewers-per-address says how many."""
    node = case.node("fra-1", case.origin().url, flags=["--viewers-per-address", "2"])
    with client.Connection(node.http) as first, client.Connection(node.http) as second:
        for viewer in (first, second):
            equal(viewer.request("/bytes/10").status, 200, "within the share")
        with client.Connection(node.http) as third:
            equal(third.read().status, 503, "beyond it")

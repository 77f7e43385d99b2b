"""Requests that come together on one connection: answered in order, and small answers in one write."""
import socket
import struct
import time

import bodies
import client
from harness import equal, needs, wait_until

KEPT = "&cc=max-age=600"


def segments(connection):
    """How many TCP segments have brought data (tcpi_data_segs_in of Linux's struct tcp_info)."""
    info = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return struct.unpack_from("=I", info, 152)[0]


@needs("hedgerow", release=True)
def test_small_answers_go_out_together(case):
    """30 hits of 1 KiB that are asked for at once come in a write or two; asked for one by one, in one each."""
    node = case.node("fra-1", case.origin().url)
    targets = [f"/bytes/1024?seed={i}{KEPT}" for i in range(30)]
    with client.Connection(node.http) as viewer:
        for target in targets * 2:
            viewer.request(target)
        before = segments(viewer)
        for target in targets:
            equal(viewer.request(target).result(), "Hit", target)
        apart = segments(viewer) - before
        viewer.send(b"".join(client.request_bytes(node.http, target) for target in targets))
        answers = [viewer.read() for _ in targets]
        together = segments(viewer) - before - apart
    for i, answer in enumerate(answers):
        equal((answer.result(), answer.body), ("Hit", bodies.body(1024, str(i))), f"answer {i}")
    print(f"segments: {apart} one by one, {together} together")
    assert apart >= 30 and together <= 6, f"{together} segments, {apart} one by one"
    equal(node.status()["requests"]["total"], 120, "requests counted")
    equal(node.status()["bytes"]["viewer"], 120 * 1024, "bytes counted")


@needs("hedgerow")
def test_what_comes_together_is_answered_as_one_by_one(case):
    """Hits, misses that wait for the origin, HEAD, ranges, 304, errors and long bodies in one piece: each answer is the same
    as on a connection of its own, and in order; with the viewer's end closed behind the last, too."""
    node = case.node("fra-1", case.origin().url)
    small, long = f"/bytes/900?seed=s{KEPT}", f"/bytes/300000?seed=l{KEPT}"
    etag = client.fetch(node.http, small).get("ETag")
    asked = []
    for i in range(4):
        asked += [("GET", small, ()), ("GET", f"/bytes/{i}?seed=m{i}&delay_ms=50", ()), ("HEAD", small, ()),
                  ("GET", small, [("Range", "bytes=1-3")]), ("GET", long, ()), ("GET", small, ()),
                  ("GET", small, [("Range", "bytes=5000-")]), ("GET", small, [("If-None-Match", etag)]),
                  ("GET", f"/status/404?seed={i}", ()), ("GET", long, [("Range", "bytes=0-9,100-109")]),
                  ("GET", f"/bytes/70000?seed=c{i}&chunked=1", ()), ("GET", small, [("Accept-Encoding", "gzip")])]
    apart = [client.fetch(node.http, target, method, fields) for method, target, fields in asked]
    for close in (False, True):
        with client.Connection(node.http) as viewer:
            viewer.send(b"".join(client.request_bytes(node.http, target, method, fields)
                                 for method, target, fields in asked))
            if close:
                viewer.socket.shutdown(socket.SHUT_WR)
            for (method, target, _), want in zip(asked, apart):
                got = viewer.read(method)
                equal(got.status, want.status, f"{method} {target}")
                # A page of ours, and a multipart's delimiter, name the request.
                if want.status != 416 and "multipart" not in (want.get("Content-Type") or ""):
                    equal(got.body, want.body, f"{method} {target}")
            assert not close or viewer.at_end(), "the connection stays open"


@needs("hedgerow")
def test_who_asks_and_does_not_read_is_waited_for(case):
    """A viewer asks for 2,000 hits of 16 KB at once and reads none of them for a while: nobody else waits, the node holds no
    more than a write for it, and then it gets all of them; one that never reads is let go."""
    node = case.node("fra-1", case.origin().url, timers={"viewer-stall": "2s"})
    target = f"/bytes/16000?seed=x{KEPT}"
    want = client.fetch(node.http, target).body
    asked = client.request_bytes(node.http, target) * 2000
    with client.Connection(node.http) as viewer:
        viewer.socket.setblocking(False)
        sent = 0
        began = time.monotonic()
        while sent < len(asked) and time.monotonic() - began < 1:
            try:
                sent += viewer.socket.send(asked[sent:sent + 65536])
            except BlockingIOError:
                time.sleep(0.01)
        equal(client.fetch(node.http, target).result(), "Hit", "another viewer")
        viewer.socket.setblocking(True)
        viewer.socket.settimeout(20)
        whole = sent // (len(asked) // 2000)
        for i in range(whole):
            equal(viewer.read().body, want, f"answer {i}")
    assert whole > 100, f"{whole} requests were taken"
    with client.Connection(node.http) as viewer:
        viewer.socket.setblocking(False)
        try:
            while True:
                viewer.socket.send(asked)
        except BlockingIOError:
            pass
        wait_until(lambda: node.counter("viewers_timed_out") == 1, "the viewer is let go", 15)

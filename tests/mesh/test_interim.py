"""What an origin says before it answers (1xx, RFC 9110 section 15.2)."""
import threading

import client
from harness import equal, needs, wait_until
from scripted import Script, head_of

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: max-age=60\r\n\r\nhello"


def read_head(connection):
    """Bytes up to an empty line, none behind it."""
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        piece = connection.socket.recv(1)
        assert piece, f"the connection ended behind {got}"
        got += piece
    return got


@needs("hedgerow")
def test_feat_V16_early_hints_reach_who_asked(case):
    """V16: 103 and 102 reach the viewer who had the origin asked, ahead of the answer and without what was for one hop; who
    waits for the same answer is not shown them, and neither is anybody after them; HTTP/1.0 has none."""
    asked, both_wait, seen = threading.Event(), threading.Event(), threading.Event()

    def hints(connection, reader):
        head_of(reader)
        asked.set()
        assert both_wait.wait(20), "nobody else asked"
        connection.sendall(HINTS + b"HTTP/1.1 102 Processing\r\n\r\n")
        assert seen.wait(20), "the hints did not arrive"
        connection.sendall(FINAL[:-5])
        connection.sendall(FINAL[-5:])
        head_of(reader)                                 # the next request, of HTTP/1.0
        connection.sendall(HINTS + FINAL.replace(b"60", b"0"))

    origin = Script(hints)
    node = case.node("fra-1", origin.url)
    request = client.request_bytes(node.http, "/a")
    with client.Connection(node.http) as first, client.Connection(node.http) as second:
        first.send(request)
        assert asked.wait(20), "the origin was not asked"
        second.send(request)
        wait_until(lambda: node.metrics()["hedgerow_requests_open"] == 2, "two who wait")
        both_wait.set()
        equal(read_head(first), b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n", "the hints")
        equal(read_head(first), b"HTTP/1.1 102 \r\n\r\n", "what followed")
        seen.set()
        for connection in (first, second):
            answer = connection.read()
            equal((answer.status, answer.body, answer.get("Link")), (200, b"hello", None), "the answer")
    equal(client.fetch(node.http, "/a").result(), "Hit", "a third one")
    with client.Connection(node.http) as old:
        old.send(b"GET /b HTTP/1.0\r\nHost: a\r\n\r\n")
        equal(old.socket.recv(12)[:12], b"HTTP/1.1 200", "the first that HTTP/1.0 sees")
    origin.end()

"""Requests that no copy answers: they go from the node that was asked straight to the origin, bodies and all."""
import os
import shutil
import socket
import subprocess
import threading
import time
import zlib

import bodies
import client
from harness import Skip, equal, needs, total, wait_until, watched
from scripted import Script, head_of

MIB = 1 << 20


def body_of(length, seed="0"):
    return b"".join(bytes(piece) for piece in bodies.pieces(length, seed))


def send(node, method, target, body=None, headers=(), chunks=None):
    """One request on a connection of its own: with a body of known length, or in chunks of so many bytes."""
    with client.Connection(node.http) as connection:
        headers = list(headers)
        if chunks:
            headers.append(("Transfer-Encoding", "chunked"))
        elif body is not None:
            headers.append(("Content-Length", str(len(body))))
        connection.send(client.request_bytes(node.http, target, method, headers))
        if chunks:
            for at in range(0, len(body), chunks):
                part = body[at:at + chunks]
                connection.send(b"%x\r\n%b\r\n" % (len(part), part))
            connection.send(b"0\r\nX-Trailer: dropped\r\n\r\n")
        elif body:
            connection.send(body)
        answer = connection.read(method)
        answer.connection = connection
        return answer


@needs("hedgerow")
def test_feat_C16_methods_go_straight_to_the_origin(case):
    """C16: each of the seven methods, with and without bodies, by length and in chunks, at each node: the origin gets
    it once, as it was sent; no peer hears of it; nothing is stored; connections go on."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    asked = total(nodes, "asks_out")
    body = body_of(300000)
    for number, node in enumerate(nodes):
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for what, content, chunks in (("none", None, None), ("empty", b"", None), ("length", body, None),
                                          ("chunks", body, 7001)):
                target = f"/bytes/1000?seed={method}{what}{number}&cc=max-age=60"
                for _ in range(2):
                    answer = send(node, method, target, content, [("If-Match", '"v1"'), ("X-Forwarded-For", "1.2.3.4"),
                                                                  ("Via", "1.1 elsewhere")], chunks)
                    equal((answer.status, answer.body), (200, body_of(1000, f"{method}{what}{number}")), target)
                    equal((answer.hops(), answer.get("Age")), ([(node.name, {"fwd": "method"})], None), "what is said of it")
                seen = [r for r in origin.requests if r.target == target]
                equal([(r.method, r.body.length, r.body.crc) for r in seen],
                      [(method, len(content or b""), zlib.crc32(content or b""))] * 2, f"{method} at the origin")
                fields = seen[0].headers
                equal((fields.get("if-match"), fields.get("x-forwarded-for"), fields["via"].count("1.1")), ('"v1"', "1.2.3.4, 127.0.0.1", 1),
                      "the fields at the origin")
                equal(fields.get("content-length"),
                      {"none": "0" if method[0] == "P" else None, "empty": "0", "length": "300000", "chunks": None}[what],
                      f"the length told of {method} with {what}")
    equal(total(nodes, "asks_out"), asked, "questions to peers")
    equal(total(nodes, "passages"), 3 * 5 * 4 * 2, "requests that were passed on")
    equal(send(nodes[0], "GET", f"/bytes/1000?seed=POSTnone0&cc=max-age=60").result(), "Miss", "a GET afterwards")
    with client.Connection(nodes[0].http) as connection:     # bodies do not disturb what follows them
        for _ in range(3):
            connection.send(b"POST /bytes/10 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
                            b"GET /bytes/20?seed=next HTTP/1.1\r\nHost: a\r\n\r\n")
            equal([connection.read().status, connection.read().body], [200, body_of(20, "next")], "one after the other")


@needs("hedgerow")
def test_feat_C16_methods_outside_the_list_are_403(case):
    """C16: the three lists, and more behind them; what is outside is 403 (TRACE and CONNECT always 405) and the
    connection ends; the origin hears nothing of it."""
    origin = case.origin()
    lists = {"get": "GET, HEAD", "options": "GET, HEAD, OPTIONS", "all": "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE",
             "options,PROPFIND": "GET, HEAD, OPTIONS, PROPFIND"}
    for number, (words, methods) in enumerate(lists.items()):
        node = case.node(f"n{number}", origin.url, flags=("--methods", words))
        admitted = methods.split(", ")
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "M-SEARCH", "get", "TRACE"):
            origin.forget()
            answer = send(node, method, "/bytes/10?cc=no-store")
            equal(answer.status, 200 if method in admitted else 405 if method == "TRACE" else 403, f"{method} with {words}")
            equal(origin.total, 1 if method in admitted else 0, f"requests at the origin, {method} with {words}")
            if method not in admitted:
                equal((answer.get("Allow"), answer.get("Connection")), (methods, "close"), "what it says")
        if "OPTIONS" in admitted:
            for target, fields in (("*", ()), ("/bytes/10", [("Max-Forwards", "0")])):
                answer = send(node, "OPTIONS", target, headers=fields)
                equal((answer.status, answer.get("Allow"), answer.body), (200, methods, b""), f"OPTIONS {target}")
            origin.forget()
            send(node, "OPTIONS", "/bytes/10", headers=[("Max-Forwards", "7")])
            equal(origin.requests[0].headers["max-forwards"], "6", "hops left")
    equal(case.run("run", "--origin", origin.url, "--methods", "post", code=2).stderr.count("get, options or all"), 2,
          "what a wrong list is told")


@needs("hedgerow", release=True, timeout=180)
def test_feat_C16_a_gib_goes_up_in_constant_memory(case):
    """C16: 1 GiB by PUT, with a length, and in chunks as curl sends it behind its Expect: every byte arrives, and the
    node's memory grows by less than 4 MiB."""
    if not shutil.which("curl"):
        raise Skip("no curl")
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    block = bytes(body_of(MIB))
    crc = 0
    for _ in range(1024):
        crc = zlib.crc32(block, crc)
    send(node, "PUT", "/bytes/10", block)       # what is made once is made
    with watched([node]) as grown, client.Connection(node.http, timeout=120) as connection:
        connection.send(client.request_bytes(node.http, "/bytes/10", "PUT", [("Content-Length", str(1024 * MIB))]))
        for _ in range(1024):
            connection.send(block)
        equal(connection.read("PUT").status, 200, "the answer")
    equal(origin.requests[-1].body, (1024 * MIB, crc), "what arrived")
    assert grown[node.name] < 4 * MIB, f"the node's memory grew by {grown[node.name]} bytes"
    with watched([node]) as grown:
        curl = subprocess.Popen(["curl", "-sS", "-T", "-", "-w", "%{http_code}", "-o", os.devnull, "--expect100-timeout", "20",
                                 "-H", "Expect: 100-continue", f"http://{node.http[0]}:{node.http[1]}/bytes/10"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with curl.stdin:
            for _ in range(1024):
                curl.stdin.write(block)
        equal((curl.stdout.read(), curl.wait(60)), (b"200", 0), "curl -T")
    equal(origin.requests[-1].body, (1024 * MIB, crc), "what arrived of curl's")
    assert grown[node.name] < 4 * MIB, f"the node's memory grew by {grown[node.name]} bytes"


@needs("hedgerow")
def test_a_slow_origin_slows_the_viewer_and_not_the_node(case):
    """Back-pressure: an origin that does not read holds up its viewer, after no more than buffers hold; others go
    on."""
    reads, sent = threading.Event(), [0]

    def act(connection, reader):
        head_of(reader)
        reads.wait(20)
        left = 64 * MIB
        while left:
            left -= len(reader.read(min(left, MIB)))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def respond(connection, reader):
        head_of(reader)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")

    origin = Script(act, respond)
    node = case.node("fra-1", origin.url)
    with client.Connection(node.http, timeout=60) as connection:
        connection.send(client.request_bytes(node.http, "/slow", "POST", [("Content-Length", str(64 * MIB))]))
        block = bytes(MIB)

        def push():
            for _ in range(64):
                connection.send(block)
                sent[0] += MIB
        thread = threading.Thread(target=push, daemon=True)
        thread.start()
        last, since = -1, time.monotonic()
        while time.monotonic() - since < 1:      # until nothing moves for a second
            if sent[0] != last:
                last, since = sent[0], time.monotonic()
            time.sleep(0.05)
        assert sent[0] < 32 * MIB, f"{sent[0]} bytes were taken that nobody reads"
        reads.set()
        equal(connection.read("POST").body, b"ok", "once the origin reads")
        thread.join(20)
    equal(node.get("/other").body, b"hi", "another one")
    origin.end()


@needs("hedgerow")
def test_rob_S8_early_answers_are_relayed_and_the_rest_is_not_read(case):
    """S8: the origin answers before the body ends: 413 is passed on at once and the connection ends; 200 is, too, and
    the body goes on until its end; what follows on the connection is never taken for a request."""
    seen = []

    def refuses(connection, reader):
        head_of(reader)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        seen.append(reader.read())      # until the node closes

    def echoes(connection, reader):
        head_of(reader)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            data = reader.read(1000)
            connection.sendall(b"%x\r\n%b\r\n" % (len(data), data))
        connection.sendall(b"0\r\n\r\n")
        equal(head_of(reader)[0].split()[0], "GET", "the next request, on the same connection")
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnext")

    origin = Script(refuses, echoes)
    node = case.node("fra-1", origin.url)
    with client.Connection(node.http) as connection:
        connection.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" + bytes(1000))
        answer = connection.read("POST")
        equal((answer.status, answer.body, answer.get("Connection")), (413, b"big", "close"), "the early answer")
        connection.send(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.at_end(), "the connection goes on behind a body that was not read"
    with client.Connection(node.http) as connection:
        connection.send(b"POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n")
        parser, got = client.ResponseParser("POST"), 0
        for turn in range(10):
            connection.send(bytes([65 + turn]) * 1000)
            while got < 1000 * (turn + 1):      # each part comes back before the next one goes
                equal(parser.feed(connection.socket.recv(65536)), b"", "bytes behind the answer")
                got = parser.body_bytes
        while not parser.done:
            parser.feed(connection.socket.recv(65536))
        equal(parser.answer.body, b"".join(bytes([65 + turn]) * 1000 for turn in range(10)), "the echo")
        equal(connection.request("/c").body, b"next", "the connection goes on")
    origin.end()
    assert len(seen[0]) <= 1000, "the origin got bytes that nobody sent"


@needs("hedgerow")
def test_a_body_that_ends_early_never_looks_whole(case):
    """A viewer that leaves in mid-body, and one whose chunks are malformed (400): the origin sees the connection end
    before the body does. A viewer that only stops sending behind its body is answered."""
    seen = []

    def cut(connection, reader):
        head_of(reader)
        seen.append(reader.read())

    def whole(connection, reader):
        head_of(reader)
        equal(reader.read(5), b"whole", "the body")
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    origin = Script(cut, cut, cut, whole)
    node = case.node("fra-1", origin.url)
    for framing in (b"Content-Length: 100", b"Transfer-Encoding: chunked"):
        with client.Connection(node.http) as connection:
            connection.send(b"POST /a HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n5\r\nhello\r\n")
            wait_until(lambda: node.metrics()["hedgerow_origin_connections_open"] == 1, "the request at the origin")
            connection.socket.shutdown(socket.SHUT_WR)
            assert connection.at_end(), "an answer to half a request"
        wait_until(lambda: node.metrics()["hedgerow_origin_connections_open"] == 0, "the end of the connection to the origin")
    with client.Connection(node.http) as connection:
        connection.send(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        wait_until(lambda: node.metrics()["hedgerow_origin_connections_open"] == 1, "the request at the origin")
        connection.send(b"+5\r\nworld\r\n0\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        equal(connection.read("POST").status, 400, "a malformed chunk")
        assert connection.at_end(), "the connection goes on behind a malformed chunk"
    with client.Connection(node.http) as connection:
        connection.send(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nwhole")
        connection.socket.shutdown(socket.SHUT_WR)
        equal(connection.read("POST").status, 204, "the answer to a viewer that sends no more")
    origin.end()
    for data in seen:
        assert b"0\r\n\r\n" not in data and len(data) < 100, data
    equal([line["status"] for line in node.wait_access_log(4)], [499, 499, 400, 204], "the log")


@needs("hedgerow")
def test_rob_S9_expect_is_the_origins_to_answer(case):
    """S9: 100 reaches the viewer when the origin says it, or a second after it says nothing; a final answer passes on
    with the body unread; who does not wait is not told anything."""
    def says(connection, reader):
        equal(head_of(reader)[1].get("expect"), "100-continue", "Expect at the origin")
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        equal(reader.read(5), b"hello", "the body")
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def silent(connection, reader):
        head_of(reader)
        equal(reader.read(5), b"hello", "the body")
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def declines(connection, reader):
        head_of(reader)
        connection.sendall(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
        equal(reader.read(), b"", "a body that was declined")

    def eager(connection, reader):
        equal(head_of(reader)[1].get("expect"), None, "Expect, of a viewer that has sent the body already")
        equal(reader.read(5), b"hello", "the body")
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    origin = Script(says, silent, declines, eager)
    node = case.node("fra-1", origin.url)
    head = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    for _ in range(2):
        with client.Connection(node.http) as connection:
            connection.send(head)
            equal(connection.socket.recv(1000), go_on, "what the viewer is told")
            connection.send(b"hello")
            equal(connection.read("PUT").status, 201, "the answer")
    with client.Connection(node.http) as connection:
        connection.send(head)
        answer = connection.read("PUT")
        equal((answer.status, answer.get("Connection")), (417, "close"), "a body that was declined")
    with client.Connection(node.http) as connection:
        connection.send(head + b"hello")
        equal(connection.socket.recv(12), b"HTTP/1.1 201", "to a viewer that did not wait")
    origin.end()


@needs("hedgerow")
def test_a_post_is_never_sent_twice(case):
    """RFC 9110 9.2.2: the origin closes a kept connection upon the next request: GET, and PUT without a body, are sent
    again; POST, and PUT with a body, are not: 502."""
    heard = []

    def once_more(connection, reader):
        """Answers one request, and closes upon the second."""
        head_of(reader)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n")
        line, fields = head_of(reader)
        heard.append(line.split()[0])
        reader.read(int(fields.get("content-length", 0)))

    def answers(connection, reader):
        heard.append(head_of(reader)[0].split()[0])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    rows = (("GET", None, 200), ("PUT", None, 200), ("DELETE", None, 200), ("POST", None, 502), ("POST", b"x", 502),
            ("PUT", b"x", 502), ("PATCH", None, 502))
    for method, body, status in rows:
        origin = Script(*([once_more, answers] if status == 200 else [once_more]))
        node = case.node(f"n{rows.index((method, body, status))}", origin.url)
        heard.clear()
        equal(send(node, "GET", "/first").status, 200, "the first request")
        equal(send(node, method, "/second", body).status, status, f"{method} on a connection that dies")
        equal(heard, [method] * (2 if status == 200 else 1), "what the origin heard")
        origin.end()


def dropped(nodes):
    """Waits until nobody drops anything any more: the owners of what was changed tell each other of it, too, and that may
    come after the answer to who changed it."""
    seen = [-2, -1]

    def at_rest():
        seen.append(total(nodes, "drops"))
        return seen[-3] == seen[-2] == seen[-1]
    wait_until(at_rest, "nothing is dropped any more")


@needs("hedgerow", timeout=240)
def test_feat_R28_unsafe_methods_drop_the_stored_url(case):
    """R28: POST, PUT, DELETE and PATCH answered 2xx or 3xx, at each node, to the URL itself or to one whose answer
    names it: the next GET, at each node, goes to the origin, and once all nodes have heard of the change it does so once;
    4xx and OPTIONS drop nothing."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    rows = (("POST", 200, True), ("PUT", 201, True), ("DELETE", 204, True), ("PATCH", 303, True), ("POST", 404, False),
            ("OPTIONS", 200, False))
    for number, (method, status, drops) in enumerate(rows):
        for at in nodes:
            target = f"/bytes/5000?seed={method}{status}{at.name}&cc=max-age=60"
            named = target.replace("&", "%26").replace("?", "%3F")
            for first in nodes:
                for node in nodes:
                    node.get(target)
                    equal(node.get(target).result(), "Hit", f"at {node.name} before")
                fetched = origin.count(target)
                itself = first is nodes[number % 3] and status == 200      # such URLs are answered with 200
                change = target if itself else f"/bytes/10?status={status}&header=Content-Location:{named}"
                equal(send(at, method, change).status, status, "the change")
                what = f"{method} {status} at {at.name} to {change}"
                # Who asks at once gets nothing old either, but what an owner is told then may end a copy that is new.
                hastily = (number + nodes.index(first)) % 2 == 0
                if not hastily:
                    dropped(nodes)
                equal(first.get(target).result() == "Hit", not drops, f"a hit at {first.name} after {what}")
                dropped(nodes)
                for node in nodes:
                    equal(node.get(target).status, 200, "the others")
                asked, most = origin.count(target) - fetched - itself, len(nodes) if hastily else 1
                assert drops <= asked <= most * drops, f"{asked} requests at the origin after {what}, asked hastily: {hastily}"

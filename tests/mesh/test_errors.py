"""Bad input, from viewers, origins and strangers: each has its answer, and costs nothing else. (What the command line
says to bad flags and files is in test_cli.)"""
import os
import random
import signal
import socket
import subprocess
import threading
import time

import bodies
import client
from harness import TIMERS, at_once, equal, needs, quick, total, wait_until

# Requests that are refused, by what is wrong with them (RFC 9112); the whole list is in test_smuggling.
MALFORMED = {
    "no version": b"GET /\r\nHost: a\r\n\r\n",
    "a version that is none": b"GET / HTTP/1.x\r\nHost: a\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\nHost: a\n\n",
    "a control byte in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "a blank before the colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a blank in the path": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a null in the path": b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    "two framings": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "a signed length": b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
    "not a request": bytes(range(128, 228)) + b"\r\n\r\n",
}


def node_with_origin(case, **options):
    origin = case.origin()
    return origin, case.node("fra-1", origin.url, **options)


@needs("hedgerow")
def test_an_origin_that_refuses_is_502(case):
    """C18: nobody listens at the origin: 502 with our own words, counted as an error, and the node serves on."""
    origin, node = node_with_origin(case)
    equal(node.get("/bytes/10?seed=a").status, 200, "while it is there")
    origin.close()
    answer = node.get("/bytes/10?seed=b")
    equal((answer.status, answer.result()), (502, "Error"), "the answer")
    assert answer.body and node.name in (answer.get("Cache-Status") or ""), answer.headers
    equal(answer.get("Proxy-Status"), "fra-1; error=connection_refused", "the cause (RFC 9209)")
    equal(node.get("/bytes/10?seed=a").result(), "Hit", "what was there before")
    status = node.wait_status(lambda s: s["requests"]["total"] == 3, "three requests")
    equal((status["requests"]["hit"], status["requests"]["error"]), (1, 1), "requests")
    equal([(line["status"], line["result"]) for line in node.wait_access_log(3)],
          [(200, "Miss"), (502, "Error"), (200, "Hit")], "the log")


@needs("hedgerow")
def test_rob_OR1_a_dead_origin_is_left_alone(case):
    """OR1: nobody listens at the origin any more: for about a second each miss is tried, of thirty later ones a few are; all
    are told why, and at once; what is past its time stands in, and its head says so."""
    origin, node = node_with_origin(case)
    old = "/bytes/10?seed=old&cc=max-age=1,stale-if-error=600"
    equal(node.get(old).status, 200, "while it is there")
    time.sleep(1.5)
    origin.close()
    answers = []

    def miss():
        answers.append(node.get(f"/bytes/10?seed={len(answers)}"))
        return node.counter("origin_spared") > 0
    wait_until(miss, "it is left alone")
    first = len(answers)
    assert first > 5, f"left alone after {first - 1} failures"
    began, tried = time.monotonic(), node.counter("origin_fetches")
    for _ in range(30):
        miss()
    tried = node.counter("origin_fetches") - tried
    assert tried <= 1 + 4 * (time.monotonic() - began), tried
    equal({(answer.status, answer.get("Proxy-Status")) for answer in answers},
          {(502, "fra-1; error=connection_refused")}, "answers")
    equal(node.counter("origin_fetches") - 1 + node.counter("origin_spared"), len(answers), "tried and spared")
    answer = node.get(old)
    equal((answer.status, answer.result()), (200, "StaleHit"), "what was there before")
    assert "fwd=stale" in answer.get("Cache-Status") or "ttl=-" in answer.get("Cache-Status"), answer.headers


@needs("hedgerow")
def test_an_origin_that_hangs_is_504(case):
    """OR2, C8: silence before the head: 504 for all who wait, together and on time; silence in mid-body: the viewer's
    connection ends without an end of the body; the next request goes to the origin."""
    origin, node = node_with_origin(case, timers=TIMERS["origin"])
    began = time.monotonic()
    answers = at_once(10, lambda _: (node.get("/bytes/10?hang=head"), time.monotonic() - began))
    equal([answer.status for answer, _ in answers], [504] * 10, "statuses")
    equal({answer.get("Proxy-Status") for answer, _ in answers}, {"fra-1; error=connection_read_timeout"}, "causes")
    equal(origin.count("/bytes/10?hang=head") <= 3, True, "at most an attempt each of three")
    took = [seconds for _, seconds in answers]
    assert min(took) > 1, took
    quick(max(took), 8, "the last answer")
    quick(max(took) - min(took), 1, "from the first to the last")
    try:
        answer = node.get("/bytes/100000?hang=50000")
        raise AssertionError(f"a clean end: {answer.status}, {len(answer.body)} bytes")
    except (client.Broken, ConnectionResetError):
        pass
    equal(node.get("/bytes/100?seed=then").status, 200, "afterwards")


@needs("hedgerow")
def test_a_broken_origin_answer_is_502(case):
    """S11: what is not HTTP, two lengths, both framings, a head without end: 502, nothing kept."""
    answers = {
        "/not-http": b"SSH-2.0-OpenSSH\r\n\r\n",
        "/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "/two-framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "/a-bad-coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "/a-bare-line-feed": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "/no-answer": b"",
        "/half-a-head": b"HTTP/1.1 200 OK\r\nContent-",
    }
    causes = {"/no-answer": "connection_terminated", "/half-a-head": "http_response_incomplete"}
    listener = socket.create_server(("127.0.0.1", 0))
    case.cleanups.append(listener.close)

    def serve():
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            with accepted:
                path = accepted.recv(65536).split(b" ")[1].decode()
                accepted.sendall(answers[path])
    threading.Thread(target=serve, daemon=True).start()
    node = case.node("fra-1", "http://127.0.0.1:{}".format(listener.getsockname()[1]))
    for path in answers:
        answer = node.get(path)
        equal((answer.status, answer.result()), (502, "Error"), path)
        equal(answer.get("Proxy-Status"), f"fra-1; error={causes.get(path, 'http_protocol_error')}", path)
    equal(node.status()["cache"]["objects"], 0, "objects kept")


@needs("hedgerow")
def test_feat_V2_malformed_requests_are_400_and_the_connection_ends(case):
    """S1 to S5, S10: each is refused with 400 and the connection closed, what is pipelined behind it is not looked at,
    the origin hears nothing, and others are served meanwhile."""
    origin, node = node_with_origin(case)
    with client.Connection(node.http) as bystander:
        for number, (what, request) in enumerate(MALFORMED.items(), 1):
            with client.Connection(node.http) as connection:
                connection.send(request + b"GET /bytes/10?seed=smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
                answer = connection.read()
                equal((answer.status, answer.result()), (400, "Error"), what)
                assert connection.at_end(), f"{what}: the connection stays open"
            equal(origin.total, number - 1, f"requests at the origin after {what}")
            equal(bystander.request(f"/bytes/10?seed={number}").status, 200, f"a bystander after {what}")
    status = node.wait_status(lambda s: s["requests"]["total"] == 2 * len(MALFORMED), "all are counted")
    equal((status["requests"]["error"], status["requests"]["origin"]), (len(MALFORMED), len(MALFORMED)), "requests")
    equal(node.counter("requests_malformed"), len(MALFORMED), "the metric")
    equal([line["status"] for line in node.wait_access_log(2 * len(MALFORMED))].count(400), len(MALFORMED), "the log")


def padded(total_bytes):
    """A request whose head has exactly so many bytes, its final empty line included."""
    start = b"GET /bytes/10?seed=head HTTP/1.1\r\nHost: a\r\nX-Pad: "
    return start + b"p" * (total_bytes - len(start) - 4) + b"\r\n\r\n"


@needs("hedgerow")
def test_feat_V11_oversized_urls_and_heads_are_413(case):
    """V11: a URL of 8,192 B and a head of 20,480 B are served; one byte more is 413 and the connection closed, even
    when the head arrives in parts or never ends."""
    origin, node = node_with_origin(case)
    path = "/bytes/10?seed=url&pad="
    for length, status in ((8192, 200), (8193, 413)):
        with client.Connection(node.http) as connection:
            equal(connection.request(path + "p" * (length - len(path))).status, status, f"a URL of {length} B")
            assert status == 200 or connection.at_end(), "the connection stays open"
    for length, status in ((20480, 200), (20481, 413)):
        for part in (length, 1000):
            with client.Connection(node.http) as connection:
                data = padded(length)
                for at in range(0, length, part):
                    connection.send(data[at:at + part])
                equal(connection.read().status, status, f"a head of {length} B in parts of {part}")
                assert status == 200 or connection.at_end(), "the connection stays open"
    with client.Connection(node.http) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        try:
            for _ in range(100):
                connection.send(b"X: " + b"y" * 1000 + b"\r\n")
            equal(connection.read().status, 413, "a head without end")
        except (ConnectionResetError, BrokenPipeError):
            pass                        # it has closed already, with the rest unread
    equal(origin.total, 2, "requests at the origin")


@needs("hedgerow")
def test_feat_V12_a_body_with_get_is_403(case):
    """V12: GET with a body is refused and closed; no byte of it goes upstream."""
    origin, node = node_with_origin(case)
    for framing in (b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"):
        with client.Connection(node.http) as connection:
            connection.send(b"GET /bytes/10?seed=body HTTP/1.1\r\nHost: a\r\n" + framing)
            equal(connection.read().status, 403, "the status")
            assert connection.at_end(), "the connection stays open"
    equal(origin.total, 0, "requests at the origin")


@needs("hedgerow")
def test_a_stranger_cannot_join_or_fetch(case):
    """M10: a node that another authority admitted, under the same name and zone even, joins nobody: no member sees it,
    it gets nothing from them and they nothing from it."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    for name in ("ams-7", nodes[0].name):
        node_file = case.admit(name, authority="strangers")
        stranger = case.node(name, origin.url, node_file=node_file, seeds=[nodes[0].mesh, nodes[1].mesh],
                             data=os.path.join(case.folder, f"stranger-{name}"),
                             timers={"join-wait": "2s", "seed-retry": "200ms"})
        target = f"/bytes/5000?seed=stranger-{name}"
        for node in nodes:
            equal(node.get(target).body, bodies.body(5000, f"stranger-{name}"), "the body")
        equal(origin.count(target), 1, "requests at the origin by the mesh")
        equal(stranger.get(target).result(), "Miss", "the stranger's own fetch")
        equal(origin.count(target), 2, "requests at the origin with the stranger's")
        wait_until(lambda: total(nodes, "sessions_refused") + total(nodes, "sessions_broken") > 0, "it knocked")
        equal(list(stranger.members()), [name], "whom the stranger sees")
        for node in nodes:
            equal(sorted(node.members()), sorted(n.name for n in nodes), f"whom {node.name} sees")
            equal(node.status()["mesh"]["size"], 2, f"the mesh's size at {node.name}")
        stranger.signal(signal.SIGTERM)
        equal(stranger.wait_exit(), 0, "the stranger's exit code")


@needs("hedgerow")
def test_a_mesh_of_other_constants_is_refused(case):
    """A node file that was tampered with, or is of a mesh made anew in the same place, joins nobody."""
    origin = case.origin()
    node_file = case.admit("fra-1")
    node = case.node("fra-1", origin.url, node_file=node_file)
    with open(node_file, "rb") as file:
        good = file.read()
    choice = random.Random(1)
    for _ in range(10):
        at = choice.randrange(len(good))
        path = os.path.join(case.folder, "tampered.node")
        with open(path, "wb") as file:
            file.write(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        os.chmod(path, 0o600)
        done = case.run("run", "--origin", origin.url, "--node-file", path, "--http", "127.0.0.1:0", "--mesh",
                        "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", "tampered", code=78)
        assert path in done.stderr, done.stderr
    equal(list(node.members()), ["fra-1"], "members")


@needs("hedgerow")
def test_noise_on_the_mesh_port_costs_nothing(case):
    """M1, M2: random bytes, endless silence and a viewer's request on the mesh port, streams and datagrams: the node
    closes or drops them, answers no datagram with a larger one, and the mesh goes on."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    target = nodes[0]
    choice = random.Random(3)
    silent = [socket.create_connection(target.mesh, 5) for _ in range(20)]
    for data in [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 10] + [choice.randbytes(size) for size in (1, 100, 5000, 200000)]:
        with socket.create_connection(target.mesh, 5) as stream:
            try:
                stream.sendall(data)
                stream.settimeout(20)
                while stream.recv(65536):
                    pass
            except ConnectionResetError:
                pass
            except BrokenPipeError:
                pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(target.mesh)
        datagrams.settimeout(0.05)
        for size in (0, 1, 15, 16, 60, 100, 500, 1199, 1200, 1201, 9000):
            for _ in range(20):
                datagrams.send(choice.randbytes(size))
                try:
                    assert len(datagrams.recv(65536)) <= size, f"an answer larger than {size} B"
                except TimeoutError:
                    pass
                except ConnectionRefusedError:
                    raise AssertionError("nobody listens any more") from None
    case.wait_agreed(nodes)
    for node in nodes:
        equal(node.get("/bytes/5000?seed=noise").body, bodies.body(5000, "noise"), "a body")
    equal(origin.total, 1, "requests at the origin")
    for stream in silent:
        stream.close()


def answers(node):
    """Does a viewer get an answer? False where the connection is not taken, or closed at once."""
    try:
        return node.get("/bytes/10?seed=then").status == 200
    except (OSError, client.Broken):
        return False


@needs("hedgerow")
def test_rob_FD1_too_few_descriptors_are_no_end(case):
    """FD1: 64 descriptors and 500 callers: the node does not spin, still says that it lives, and recovers when they
    go."""
    _, node = node_with_origin(case)
    subprocess.run(["prlimit", f"--pid={node.process.pid}", "--nofile=64:64"], check=True)
    callers = [socket.create_connection(node.http, 5) for _ in range(500)]

    def alive():
        try:
            return node.admin_get("/livez").status == 200
        except (OSError, client.Broken):
            return False
    before = node.cpu_s()
    time.sleep(2)
    assert node.cpu_s() - before < 1, f"{node.cpu_s() - before} s of CPU in 2 s"
    for _ in range(3):
        wait_until(alive, "/livez answers without a free descriptor", timeout=5)
    for caller in callers:
        caller.close()
    wait_until(lambda: answers(node), "the node serves again", timeout=10)

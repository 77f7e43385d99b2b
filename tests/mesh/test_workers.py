"""Several workers in one node: hits from any of them are right and counted, what only worker 0 can answer is answered in
order, and what is not to be served any more is served by none."""
import concurrent.futures
import contextlib
import os
import random
import re
import select
import signal
import threading
import time

import bodies
import client
from harness import at_once, equal, needs, wait_until
from scripted import Scripted
from test_limits import Narrow, answer_of, connected, ended

THREE = ("--workers", "3")
MANY = 12       # connections: the kernel deals them out, and hardly ever all to one worker
HOT = "&cc=max-age=600"


def alone(case, origin_url, *flags, **options):
    return case.node("fra-1", origin_url, flags=[*THREE, *flags], **options)


@contextlib.contextmanager
def connections(node, count=MANY):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(client.Connection(node.http)) for _ in range(count)]


def warm(node, targets):
    """Twice each: what was asked for once is not laid out for others. A connection comes back to its worker by itself."""
    with client.Connection(node.http) as connection:
        for target in [*targets, *targets]:
            equal(connection.request(target).status, 200, target)


def slow(node, target, headers=()):
    """A viewer that asked, and takes no more than the kernel keeps for it."""
    viewer = connected(node, 1, client.request_bytes(node.http, target, headers=headers), receive=4096)[0]
    viewer.settimeout(20)
    return viewer


def parts_of(answer):
    """[[head, bytes]] of a multipart/byteranges."""
    boundary = answer.get("Content-Type").split("boundary=")[1].strip('"').encode()
    return [part[2:-2].split(b"\r\n\r\n", 1) for part in bytes(answer.body).split(b"--" + boundary)[1:-1]]


def passed(node):
    return node.counter("viewers_passed")


def check_log(node):
    """The log says what the counters say, line for line, when the last answer is counted: viewers have it before."""
    for _ in range(100):
        status = node.status()
        log = node.wait_access_log(status["requests"]["total"])
        if len(log) == status["requests"]["total"]:
            break
        time.sleep(0.1)
    words = {"hit": "Hit", "refresh": "RefreshHit", "stale": "StaleHit", "peer": "PeerHit", "origin": "Miss", "error": "Error"}
    equal(len(log), status["requests"]["total"], "lines of the log")
    for name, word in words.items():
        equal(sum(line["result"] == word for line in log), status["requests"][name], f"requests.{name}")
    equal(sum(line["bytes"] for line in log), status["bytes"]["viewer"], "bytes.viewer")
    equal(len({line["request_id"] for line in log}), len(log), "different request ids")
    equal(node.counter("log_lines"), len(log), "log_lines")


@needs("hedgerow")
def test_hits_of_all_workers_are_right_and_counted(case):
    """Any worker answers what was asked for twice, byte for byte, with no connection going to worker 0; the log, /status
    and what viewers saw agree; /status says how many workers there are."""
    origin = case.origin()
    node = alone(case, origin.url)
    equal(node.status()["node"]["workers"], 3, "node.workers")
    lengths = [1, 1000, 65536, 65537, 300000, 1000000]
    targets = {f"/bytes/{n}?seed={n}{HOT}": bodies.body(n, str(n)) for n in lengths}
    warm(node, targets)
    with connections(node) as viewers:
        before = passed(node)

        def ask(number):
            for _ in range(5):
                for target, body in targets.items():
                    answer = viewers[number].request(target)
                    equal((answer.status, answer.result(), answer.body == body), (200, "Hit", True), target)
                    assert answer.get("Via") and int(answer.get("Age")) >= 0 and answer.get("Date"), answer.headers
                    equal(answer.hops()[-1][0], "fra-1", "Cache-Status")
        at_once(MANY, ask)
        equal(passed(node), before, "connections that went to worker 0 for hits")
        for number, viewer in enumerate(viewers):
            viewer.request(f"/bytes/10?seed=cold{number}")
        assert passed(node) > before, "no connection was a reader's"
    equal(node.status()["requests"]["hit"], (MANY * 5 + 1) * len(lengths), "hits")
    check_log(node)


@needs("hedgerow")
def test_requests_of_one_connection_are_answered_in_their_order(case):
    """Hits, misses, HEAD, POST with its body, an error and hits again, all sent at once on each of many connections: the
    answers come in that order, each once; afterwards the connection goes on."""
    origin = case.origin()
    node = alone(case, origin.url)
    hot, body = f"/bytes/20000?seed=hot{HOT}", bodies.body(20000, "hot")
    warm(node, [hot])

    def row(number):
        cold = [f"/bytes/3000?seed=cold-{number}-{i}{HOT}" for i in range(3)]
        post = client.request_bytes(node.http, f"/bytes/7?seed=p{number}", "POST", [("Content-Length", "5")]) + b"hello"
        return [(client.request_bytes(node.http, hot), "GET", 200, body),
                (client.request_bytes(node.http, cold[0]), "GET", 200, bodies.body(3000, f"cold-{number}-0")),
                (client.request_bytes(node.http, hot), "GET", 200, body),
                (post, "POST", 200, bodies.body(7, f"p{number}")),
                (client.request_bytes(node.http, hot, "HEAD"), "HEAD", 200, b""),
                (client.request_bytes(node.http, cold[1]), "GET", 200, bodies.body(3000, f"cold-{number}-1")),
                (client.request_bytes(node.http, hot, "PROPFIND"), "GET", 403, None)]

    with connections(node) as viewers:
        def ask(number):
            for turn in range(3):
                rows = row(f"{number}-{turn}")[:-1] * 2
                viewers[number].send(b"".join(sent for sent, *_ in rows))
                for _, method, status, want in rows:
                    answer = viewers[number].read(method)
                    equal((answer.status, answer.body == want), (status, True), f"{method} on connection {number}")
                equal(viewers[number].request(hot).result(), "Hit", "afterwards")
            viewers[number].send(b"".join(sent for sent, *_ in row(f"{number}-last")))
            for _, method, status, want in row(f"{number}-last"):
                answer = viewers[number].read(method)
                equal((answer.status, want is None or answer.body == want), (status, True), f"{method}, the last")
            assert viewers[number].at_end(), "a refusal ends the connection"
        at_once(MANY, ask)
    assert passed(node) > 0
    check_log(node)


@needs("hedgerow")
def test_requests_that_come_in_pieces(case):
    """A byte at a time, across the hand-over: the head is parsed anew by worker 0 and nothing is lost."""
    origin = case.origin()
    node = alone(case, origin.url)
    hot = f"/bytes/100?seed=hot{HOT}"
    warm(node, [hot])
    with connections(node) as viewers:
        for number, viewer in enumerate(viewers):
            cold = f"/bytes/50?seed=cold{number}{HOT}"
            for byte in client.request_bytes(node.http, hot) + client.request_bytes(node.http, cold):
                viewer.send(bytes([byte]))
            equal(viewer.read().body, bodies.body(100, "hot"), "the hit")
            equal(viewer.read().body, bodies.body(50, f"cold{number}"), "the miss")
            equal(viewer.request(cold).body, bodies.body(50, f"cold{number}"), "again")


@needs("hedgerow")
def test_a_post_drops_the_copy_for_all_workers(case):
    """While all ask for it all the time: whoever asks after a POST was answered gets nothing older than it."""
    number = [0]

    def answer(head):
        if head.startswith(b"POST"):
            number[0] += 1
            return [b"HTTP/1.1 204 No Content\r\n\r\n"]
        text = b"%d" % number[0]
        return [b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)]
    origin = Scripted({"*": answer})
    case.cleanups.append(origin.close)
    node = alone(case, origin.url)
    done, over, seen = [0], threading.Event(), []

    def ask(viewer):
        hits = 0
        while not over.is_set():
            least = done[0]
            got = viewer.request("/changing")
            assert int(got.body) >= least, f"{got.result()}: {got.body} after {least} was known"
            hits += got.result() == "Hit"
        return hits
    with connections(node, 6) as viewers, concurrent.futures.ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask, viewer) for viewer in viewers]
        try:
            for _ in range(60):
                equal(node.get("/changing", method="POST", headers=[("Content-Length", "0")]).status, 204, "POST")
                done[0] += 1
                time.sleep(0.02)
        finally:
            over.set()
        seen = [one.result() for one in asked]
    assert sum(seen) > 60, f"hits between: {seen}"
    check_log(node)


@needs("hedgerow")
def test_a_304_renews_under_load(case):
    """Every second the origin confirms what all read, with another head each time: bodies are whole, heads of one piece,
    and Age begins anew."""
    number, body = [0], bodies.body(200000, "renewed")

    def answer(head):
        number[0] += 1
        word = b"%d" % number[0]
        fields = b'Cache-Control: max-age=1\r\nETag: "v1"\r\nX-First: %s\r\nX-Long: %s\r\nX-Last: %s\r\n' % (word, word * 300, word)
        if b"\r\nIf-None-Match:" in head:
            return [b"HTTP/1.1 304 Not Modified\r\n" + fields + b"\r\n"]
        return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body) + fields + b"\r\n" + body]
    origin = Scripted({"*": answer})
    case.cleanups.append(origin.close)
    node = alone(case, origin.url)
    ends = time.monotonic() + 6

    def ask(viewer):
        results = []
        while time.monotonic() < ends:
            got = viewer.request("/renewed")
            word = got.get("X-First")
            equal((got.status, got.body == body, got.get("X-Long"), got.get("X-Last")), (200, True, word * 300, word), "an answer")
            assert int(got.get("Age")) <= 2, got.headers
            results.append(got.result())
        return results
    with connections(node, 6) as viewers, concurrent.futures.ThreadPoolExecutor(6) as pool:
        results = [word for one in pool.map(ask, viewers) for word in one]
    assert 3 <= number[0] <= 12, f"requests at the origin: {number[0]}"
    assert set(results) <= {"Hit", "RefreshHit", "Miss", "StaleHit"} and results.count("Hit") > 20, set(results)
    check_log(node)


@needs("hedgerow", timeout=240)
def test_what_is_read_slowly_lasts_until_it_is_read(case):
    """Bodies and parts that viewers take slowly, while the copy's head is renewed, then the copy is dropped, and its memory
    would be used for others: all get what they asked for, each part with a head that was the copy's."""
    number, body = [0], bodies.body(9000000, "slow")

    def answer(head):
        if head.startswith(b"POST"):
            return [b"HTTP/1.1 204 No Content\r\n\r\n"]
        number[0] += 1
        fields = b'Content-Type: text/x-%d\r\nCache-Control: max-age=8\r\nETag: "v1"\r\n' % number[0]
        if b"\r\nIf-None-Match:" in head:
            return [b"HTTP/1.1 304 Not Modified\r\n" + fields + b"\r\n"]
        return [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body) + fields + b"\r\n" + body]
    origin = Scripted({"*": answer})
    case.cleanups.append(origin.close)
    node = alone(case, origin.url, "--memory", "96MiB", timers={"viewer-stall": "5m"})  # slow is what they are to be
    ranges = [(0, 3999999), (4500000, 5999999), (6500000, 8999999)]
    asked = [("Range", "bytes=" + ",".join(f"{first}-{last}" for first, last in ranges))]
    warm(node, ["/slow"])
    whole, parts = [slow(node, "/slow") for _ in range(4)], [slow(node, "/slow", asked) for _ in range(MANY)]
    wait_until(lambda: node.metrics()["hedgerow_viewers_open"] >= 4 + MANY, "all are there")
    time.sleep(8.2)
    equal([node.get("/slow").result() for _ in range(3)], ["RefreshHit", "Hit", "Hit"], "it is renewed, and read again")
    equal(node.get("/slow", method="POST", headers=[("Content-Length", "0")]).status, 204, "it is dropped")
    equal(node.get("/slow").result(), "Miss", "another copy comes")
    for viewer in whole:
        equal(answer_of(viewer, 30).body == body, True, "the whole")
    for viewer in parts:
        for (first, last), (head, part) in zip(ranges, parts_of(answer_of(viewer, 30)), strict=True):
            assert re.fullmatch(b"Content-Type: text/x-\\d+\r\nContent-Range: bytes %d-%d/9000000" % (first, last), head), head
            equal(part == body[first:last + 1], True, "a part")
    wait_until(lambda: node.status()["cache"]["memory_bytes"] < 10000000, "what was dropped is gone")
    check_log(node)


@needs("hedgerow", timeout=240)
def test_eviction_under_load(case):
    """Six times more than there is memory for, some much more often than the rest, read by all workers: every
    byte is right, and memory keeps to its limit."""
    origin = case.origin()
    node = alone(case, origin.url, "--memory", "4MiB")
    objects = [(length, f"/bytes/{length}?seed=e{i}{HOT}", f"e{i}")
               for i, length in enumerate(1 + random.Random(i).randrange(100000) for i in range(500))]
    most = []

    def ask(number):
        choose = random.Random(number)
        with client.Connection(node.http) as viewer:
            for _ in range(300):
                at = choose.randrange(500) if choose.random() < 0.5 else choose.randrange(8)
                length, target, seed = objects[at]
                answer = viewer.request(target)
                equal((answer.status, answer.body == bodies.body(length, seed)), (200, True), target)
                if choose.random() < 0.02:
                    most.append(node.status()["cache"]["memory_bytes"])
    at_once(6, ask)
    status = node.status()
    assert status["cache"]["evictions"] > 100 and status["requests"]["hit"] > 300, status
    assert max(most) <= (4 << 20) + (8 << 20), f"{max(most)} bytes held"     # what readers are about to let go of
    check_log(node)


@needs("hedgerow")
def test_a_drain_waits_for_all_workers(case):
    """SIGTERM: downloads on all workers end as they should, one who waits for the origin gets its answer, the idle are
    closed, and the node ends with 0."""
    origin = case.origin()
    node = alone(case, origin.url, timers={"drain": "20s"})
    length = 8000000
    big = f"/bytes/{length}?seed=big{HOT}"
    warm(node, [big])
    idle = connected(node, MANY)
    loads = connected(node, MANY, client.request_bytes(node.http, big), receive=4096)
    waiting = connected(node, 3, client.request_bytes(node.http, "/bytes/10?seed=late&gate=late"))
    origin.wait(lambda: origin.count("/bytes/10?seed=late&gate=late") > 0, 10, "the late one is asked for")
    wait_until(lambda: node.metrics()["hedgerow_viewers_open"] >= 2 * MANY + 3, "all are there")
    node.signal(signal.SIGTERM)
    wait_until(lambda: all(ended(viewer) for viewer in idle), "the idle are closed", 10)
    assert node.running

    def load(viewer):
        parser = client.ResponseParser("GET", bodies.Checker(length, "big").feed)
        viewer.settimeout(20)
        while not parser.done:
            data = viewer.recv(1 << 20)
            assert data, "cut short"
            parser.feed(data)
        return parser.answer.status
    equal(at_once(MANY, lambda i: load(loads[i])), [200] * MANY, "downloads")
    origin.open_gate("late")
    for viewer in waiting:
        viewer.settimeout(10)
        assert b"200 OK" in viewer.recv(65536)
    equal(node.wait_exit(10), 0, "exit code")


def looks(answer, node):
    """An answer without what differs from one time to the next."""
    def plain(value):
        return re.sub(r"ttl=-?\d+", "ttl", value.replace(node.name, "NODE"))
    own = [(name, plain(value)) for name, value in answer.headers if name not in ("X-Request-Id", "Age", "Date")]
    body = bytes(answer.body).replace(node.name.encode(), b"NODE").replace(answer.get("X-Request-Id").encode(), b"ID")
    boundary = re.search(r"boundary=(\S+)", answer.get("Content-Type") or "")
    if boundary:
        mark = boundary.group(1).strip('"')
        body = body.replace(mark.encode(), b"BOUNDARY")
        own = [(name, value.replace(mark, "BOUNDARY")) for name, value in own]
    return answer.status, own, body


@needs("hedgerow")
def test_readers_answer_as_the_one_worker_does(case):
    """Ranges, HEAD, conditions, codings, Vary and HTTP/1.0 from copies that are hot: the same as with --workers 1, field for
    field and byte for byte, and no connection goes to worker 0 for them."""
    origin = case.origin()
    one = case.node("ams-1", origin.url, flags=["--workers", "1"])
    many = alone(case, origin.url)
    text = "/bytes/90000?text=1&seed=t&type=text/html&etag=%22v1%22&lm=Sun,%2006%20Nov%201994%2008:49:37%20GMT" + HOT
    noise = f"/bytes/200000?seed=n&etag=%22v2%22{HOT}"
    varied = f"/bytes/300?seed=v&vary=X-Kind{HOT}"
    tiny = f"/bytes/10?seed=tiny&type=text/html{HOT}"
    empty = f"/bytes/0?seed=empty{HOT}"
    gone = f"/bytes/20?seed=gone&status=404{HOT}"
    cases = [(target, "GET", headers) for target in (text, noise, tiny, empty, gone) for headers in (
        [], [("Accept-Encoding", "gzip")], [("Accept-Encoding", "br")], [("Accept-Encoding", "zstd")],
        [("Accept-Encoding", "deflate")],
        [("Range", "bytes=5-9")], [("Range", "bytes=-3")], [("Range", "bytes=0-0,4-6")], [("Range", "bytes=999999-")],
        [("Range", "bytes=2-3"), ("Accept-Encoding", "gzip")], [("Range", "bytes=65530-65540"), ("If-Range", '"v1"')],
        [("Range", "bytes=1-2"), ("If-Range", '"other"')],
        [("If-None-Match", '"v1"')], [("If-None-Match", 'W/"v2", "x"')], [("If-None-Match", "*"), ("Accept-Encoding", "gzip")],
        [("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")], [("Cache-Control", "no-cache")])]
    cases += [(target, "HEAD", headers) for target in (text, noise, tiny) for headers in (
        [], [("Accept-Encoding", "gzip")], [("Accept-Encoding", "br")], [("Range", "bytes=0-1")])]
    cases += [(varied, "GET", [("X-Kind", kind)]) for kind in ("a", "b", "c")] + [(varied, "GET", [])]
    for node in (one, many):    # each copy and each coding is made, and then found to be
        for _ in range(4):
            for target, method, headers in cases:
                node.get(target, method=method, headers=headers)
    with connections(many) as viewers:
        before = passed(many)
        for number, (target, method, headers) in enumerate(cases):
            want = looks(one.get(target, method=method, headers=headers), one)
            for viewer in viewers[:4] if number % 5 else viewers:
                equal(looks(viewer.request(target, method, headers), many), want, f"{method} {target} {headers}")
        equal(passed(many), before, "connections that went to worker 0")
        old = b"GET %s HTTP/1.0\r\n\r\n" % noise.encode()
        for viewer in viewers:
            viewer.send(old)
            answer = viewer.read()
            equal((answer.status, answer.body == bodies.body(200000, "n"), viewer.at_end()), (200, True, True), "HTTP/1.0")
    for node in (one, many):
        check_log(node)


def said_something(viewer):
    return bool(select.select([viewer], [], [], 0)[0])


@needs("hedgerow")
def test_the_share_of_an_address_is_exact(case):
    """7 connections of one address, whichever workers take them: of 40 at once 7 are served and 33 are told 503; another
    address is served; what is given back may be had again."""
    node = alone(case, case.origin().url, "--viewers-per-address", "7")
    before = node.counter("viewers_too_many")
    viewers = connected(node, 40)
    wait_until(lambda: node.counter("viewers_too_many") == before + 33, "those beyond the share are told", 10)
    time.sleep(0.2)
    equal(node.counter("viewers_too_many"), before + 33, "viewers_too_many")
    told = [answer_of(viewer, 5).status for viewer in viewers if said_something(viewer)]
    equal(told, [503] * 33, "what those are told")
    for viewer in viewers:
        viewer.close()
    wait_until(lambda: node.metrics()["hedgerow_viewers_open"] == 0, "they are gone", 10)
    with connections(node, 7) as again:
        equal([viewer.request("/bytes/10").status for viewer in again], [200] * 7, "again")


@needs("hedgerow", timeout=60)
def test_room_is_made_by_any_worker(case):
    """With all places taken by idle viewers newcomers are served, whichever worker they came to, and no more of the idle go
    than there are newcomers and workers asked at a time."""
    node = case.node("fra-1", case.origin().url, kind=Narrow, flags=["--viewers-per-address", "1000", *THREE])
    warm(node, [f"/bytes/100?seed=room{HOT}"])
    wait_until(lambda: node.metrics()["hedgerow_viewers_open"] == 0, "nobody is there")
    idle = connected(node, Narrow.viewers)
    wait_until(lambda: node.metrics()["hedgerow_viewers_open"] == Narrow.viewers, "all places are taken")
    time.sleep(0.5)
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            newcomer = stack.enter_context(client.Connection(node.http, 10))
            equal(newcomer.request(f"/bytes/100?seed=room{HOT}").result(), "Hit", "a newcomer's answer")
        gone = sum(ended(viewer) for viewer in idle)
    assert 10 <= gone <= 13, f"{gone} made room"
    equal((node.counter("viewers_shed"), node.counter("viewers_refused")), (gone, 0), "viewers_shed, viewers_refused")


@needs("hedgerow")
def test_the_log_is_reopened_between_lines_of_all_workers(case):
    """SIGUSR1: what ended before lies in the old file, what ended after in the new one, whichever workers answered."""
    node = alone(case, case.origin().url)
    hot = f"/bytes/100?seed=log{HOT}"
    warm(node, [hot])
    path = os.path.join(node.data, "access.log")
    with connections(node) as viewers:
        for turn in range(3):
            for viewer in viewers:
                viewer.request(hot)
            count = 2 * (turn == 0) + MANY
            os.rename(path, f"{path}.{turn}")
            node.signal(signal.SIGUSR1)
            wait_until(lambda: os.path.exists(path), "the new file")
            with open(f"{path}.{turn}", "rb") as old:
                equal(old.read().count(b"\n"), count, f"lines of the old file, turn {turn}")

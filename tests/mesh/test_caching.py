"""What is kept, how long, and for whom (FEATURES R1 to R27, V13), seen from outside: what a viewer gets, and what the
origin is asked for. Lifetimes of hours are in the unit tests, which have a clock of their own."""
import time
import urllib.parse

import bodies
import client
from harness import at_once, equal, needs, quick
from scripted import Scripted


def quoted(text):
    return urllib.parse.quote(text, safe="")


def ask(node, target, *headers, method="GET"):
    return client.fetch(node.http, target, headers=list(headers), method=method)


@needs("hedgerow")
def test_feat_R1_s_maxage_then_max_age_then_expires(case):
    """R1: s-maxage, max-age and Expires, each with another value: the first of them decides, at the edge and its owner;
    the viewer gets all of them as the origin wrote them."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    future, past = "Fri, 31 Dec 2100 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"
    rows = (("s-maxage=1, max-age=600", future, False), ("max-age=600, s-maxage=600", past, True),
            ("max-age=1", future, False), ("max-age=600", past, True), ("s-maxage=600, max-age=0", past, True),
            ("x=y", future, True), ("x=y", past, False))
    targets = [f"/bytes/10?seed={i}&cc={quoted(cc)}&expires={quoted(expires)}"
               for i, (cc, expires, _) in enumerate(rows)]
    for target, (cc, expires, _) in zip(targets, rows):
        for node in nodes:
            answer = ask(node, target)
            equal((answer.get("Cache-Control"), answer.get("Expires")), (cc, expires),
                  f"what the viewer reads of {target}")
    counts = [origin.count(target) for target in targets]
    time.sleep(1.3)
    for target, (cc, expires, fresh), before in zip(targets, rows, counts):
        equal(ask(nodes[0], target).status, 200, target)
        equal(origin.count(target) > before, not fresh, f"asked again after 1.3 s: {cc}, {expires}")


@needs("hedgerow")
def test_feat_R3_what_must_not_be_kept_is_not(case):
    """R3: a hundred requests over three nodes for each of no-store, private and no-cache: a hundred at the origin; no
    node keeps or hands on what must not be stored."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    for cc in ("no-store", "private", "private, max-age=60", "no-store, max-age=60", "no-cache"):
        target = f"/bytes/5000?seed={quoted(cc)}&cc={quoted(cc)}"
        for i in range(100):
            answer = ask(nodes[i % 3], target)
            equal((answer.status, answer.body), (200, bodies.body(5000, cc)), f"{cc}, time {i + 1}")
        equal(origin.count(target), 100, f"requests at the origin: {cc}")
        if cc != "no-cache":        # which may be stored, and is validated each time
            equal([node.status()["cache"]["objects"] for node in nodes], [0] * 3, f"objects kept: {cc}")


@needs("hedgerow")
def test_feat_R9_a_304_renews_what_is_kept(case):
    """R9: of a stale object the origin is asked whether it changed; its 304 costs no byte of a body, renews the
    lifetime at both nodes and replaces stored fields; with Last-Modified alone, too."""
    asked, number = [], [0]

    def answer(head):
        asked.append(head)
        number[0] += 1
        fields = f"Cache-Control: max-age=3\r\nX-Number: {number[0]}\r\n"
        path = head.split(b" ")[1]
        fields += 'ETag: "v1"\r\n' if path == b"/etag" else "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        if b'\r\nIf-None-Match: "v1"\r\n' in head or b"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 G" in head:
            return [f"HTTP/1.1 304 Not Modified\r\n{fields}\r\n".encode()]
        return [f"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{fields}\r\nhello".encode()]
    origin = Scripted({"*": answer})
    case.cleanups.append(origin.close)
    nodes = case.mesh(2, origin.url)
    for path in ("/etag", "/date"):
        number[0] = 0
        for turn in range(1, 4):
            for node in nodes:
                answered = ask(node, path)
                equal((answered.status, answered.body, answered.get("X-Number")), (200, b"hello", str(turn)),
                      f"{path} at {node.name}, turn {turn}")
            time.sleep(3.2)
        seen = [head for _, head in origin.seen(path)]
        equal(len(seen), 3, f"requests at the origin for {path}")
        equal([b"If-None-Match" in head or b"If-Modified-Since" in head for head in seen], [False, True, True],
              "conditions")
    equal(sum(node.status()["bytes"]["origin"] for node in nodes), 10, "bytes of bodies from the origin")


@needs("hedgerow")
def test_feat_R11_a_hop_renews_no_lifetime(case):
    """R11: what has a second or two left when a node gets it has no more at the next one: Age goes on over the hop, and
    both ask again when it is over."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    target = "/bytes/10?cc=max-age=60&age=57"
    began = time.monotonic()
    ages = [int(ask(nodes[0], target).get("Age"))]
    time.sleep(1.5)
    ages.append(int(ask(nodes[1], target).get("Age")))
    assert ages[0] in (57, 58) and ages[0] + 1 <= ages[1] <= ages[0] + 2, ages
    equal(origin.count(target), 1, "requests at the origin while it is fresh")
    time.sleep(max(0.0, began + 4.1 - time.monotonic()))
    for count, node in enumerate(reversed(nodes), 2):
        ask(node, target)
        assert 2 <= origin.count(target) <= count, f"{origin.count(target)} requests at the origin when it was stale"


@needs("hedgerow")
def test_feat_R12_get_and_head_share_a_copy(case):
    """R12: HEAD behind GET is a hit that tells the length, at each node; HEAD that comes first costs the origin nothing
    that GET needs again in vain; OPTIONS is neither kept nor answered from a copy."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    target = "/bytes/70000?seed=h&cc=max-age=60"
    ask(nodes[0], target)
    for node in nodes:
        ask(node, target)
        answer = ask(node, target, method="HEAD")
        equal((answer.status, answer.result(), answer.get("Content-Length"), answer.body), (200, "Hit", "70000", b""),
              node.name)
    equal(origin.count(target), 1, "requests at the origin")
    first = "/bytes/70000?seed=first&cc=max-age=60"
    answer = ask(nodes[0], first, method="HEAD")
    equal((answer.status, answer.get("Content-Length"), answer.body), (200, "70000", b""), "HEAD that comes first")
    equal(ask(nodes[0], first).body, bodies.body(70000, "first"), "GET behind it")
    assert origin.count(first) <= 2, origin.count(first)
    before = origin.count(target)
    for _ in range(2):
        equal(ask(nodes[0], target, method="OPTIONS").result(), "Miss", "OPTIONS")
    equal(origin.count(target), before + 2, "OPTIONS at the origin")
    equal(ask(nodes[0], target).result(), "Hit", "GET behind OPTIONS")


@needs("hedgerow")
def test_feat_R15_what_is_private_is_asked_for_by_each(case):
    """R15: thirty viewers wait together for what turns out to be for one of them alone: each gets an answer of their
    own, all within little more than two answers' time, not one after the other."""
    number = [0]

    def answer(head):
        number[0] += 1
        mine = number[0]
        time.sleep(0.4)
        field = b"Set-Cookie: n=%d" % mine if b" /cookie " in head else b"Cache-Control: private"
        return [b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: 4\r\n\r\n%04d" % (field, mine)]
    origin = Scripted({"*": answer})
    case.cleanups.append(origin.close)
    node = case.node("fra-1", origin.url)
    for path in ("/cookie", "/private"):
        began = time.monotonic()
        answers = at_once(30, lambda _, path=path: ask(node, path))
        took = time.monotonic() - began
        equal([answered.status for answered in answers], [200] * 30, f"statuses for {path}")
        equal(len({answered.body for answered in answers}), 30, f"answers of their own for {path}")
        equal(len(origin.seen(path)), 30, f"requests at the origin for {path}")
        quick(took, 3, f"30 answers of 0.4 s for {path}")


@needs("hedgerow", release=True, alone=True)
def test_feat_R18_stale_while_revalidate(case):
    """R18: of an object that is stale, and may be served so meanwhile, a hundred requests are answered at once, each
    within 5 ms, and the origin, which takes a second, is asked once. The best of a few counts, since a busy machine holds
    up any."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    best = []
    for attempt in range(10):
        target = f"/bytes/1000?seed={attempt}&delay_ms=1000&cc={quoted('max-age=1, stale-while-revalidate=60')}"
        ask(node, target)
        time.sleep(1.3)
        took, fetched = [], origin.count(target)
        with client.Connection(node.http) as connection:
            for _ in range(100):
                began = time.monotonic()
                answer = connection.request(target)
                took.append(time.monotonic() - began)
                equal((answer.status, len(answer.body)), (200, 1000), "a stale answer")
        if sum(took) > 0.9:             # not all of it was within the window
            continue
        origin.wait(lambda: origin.counts[target] == fetched + 1, 5, "the one that revalidates")
        equal(origin.count(target), fetched + 1, "requests at the origin")
        best = min(sorted(took), best or took, key=lambda each: each[97])
        if best[97] < 0.005:
            break
    assert best, "a hundred answers never came within 0.9 s"
    print(f"the slowest of 100: {best[-1] * 1000:.2f} ms; half within {best[50] * 1000:.2f} ms")
    assert best[97] < 0.005, best[-5:]


@needs("hedgerow")
def test_feat_R25_each_variant_for_who_asks_for_it(case):
    """R25: answers that vary by one and by two fields: each viewer gets the right one, at each of three nodes, and the
    origin makes each once; what varies by everything is made for each."""
    def answer(head):
        fields = dict(line.lower().split(b": ", 1) for line in head.strip().split(b"\r\n")[1:])
        path = head.split(b" ")[1]
        names = {b"/one": (b"x-a",), b"/two": (b"x-a", b"x-b"), b"/all": (b"*",)}[path]
        body = b"|".join(fields.get(name, b"-") for name in names)
        return [b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nVary: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (b", ".join(names), len(body), body)]
    origin = Scripted({"*": answer})
    case.cleanups.append(origin.close)
    nodes = case.mesh(3, origin.url)
    rows = (("/one", {("a",): b"a", ("b",): b"b", (): b"-"}),
            ("/two", {("a", "x"): b"a|x", ("a", "y"): b"a|y", ("b", "x"): b"b|x",
                                                                   ("a",): b"a|-"}))
    for path, variants in rows:
        for _ in range(2):
            for node in nodes:
                for values, body in variants.items():
                    answered = ask(node, path, *zip(("X-A", "X-B"), values))
                    equal((answered.status, answered.body), (200, body), f"{path} {values} at {node.name}")
        equal(len(origin.seen(path)), len(variants), f"requests at the origin for {path}")
    for _ in range(2):
        for node in nodes:
            equal(ask(node, "/all").result(), "Miss", "Vary: *")
    equal(len(origin.seen("/all")), 6, "requests at the origin for what varies by everything")


@needs("hedgerow")
def test_feat_R27_a_viewer_cannot_make_us_ask(case):
    """R27: a hundred requests with Cache-Control: no-cache, no-store, max-age=0 or Pragma, over three nodes: one at the
    origin."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    fields = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Cache-Control", "no-store"),
              ("Cache-Control", "max-age=0"))
    target = "/bytes/10?cc=max-age=60"
    for i in range(100):
        equal(ask(nodes[i % 3], target, fields[i % 4]).status, 200, f"{fields[i % 4]}")
    equal(origin.count(target), 1, "requests at the origin")


@needs("hedgerow")
def test_feat_V13_what_an_origin_learns_of_a_viewer(case):
    """V13: fields of the connection and those that speak for a proxy stay here; what a viewer says of those before it
    keeps its place in X-Forwarded-For, and its own address comes behind it; of a fetch for all, none of it is told."""
    origin = Scripted({"*": [b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"]})
    case.cleanups.append(origin.close)
    node = case.node("fra-1", origin.url)
    sent = (("X-Forwarded-For", "1.2.3.4, ::1"), ("X-Forwarded-For", "5.6.7.8"), ("TE", "trailers"),
            ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("Connection", "X-Hop"), ("X-Hop", "1"),
            ("Proxy-Authorization", "Basic eA=="),
            ("X-Real-IP", "9.9.9.9"), ("Forwarded", "for=9.9.9.9"), ("X-Own", "stays"))
    for path, more in (("/alone", [("Authorization", "Basic eA==")]), ("/shared", [])):
        equal(ask(node, path, *sent, *more).status, 200, path)
        (_, head), = origin.seen(path)
        fields = [tuple(line.decode().split(": ", 1)) for line in head.strip().split(b"\r\n")[1:]]
        names = [name.lower() for name, _ in fields]
        for gone in ("te", "keep-alive", "proxy-connection", "x-hop", "proxy-authorization", "x-real-ip", "forwarded"):
            assert gone not in names, f"{gone} reached the origin: {fields}"
        assert ("X-Own", "stays") in fields, fields
        equal([value for name, value in fields if name.lower() == "x-forwarded-for"],
              ["1.2.3.4, ::1, 5.6.7.8, 127.0.0.1"] if more else [], f"X-Forwarded-For of {path}")

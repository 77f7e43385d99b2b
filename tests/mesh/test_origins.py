"""How origins are reached: names, addresses, attempts, times, TLS; and what a viewer is told when they are not."""
import json
import os
import shutil
import signal
import socket
import ssl
import time

import bodies
import certificates
import client
from certs import Authority, Pair
from filed import Filed
from harness import Skip, at_once, equal, needs, quick, soak, wait_until
from names import SERVFAIL, Names
from scripted import CLOSE, Script, Scripted


def needs_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        raise Skip(f"no IPv6 on loopback: {error}") from None


def origin_beside_a_hole(case):
    """An origin of IPv4; at the same port of IPv6 nobody answers."""
    needs_ipv6()
    while True:
        origin = case.origin()
        try:
            BlackHole(case, "::1", origin.port)
            return origin
        except OSError:         # that port was not free
            pass


class BlackHole:
    """Nobody answers who connects here: its queue is full, and the kernel drops what comes."""

    def __init__(self, case, host="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.held = []
        while len(self.held) < 8:
            one = socket.socket(family, socket.SOCK_STREAM)
            self.held.append(one)
            one.settimeout(0.3)
            try:
                one.connect((host, self.port))
            except (TimeoutError, BlockingIOError):
                break
        else:
            raise AssertionError("its queue has no end")
        case.cleanups.append(self.close)

    def close(self):
        for one in [*self.held, self.listener]:
            one.close()


def names_of(case, table):
    made = Names(table)
    case.cleanups.append(made.close)
    return made


def timed(function):
    began = time.monotonic()
    return function(), time.monotonic() - began


def soonest(most, took, attempts=6):
    """took(0), took(1) ... until one is no more than so many seconds: a busy machine holds up any, and not each. All of them."""
    found = []
    while len(found) < attempts and min(found, default=most + 1) > most:
        found.append(took(len(found)))
    assert min(found) <= most, f"{found} s, not {most} s"
    return found


def cause(answer):
    """(status, error, details) of Proxy-Status, RFC 9209."""
    found = dict(part.strip().partition("=")[::2] for part in (answer.get("Proxy-Status") or "").split(";")[1:])
    return answer.status, found.get("error"), (found.get("details") or "").strip('"') or None


@needs("hedgerow", release=True)
def test_feat_C7_a_black_hole_is_given_up_after_attempts_times_timeout(case):
    """C7: nobody answers a connection: the first error comes after attempts times the timeout."""
    hole = BlackHole(case)
    url = f"http://127.0.0.1:{hole.port}"
    for attempts, least, most in ((1, 0.5, 1.3), (3, 1.5, 2.6)):
        node = case.node(f"fra-{attempts}", url, timers={"origin-connect": "500ms"},
                         flags=["--origin-attempts", str(attempts)])

        def lost(number, node=node):
            answer, took = timed(lambda: node.get(f"/bytes/1?{number}"))
            equal(cause(answer), (504, "connection_timeout", None), "the answer")
            return took
        took = soonest(most, lost, 3)       # five failures, and it is left alone
        assert min(took) >= least, f"{attempts} attempts took {took} s"


@needs("hedgerow", release=True)
def test_feat_C7_C8_the_times_that_hold_by_default(case):
    """C7, C8: with --soak as they are without a word of the operator: a black hole is given up after 3 attempts of 10 s; an
    answer's first byte may come after 29 s, and not after 31 s. Else all of it a fifteenth of that, with
    room for a slow machine."""
    hole, origin, by = BlackHole(case), case.origin(), 1 if soak() else 15
    soon, late = (29000, 31000) if soak() else (900, 4000)
    timers = None if soak() else {"origin-connect": f"{10000 // by}ms", "origin-response": f"{30000 // by}ms"}
    lost = case.node("fra-1", f"http://127.0.0.1:{hole.port}", timers=timers)
    node = case.node("fra-2", origin.url, timers=timers, flags=["--origin-attempts", "1"])
    asked = [lambda: lost.get("/bytes/1", timeout=60),
             lambda: node.get(f"/bytes/1?delay_ms={soon}", timeout=60),
             lambda: node.get(f"/bytes/1?delay_ms={late}", timeout=60)]
    for (answer, took), row, status, seconds in zip(at_once(3, lambda i: timed(asked[i])), ("C7", "C8 soon", "C8 late"),
                                                    (504, 200, 504), (30 / by, soon / 1000, 30 / by)):
        print(f"{row}: {answer.status} after {took:.2f} s")
        equal(answer.status, status, row)
        assert seconds <= took + 0.01, (row, took)
        quick(took, seconds + 1.5, row)


@needs("hedgerow", release=True)
def test_feat_C8_a_get_is_sent_again_and_a_post_is_not(case):
    """C8: an origin that is silent is asked for the same page as often as there are attempts, and once for a POST; what it
    says after all counts."""
    silent = Scripted({"/silent": lambda head: (time.sleep(5), [])[1],
                       "/post": lambda head: (time.sleep(5), [])[1],
                       "/late": lambda head: (time.sleep(5), [])[1] if len(silent.seen("/late")) < 2 else
                       [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]})
    case.cleanups.append(silent.close)
    node = case.node("fra-1", silent.url, timers={"origin-response": "400ms"})
    answer, took = timed(lambda: node.get("/silent"))
    equal(cause(answer), (504, "connection_read_timeout", None), "the answer to GET")
    equal(len(silent.seen("/silent")), 3, "how often it was asked")
    assert 1.2 <= took, took
    quick(took, 2.8, "three attempts")
    with client.Connection(node.http) as connection:
        answer, took = timed(lambda: connection.request("/post", method="POST", headers=[("Content-Length", "0")]))
    equal(cause(answer), (504, "connection_read_timeout", None), "the answer to POST")
    equal(len(silent.seen("/post")), 1, "how often POST was sent")
    assert 0.4 <= took, took
    quick(took, 1.5, "one attempt")
    answer = node.get("/late")
    equal((answer.status, answer.body, len(silent.seen("/late"))), (200, b"ok", 2), "who answers the second time")
    equal(node.counter("origin_retried"), 3, "origin_retried")


@needs("hedgerow")
def test_feat_C8_gaps_within_an_answer(case):
    """C8: a pause shorter than the timeout in mid-body survives, a longer one is a cut, and the page is not kept."""
    origin = case.origin()
    node = case.node("fra-1", origin.url, timers={"origin-response": "700ms"})
    answer = node.get("/bytes/4000?part=1000&every_ms=400")
    equal((answer.status, answer.body == bodies.body(4000, "0")), (200, True), "with pauses of 400 ms")
    try:
        answer = node.get("/bytes/4000?hang=2000")
        raise AssertionError(f"a clean end: {answer.status}, {len(answer.body)} bytes")
    except (client.Broken, ConnectionResetError):
        pass
    equal(origin.count("/bytes/4000?hang=2000"), 1, "what has begun is not asked for again")
    equal(node.status()["cache"]["objects"], 1, "objects kept")


@needs("hedgerow")
def test_feat_C9_the_whole_answer_has_a_time(case):
    """C9: an origin that drips for longer than the whole answer may take is cut, and nothing is kept."""
    origin = case.origin()
    node = case.node("fra-1", origin.url, timers={"origin-whole": "1s"})
    began = time.monotonic()
    try:
        answer = node.get("/drip/40960")
        raise AssertionError(f"a clean end: {answer.status}, {len(answer.body)} bytes")
    except (client.Broken, ConnectionResetError):
        pass
    took = time.monotonic() - began
    assert 0.9 <= took, took
    quick(took, 3, "what would take 4 s")
    equal(node.get("/drip/4096").status, 200, "one that takes less")
    equal(node.status()["cache"]["objects"], 1, "objects kept")


@needs("hedgerow")
def test_feat_C10_connections_are_kept_and_have_an_end(case):
    """C10: a thousand misses one after the other are one connection; unused, it is closed after its time."""
    origin = case.origin()
    node = case.node("fra-1", origin.url, timers={"origin-idle": "1s"})
    with client.Connection(node.http) as viewer:
        for i in range(1000):
            equal(viewer.request(f"/bytes/10?seed={i}").status, 200, "status")
    assert origin.connections <= 10, origin.connections
    equal(node.metrics()["hedgerow_origin_connections_open"], 1, "open just now")
    began = time.monotonic()
    wait_until(lambda: node.metrics()["hedgerow_origin_connections_open"] == 0, "it is closed", timeout=10)
    quick(time.monotonic() - began, 4, "until it is closed, and not 5 s, as by default")


@needs("hedgerow")
def test_feat_C18_names_that_lead_nowhere(case):
    """C18: no such name, a server that fails, and one that is silent are 502, each with its own cause."""
    names = names_of(case, {"fails.test": {"rcode": SERVFAIL}, "silent.test": {"silent": ("all",)}, "empty.test": {}})
    for host, want in (("nobody.test", (502, "dns_error", "dns_no_address")), ("empty.test", (502, "dns_error", "dns_no_address")),
                       ("fails.test", (502, "dns_error", None)), ("silent.test", (502, "dns_timeout", None))):
        node = case.node(host.replace(".", "-"), f"http://{host}:1", timers={"dns": "200ms"},
                         flags=["--dns-servers", names.address])
        equal(cause(node.get("/bytes/1")), want, host)
        node.kill()


@needs("hedgerow")
def test_feat_C18_each_cause_has_its_status_and_its_word(case):
    """C18: refused, cut before and within the head, not HTTP, silent: 502 or 504, and no two causes look the same."""
    broken = Scripted({"/cut": [CLOSE], "/half": [b"HTTP/1.1 200 OK\r\nContent-", CLOSE], "/noise": [b"SSH-2.0\r\n\r\n", CLOSE],
                       "/silent": lambda head: (time.sleep(2), [])[1]})
    case.cleanups.append(broken.close)
    node = case.node("fra-1", broken.url, timers={"origin-response": "300ms"}, flags=["--origin-attempts", "1"])
    seen = {path: cause(node.get(path)) for path in ("/cut", "/half", "/noise", "/silent")}
    equal(seen, {"/cut": (502, "connection_terminated", None), "/half": (502, "http_response_incomplete", None),
                 "/noise": (502, "http_protocol_error", None), "/silent": (504, "connection_read_timeout", None)}, "causes")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    other = case.node("fra-2", f"http://127.0.0.1:{port}")
    equal(cause(other.get("/bytes/1")), (502, "connection_refused", None), "nobody listens")


@needs("hedgerow")
def test_feat_C19_an_origin_with_ipv6_alone(case):
    """C19: a name that has an AAAA and no A."""
    needs_ipv6()
    origin = case.origin(host="::1")
    names = names_of(case, {"six.test": {"AAAA": ["::1"]}})
    node = case.node("fra-1", f"http://six.test:{origin.port}", flags=["--dns-servers", names.address])
    answer = node.get("/bytes/1000")
    equal((answer.status, answer.body == bodies.body(1000, "0")), (200, True), "the answer")
    equal(origin.requests[0].headers["host"], f"six.test:{origin.port}", "Host")
    plain = case.node("fra-2", f"http://[::1]:{origin.port}")
    equal(plain.get("/bytes/1000").status, 200, "by its address")


@needs("hedgerow", release=True)
def test_feat_C19_who_does_not_answer_is_passed_over(case):
    """C19: of a name's addresses that of IPv6 leads nowhere: IPv4 is tried 250 ms later and answers, and from then on
    comes first. Many addresses that lead nowhere cost no more than their turns."""
    origin = origin_beside_a_hole(case)
    names = names_of(case, {"both.test": {"AAAA": ["::1"], "A": ["127.0.0.1"]}})
    nodes = []

    def first(number):
        nodes.append(case.node(f"fra-{number}", f"http://both.test:{origin.port}", flags=["--dns-servers", names.address],
                               timers={"origin-idle": "100ms"}))
        answer, took = timed(lambda: nodes[-1].get(f"/bytes/10?seed=first{number}"))
        equal(answer.status, 200, "the answer")
        return took

    def again(number):
        wait_until(lambda: nodes[-1].metrics()["hedgerow_origin_connections_open"] == 0, "it is closed")
        answer, took = timed(lambda: nodes[-1].get(f"/bytes/10?seed=again{number}"))
        equal(answer.status, 200, "the answer")
        return took
    took = soonest(0.55, first)
    assert min(took) >= 0.2, f"IPv4 was tried after {took} s"
    soonest(0.2, again)                 # the address that answered last comes first


@needs("hedgerow")
def test_feat_C19_a_name_with_half_an_answer(case):
    """C19: the server never says what AAAA there is: the A that it has is enough, after a moment. It is late with the A, and
    the AAAA leads nowhere: the A is tried, too, once it is there."""
    origin = origin_beside_a_hole(case)
    names = names_of(case, {"half.test": {"A": ["127.0.0.1"], "silent": ("AAAA",)},
                            "late.test": {"A": ["127.0.0.1"], "AAAA": ["::1"], "delay": {"A": 0.5}}})
    for host, most in (("half.test", 0.5), ("late.test", 1.2)):
        def first(number, host=host):
            node = case.node(f"{host[:4]}-{number}", f"http://{host}:{origin.port}", flags=["--dns-servers", names.address])
            answer, took = timed(lambda: node.get(f"/bytes/10?seed={host}"))
            equal(answer.status, 200, host)
            return took
        soonest(most, first)


@needs("hedgerow")
def test_feat_C19_addresses_follow_the_name(case):
    """Names: an answer holds for its TTL, 5 s at least, and is then asked for again beside the requests; while DNS fails the
    addresses known last go on to be used; many addresses are no trouble."""
    first, second = case.origin(host="127.0.0.2"), None
    second = case.origin(host="127.0.0.3", port=first.port)
    many = [f"127.0.1.{i}" for i in range(1, 100)]
    names = names_of(case, {"moves.test": {"A": ["127.0.0.2"], "ttl": 1}, "many.test": {"A": many, "ttl": 1}})
    node = case.node("fra-1", f"http://moves.test:{first.port}", flags=["--dns-servers", names.address],
                     timers={"origin-idle": "100ms", "dns": "200ms"})

    def ask(seed):
        equal(node.get(f"/bytes/10?seed={seed}").status, 200, f"seed {seed}")
    for i in range(20):
        ask(i)
    time.sleep(1.5)
    ask("later")
    time.sleep(0.2)
    equal((names.asked["moves.test", "A"], first.total), (1, 21), "questions, and requests to the first")
    names.names["moves.test"]["A"] = ["127.0.0.3"]
    time.sleep(3.6)
    ask("anew")
    wait_until(lambda: names.asked["moves.test", "A"] == 2, "the name is asked for again")
    time.sleep(0.3)
    ask("moved")
    equal(second.total, 1, "requests to the second")
    names.names["moves.test"]["rcode"] = SERVFAIL
    time.sleep(5.2)
    ask("fails")
    wait_until(lambda: names.asked["moves.test", "A"] >= 3, "the name is asked for again")
    time.sleep(0.5)
    ask("stale")
    equal(second.total, 3, "requests to the second")
    other = case.node("fra-2", f"http://many.test:{first.port}", flags=["--dns-servers", names.address])
    equal(cause(other.get("/bytes/10")), (502, "connection_refused", None), "a name with 99 addresses")


# ---- distributions ----

@needs("hedgerow")
def test_feat_C4_each_pattern_has_its_origin(case):
    """C4: 25 origins in one distribution: each path pattern reaches its own; those at one server share a connection; a
    behaviour with an origin that there is not is refused at load; connections to an origin that is no more are closed."""
    origins = [case.origin() for _ in range(12)]
    there = {f"o{i}": origins[i % 12] for i in range(24)}
    listed = [{"id": name, "url": f"{at.url}/p{name}"} for name, at in there.items()] + [{"id": "last", "url": origins[0].url}]
    made = {"name": "many", "hosts": "*.test", "origins": listed,
            "behaviours": [{"path": f"/{name}/*", "origin": name} for name in there] + [{"path": "*", "origin": "last"}]}
    node = Filed(case, "fra-1", [made])

    def ask(path):
        return client.fetch(node.http, path, headers=[("Host", "a.test")]).status
    for name, at in there.items():
        ask(f"/{name}/x")
        equal(at.count(f"/p{name}/{name}/x"), 1, f"requests for /{name}/ at its origin, with its prefix")
    equal((ask("/bytes/10"), origins[0].count("/bytes/10")), (200, 1), "the default")
    equal([at.connections for at in origins], [1] * 12, "connections")
    done = case.run("check", "-c", with_an_origin_that_is_not_there(case, made), code=78)
    assert "nowhere" in done.stderr, done.stderr
    node.reload([{"name": "one", "hosts": "*.test", "origins": origins[0].url}])
    wait_until(lambda: node.metrics()["hedgerow_origin_connections_open"] <= 1, "the others are closed", timeout=3)
    equal((ask("/bytes/10?now"), origins[0].connections), (200, 1), "the one that stays is used again")


def with_an_origin_that_is_not_there(case, made):
    path = os.path.join(case.folder, "refused.yaml")
    with open(path, "w", encoding="ascii") as out:
        json.dump({"distributions": [{**made, "behaviours": [{"path": "*", "origin": "nowhere"}]}]}, out)
    return path


@needs("hedgerow")
def test_feat_C12_C13_C10_an_origins_own_terms(case):
    """C12, C13, C10: two origins at one server: each has its prefix, fields and times; fields take the place of a viewer's."""
    origin = case.origin()
    node = Filed(case, "fra-1", [{
        "name": "site", "hosts": "a.test",
        "origins": [{"id": "quick", "url": f"{origin.url}/bytes", "headers": {"X-Key": "ours"}, "response_timeout": "1s",
                     "attempts": 1, "idle_timeout": "1s"},
                    {"id": "slow", "url": origin.url, "response_timeout": "3s", "attempts": 1, "idle_timeout": "60s"}],
        "behaviours": [{"path": "/bytes/*", "origin": "slow"}, {"path": "*", "origin": "quick"}]}])

    def ask(path):
        return client.fetch(node.http, path, headers=[("Host", "a.test"), ("X-Key", "guessed")])
    answer, took = timed(lambda: ask("/10?hang=head"))
    equal(cause(answer), (504, "connection_read_timeout", None), "the quick one")
    assert 0.9 <= took, took
    quick(took, 2, "the quick one")
    equal(origin.requests[-1].target, "/bytes/10?hang=head", "its prefix")
    equal(origin.requests[-1].headers["x-key"], "ours", "its field")
    equal(ask("/bytes/10?delay_ms=1500").status, 200, "the slow one")
    equal(origin.requests[-1].headers.get("x-key"), "guessed", "the viewer's field")
    equal(ask("/10").status, 200, "the quick one once more")
    equal(node.metrics()["hedgerow_origin_connections_open"], 2, "the connections are of two kinds")
    wait_until(lambda: node.metrics()["hedgerow_origin_connections_open"] == 1, "one is closed after its second", timeout=3)


# ---- TLS ----

def secured(case, pair, **options):
    return case.origin(tls=pair.context(**options), name="localhost")


def node_for(case, name, url, authority, **options):
    return case.node(name, url, flags=["--origin-ca", authority.cert, *options.pop("flags", ())], **options)


@needs("hedgerow")
def test_feat_C11_an_https_origin(case):
    """C11: an origin with a certificate for its name, of an authority that is trusted: bodies of all framings and sizes, a
    POST, SNI, Host; a connection is used again, and a new one resumes the session; TLS 1.2 likewise."""
    authority = Authority(case.folder)
    pair = authority.leaf("localhost")
    for number, version in enumerate((ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)):
        origin = secured(case, pair, version=version)
        node = node_for(case, f"fra-{number}", origin.url, authority, timers={"origin-idle": "1s"})
        for path in ("/bytes/0", "/bytes/1", "/bytes/65536", "/bytes/3000000", "/bytes/200000?chunked=1", "/bytes/200000?close=1"):
            answer = node.get(path)
            length = int(path.split("/")[2].split("?")[0])
            equal((answer.status, answer.body == bodies.body(length, "0")), (200, True), path)
        with client.Connection(node.http) as connection:
            connection.send(client.request_bytes(node.http, "/bytes/10", "POST", [("Content-Length", "300000")]) + b"x" * 300000)
            equal(connection.read().status, 200, "POST")
        equal(origin.requests[-1].body.length, 300000, "the body of POST")
        wait_until(lambda n=node: n.metrics()["hedgerow_origin_connections_open"] == 0, "all connections are closed")
        equal(node.get("/bytes/10?seed=later").status, 200, "later")
        equal({(version_, name) for version_, _, name in origin.secured}, {(version.name.replace("_", "."), "localhost")}, "TLS")
        assert origin.secured[-1][1], f"no session was resumed: {origin.secured}"
        assert origin.connections <= 4, origin.connections
        equal(origin.requests[0].headers["host"], f"localhost:{origin.port}", "Host")


@needs("hedgerow")
def test_feat_C11_a_certificate_that_is_not_right_is_502(case):
    """C11: for another name, expired, not valid yet, signed by itself, by nobody that is trusted, with a chain that lacks its
    middle: 502, each with a word of its own; nothing of the request was sent."""
    authority, stranger = Authority(case.folder), Authority(case.folder, "stranger")
    middle = Authority(case.folder, "middle", above=authority)
    alone = Authority(case.folder, "localhost")
    bad = {
        "certificate_for_another_name": authority.leaf("elsewhere.test"),
        "certificate_expired": authority.leaf("expired", "DNS:localhost", "20200101000000Z", "20210101000000Z"),
        "certificate_not_valid_yet": authority.leaf("early", "DNS:localhost", "20900101000000Z", "20910101000000Z"),
        "certificate_self_signed": Pair(alone.cert, alone.key),
        "certificate_of_unknown_authority": middle.leaf("broken", "DNS:localhost"),
    }
    for number, (word, pair) in enumerate(bad.items()):
        origin = secured(case, pair)
        node = node_for(case, f"fra-{number}", origin.url, authority)
        equal(cause(node.get("/bytes/10")), (502, "tls_certificate_error", word), word)
        equal(origin.total, 0, f"{word}: requests")
    origin = secured(case, stranger.leaf("localhost"))
    equal(cause(node_for(case, "ams-1", origin.url, authority).get("/bytes/10")),
          (502, "tls_certificate_error", "certificate_of_unknown_authority"), "a stranger's")
    equal(cause(case.node("ams-2", origin.url).get("/bytes/10"))[0], 502, "whom the system trusts")


@needs("hedgerow")
def test_feat_C11_what_is_no_tls_is_502(case):
    """C11: plain HTTP where TLS is expected; a server that says nothing; no common version; a file of authorities that is not
    there: each has its answer."""
    authority = Authority(case.folder)
    plain = Script(lambda connection, _: (connection.recv(1000), connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")))
    case.cleanups.append(plain.end)
    node = node_for(case, "fra-1", plain.url.replace("http://127.0.0.1", "https://localhost"), authority)
    equal(cause(node.get("/bytes/10")), (502, "tls_protocol_error", None), "plain HTTP")
    mute = socket.create_server(("127.0.0.1", 0))
    case.cleanups.append(mute.close)
    node = node_for(case, "fra-2", "https://localhost:%d" % mute.getsockname()[1], authority,
                    timers={"origin-connect": "400ms"})
    answer, took = timed(lambda: node.get("/bytes/10"))
    equal(cause(answer), (504, "connection_timeout", "tls_timeout"), "a server that says nothing")
    assert 0.4 <= took, took
    quick(took, 1.5, "a server that says nothing")
    node = case.node("fra-3", "https://localhost:1", flags=["--origin-ca", os.path.join(case.folder, "none.pem")])
    equal(cause(node.get("/bytes/10")), (502, "proxy_configuration_error", "tls_settings"), "no file of authorities")
    assert "none.pem cannot be read" in node.log(), node.log()


@needs("hedgerow")
def test_feat_C11_an_end_without_a_farewell_is_a_cut(case):
    """C11: an answer without a length ends with its connection. With a close-notify that is its end, without one somebody may
    have cut it: the viewer sees that it is not whole, and it is not kept."""
    authority = Authority(case.folder)
    origin = secured(case, authority.leaf("localhost"))
    node = node_for(case, "fra-1", origin.url, authority)
    equal(len(node.get("/bytes/100000?close=1").body), 100000, "a clean end")
    equal(node.status()["cache"]["objects"], 1, "objects kept")
    try:
        answer = node.get("/bytes/100000?close=1&truncate=50000")
        raise AssertionError(f"a clean end: {answer.status}, {len(answer.body)} bytes")
    except (client.Broken, ConnectionResetError):
        pass
    equal(node.status()["cache"]["objects"], 1, "objects kept then")


@needs("hedgerow")
def test_feat_C21_an_origin_that_wants_a_certificate(case):
    """C21: an origin that asks who we are answers 200 to the certificate that it wants, and 502 comes of none."""
    authority = Authority(case.folder)
    origin = secured(case, authority.leaf("localhost"), trusts=authority.cert)
    folder = os.path.join(case.folder, "fra-1", "origin-tls")
    os.makedirs(folder)
    pair = authority.leaf("edge")
    for path in (pair.cert, pair.key):
        shutil.copy(path, folder)
    node = node_for(case, "fra-1", origin.url, authority, flags=["--origin-client", "edge"])
    equal(node.get("/bytes/1000").status, 200, "with it")
    answer = node_for(case, "fra-2", origin.url, authority).get("/bytes/1000")
    equal((answer.status, origin.total), (502, 1), "without it")
    node = node_for(case, "fra-3", origin.url, authority, flags=["--origin-client", "edge"])
    equal(cause(node.get("/bytes/1000")), (502, "proxy_configuration_error", "tls_settings"), "a file that is not there")


@needs("hedgerow")
def test_feat_C11_certificates_are_read_anew_on_sighup(case):
    """C11: another authority signs from now on: its file is taken on SIGHUP, without an end of the process; a file that is no
    good is said, and what was there before goes on to hold."""
    authority, later = Authority(case.folder), Authority(case.folder, "later")
    trusted = os.path.join(case.folder, "trusted.pem")
    shutil.copy(authority.cert, trusted)
    origin = secured(case, authority.leaf("localhost"))
    node = case.node("fra-1", origin.url, flags=["--origin-ca", trusted])
    equal(node.get("/bytes/10?seed=first").status, 200, "at first")
    with open(trusted, "w", encoding="ascii") as out:
        out.write("no certificate\n")
    node.signal(signal.SIGHUP)
    wait_until(lambda: "origin localhost: " in node.log(), "the operator is told")
    equal(node.get("/bytes/10?seed=bad").status, 200, "with a bad file")
    shutil.copy(later.cert, trusted)
    node.signal(signal.SIGHUP)
    wait_until(lambda: node.metrics()["hedgerow_origin_connections_open"] == 0, "connections of before are closed")
    equal(cause(node.get("/bytes/10?seed=other")), (502, "tls_certificate_error", "certificate_of_unknown_authority"),
          "the authority that signs no more")


@needs("hedgerow")
def test_feat_C11_match_viewer_asks_as_the_viewer_does(case):
    """C11: an origin at two ports that is asked as its viewers ask: https by those over https, http by the others; a copy is
    kept of each, and never shown to the others."""
    authority, viewers = Authority(case.folder), certificates.Authority(os.path.join(case.folder, "viewers"))
    plain, safe = case.origin(), secured(case, authority.leaf("localhost"))
    folder = os.path.join(case.folder, "fra-1", "origin-tls")
    os.makedirs(folder)
    shutil.copy(authority.cert, os.path.join(folder, "ours.pem"))
    chain, key = certificates.localhost(viewers)
    node = Filed(case, "fra-1", [{
        "name": "site", "hosts": "localhost",
        "origins": [{"id": "both", "url": f"http://localhost:{plain.port}", "protocol": "match-viewer",
                     "https_port": safe.port, "tls": {"ca": "ours.pem"}}],
        "behaviours": [{"path": "/safe/*", "origin": "both", "viewer_protocol": "https-only"},
                       {"path": "*", "origin": "both"}]}],
        flags=["--certificate", f"{chain},{key}", "--https", "127.0.0.1:0"])

    def by_http(path):
        answer = client.fetch(node.http, path, headers=[("Host", "localhost")])
        return answer.status, answer.get("X-Cache").split(" ")[0]

    def by_https(path):
        answer = certificates.fetch(node.https, viewers.context(), path, headers=[("Host", "localhost")])
        return answer.status, answer.get("X-Cache").split(" ")[0]

    def asked(path):
        return plain.count(path), safe.count(path)
    kept = "/bytes/1000?cc=max-age=600"
    equal((by_https(kept), asked(kept)), ((200, "Miss"), (0, 1)), "a viewer over https")
    equal((by_http(kept), asked(kept)), ((200, "Miss"), (1, 1)), "one over http has a copy of its own")
    equal(([by_https(kept), by_http(kept)], asked(kept)), ([(200, "Hit"), (200, "Hit")], (1, 1)), "both copies are kept")
    equal(node.status()["cache"]["objects"], 2, "copies")
    equal((client.fetch(node.http, "/safe/x", headers=[("Host", "localhost")]).status, by_https("/safe/x")[0]), (403, 404),
          "what is for https alone")
    plain.close()
    equal((by_http("/bytes/7")[0], by_https("/bytes/7")[0]), (502, 200), "one of the two is down")


@needs("hedgerow")
def test_feat_C10_R4_an_origins_own_bound_is_waited_for(case):
    """C10, R4: two origins at one server, of two connections each: neither has more at a time, and what is beyond
    that waits for its turn instead of being turned away, also where both share what is open."""
    origin = case.origin()
    node = Filed(case, "fra-1", [{
        "name": "site", "hosts": "*.test",
        "origins": [{"id": "one", "url": f"{origin.url}/bytes", "connections": 2},
                    {"id": "other", "url": origin.url, "connections": 2}],
        "behaviours": [{"path": "/bytes/*", "origin": "other"}, {"path": "*", "origin": "one"}]}])

    def ask(path):
        return client.fetch(node.http, path, headers=[("Host", "a.test")]).status
    equal(at_once(8, lambda i: ask(f"{'/bytes' * (i % 2)}/{10 + i}?delay_ms=200")), [200] * 8, "twice what each may have")
    assert origin.connections <= 4, f"{origin.connections} connections"
    equal((node.counter("origin_waited"), node.counter("origin_refused")), (4, 0), "who waited, who was turned away")
    equal(at_once(10, lambda i: ask(f"/{20 + i}?delay_ms=100")), [200] * 10, "five times what one alone may have")
    assert origin.connections <= 4, f"{origin.connections} connections"


@needs("hedgerow")
def test_feat_M18_one_origin_of_several_is_measured(case):
    """M18: two regions and two distributions: how far the first one's origin is counts alone, whatever connections there are to
    the other's; another first one is measured at once."""
    origin, other = case.origin(), case.origin()
    nowhere = f"http://127.0.0.1:{BlackHole(case).port}"
    second = {"name": "b", "hosts": "b.test", "origins": other.url}
    nodes = []
    for name, zone in (("eu-1", "eu/a"), ("us-1", "us/a")):
        nodes.append(Filed(case, name, [{"name": "a", "hosts": "a.test", "origins": nowhere}, second],
                           flags=["--node-file", case.admit(name, zone), "--audit", "0", "--timers", "parent=1s",
                                  *(word for node in nodes for word in ("--seed", "{}:{}".format(*node.mesh)))]))

    def stated():
        return [sum(r["stated"] for r in node.status()["parent"]["regions"]) for node in nodes]
    wait_until(lambda: all(len(node.status()["parent"]["regions"]) == 2 for node in nodes), "two regions")
    for node in nodes:
        for i in range(3):
            equal(client.fetch(node.http, f"/bytes/10?{node.name}={i}&close=1", headers=[("Host", "b.test")]).status, 200, "b")
    assert other.connections >= 3, other.connections
    time.sleep(2)           # all that could be stated has been
    equal(stated(), [0, 0], "who knows how far it is to one that does not answer")
    for node in nodes:
        node.reload([{"name": "a", "hosts": "a.test", "origins": origin.url}, second])
    wait_until(lambda: stated() == [2, 2], lambda: f"both measure the new one: {stated()}", timeout=10)

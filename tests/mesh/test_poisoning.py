"""What a viewer sends cannot make others see what is not theirs (ROBUSTNESS P1 to P7, D1, C1 to C4, U1 to U4, J1;
FEATURES R20, R26): at the edge that is asked, at the others, and at the origin, whose requests are looked at."""
import json
import os
import urllib.parse

import client
from harness import equal, needs, wait_until
from scripted import Scripted

SPEAKS_FOR_A_PROXY = ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Original-URL", "X-Rewrite-URL",
                      "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Forwarded", "X-Host",
                      "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server",
                      "X-Original-Host", "X-Real-IP")


def origin_and_node(case, **options):
    origin = case.origin()
    return origin, case.node("fra-1", origin.url, **options)


def ask(node, target, *headers, method="GET"):
    return client.fetch(node.http, target, headers=list(headers), method=method)


def said(node, request):
    """The answer to these very bytes."""
    with client.Connection(node.http) as connection:
        connection.send(request)
        return connection.read()


def quoted(text):
    return urllib.parse.quote(text, safe="")


@needs("hedgerow")
def test_rob_P1_hosts_ports_and_schemes(case):
    """P1: a node with one origin answers any host, and asks that origin by its own name: whatever host, port or scheme
    a request names, there is one entry, and nothing of them is in what is kept."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    for i, (target, host) in enumerate((("", "a.example"), ("", "evil.example"), ("", "a.example:8080"),
                                        ("", "A.EXAMPLE."),
                                        ("http://a.example", "a.example"), ("https://a.example", "a.example"),
                                        ("http://evil.example:81", "evil.example:81"), ("", "[::1]:443"))):
        for node in nodes:
            answer = said(node, f"GET {target}/bytes/10?cc=max-age=60 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            equal((answer.status, answer.result()), (200, "Hit" if i else answer.result()),
                  f"{target} {host} at {node.name}")
            assert "evil" not in repr(answer.headers), answer.headers
    (request,) = origin.requests
    equal(request.headers["host"], origin.url.removeprefix("http://"), "Host at the origin")


@needs("hedgerow")
def test_rob_P2_nobody_speaks_for_a_proxy(case):
    """P2, C3: fields by which a request names another host, path or method reach no origin, from a hit, a miss or a
    request of one viewer alone, and change nothing of what is kept."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    forged = [(name, "evil.example") for name in SPEAKS_FOR_A_PROXY]
    for target, more in (("/bytes/10?seed=miss", ()), ("/bytes/10?seed=alone", (("Authorization", "Basic YTpi"),))):
        for node in nodes:
            answer = ask(node, target, *forged, *more)
            equal((answer.status, answer.body), (200, ask(node, target).body), f"{target} at {node.name}")
    assert origin.requests
    for request in origin.requests:
        for name in SPEAKS_FOR_A_PROXY:
            assert name.lower() not in request.headers, f"{name} reached the origin: {request.headers}"
        assert "evil.example" not in str(request.headers), request.headers
        equal(request.method, "GET", "the method at the origin")
    equal(origin.count("/bytes/10?seed=miss"), 1, "requests for what all may have")


@needs("hedgerow")
def test_rob_P3_variants_have_a_bound(case):
    """P3: Vary: * is not kept; a field that the request lacks tells it apart from those that have it; of 200 variants
    of one URL the newest are kept."""
    origin, node = origin_and_node(case)
    for _ in range(3):
        equal(ask(node, "/bytes/10?seed=star&vary=*&cc=max-age=60").result(), "Miss", "Vary: *")
    equal(node.status()["cache"]["objects"], 0, "kept")
    target = "/bytes/10?seed=many&vary=X-V,%20X-W&cc=max-age=60"
    for _ in range(2):
        for fields in ((), (("X-V", ""),), (("X-V", "1"),), (("X-W", "1"),), (("X-V", "1"), ("X-W", "1"))):
            equal(ask(node, target, *fields).status, 200, f"{fields}")
    equal(origin.count(target), 5, "one request each")
    for i in range(200):
        equal(ask(node, target, ("X-V", f"v{i}")).result(), "Miss", f"variant {i}")
    equal(node.status()["cache"]["objects"], 32, "kept of 205 variants")
    equal([ask(node, target, ("X-V", f"v{i}")).result() for i in (199, 168, 167)], ["Hit", "Hit", "Miss"],
          "the newest, the oldest that is kept, and the one before it")


@needs("hedgerow")
def test_rob_P4_one_form_for_key_and_origin(case):
    """P4: every spelling of a path is one copy, and the origin is asked for its normal form alone."""
    origin, node = origin_and_node(case)
    spellings = ("/bytes/10", "/./bytes/10", "/x/../bytes/10", "/%62ytes/10", "/bytes/%31%30", "/bytes/./10",
                 "/%2e/bytes/10", "/a/%2E%2e/bytes/10")
    for spelling in spellings:
        equal(ask(node, spelling + "?seed=p").status, 200, spelling)
    equal([request.target for request in origin.requests], ["/bytes/10?seed=p"], "what the origin was asked for")
    for spelling in ("/bytes/%00", "/bytes/10#x", "/bytes/10\t"):
        answer = said(node, f"GET {spelling} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        equal(answer.status, 400, spelling)
    ask(node, "/bytes%2f10")        # an encoded slash is no slash
    equal(origin.requests[-1].target.lower(), "/bytes%2f10", "an encoded slash")
    equal(len(origin.requests), 2, "requests at the origin")


@needs("hedgerow")
def test_rob_P5_queries_are_forwarded_as_they_are_keyed(case):
    """P5: duplicate parameters, their order and semicolons tell URLs apart, and the origin is asked for each as it is;
    a GET or HEAD with a body is 403 and the end."""
    origin, node = origin_and_node(case)
    queries = ("a=1&a=2", "a=2&a=1", "a=1;a=2", "a=2;a=1", "a=1", "a=2", "a=1&a=2&", "a=1&&a=2", "a=1&A=2", "", "a")
    for result in ("Miss", "Hit"):
        for query in queries:
            equal(ask(node, f"/bytes/10?{query}").result(), result, query)
    equal([request.target for request in origin.requests], [f"/bytes/10?{query}" for query in queries], "at the origin")
    for method in ("GET", "HEAD"):
        with client.Connection(node.http) as connection:
            connection.send(f"{method} /bytes/10?a=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=2".encode())
            equal((connection.read(method).status, connection.at_end()), (403, True), f"{method} with a body")
    equal(origin.total, len(queries), "requests at the origin")


@needs("hedgerow")
def test_rob_P6_conditions_and_ranges_change_nothing_kept(case):
    """P6: the first one to ask does so with a range or a condition: others get the whole of it."""
    origin, node = origin_and_node(case)
    for i, field in enumerate((("Range", "bytes=2-3"), ("If-None-Match", "*"), ("If-None-Match", '"v1"'),
                               ("If-Modified-Since", "Fri, 31 Dec 2100 23:59:59 GMT"), ("If-Range", '"v1"'))):
        target = f"/bytes/1000?seed={i}&etag=%22v1%22"
        assert ask(node, target, field).status in (200, 206, 304), field
        answer = ask(node, target)
        equal((answer.status, len(answer.body), answer.result()), (200, 1000, "Hit"), f"behind {field}")
        equal(origin.count(target), 1, f"requests at the origin with {field}")


@needs("hedgerow")
def test_rob_P7_feat_R26_a_cookie_is_set_for_one_viewer(case):
    """P7, R26: an answer with Set-Cookie is for who asked: every other one gets another, and no node keeps it, whatever
    it says of caches."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    for name, cc in (("plain", ""), ("public", f"&cc={quoted('public, max-age=60')}"),
                     ("named", f"&cc={quoted('private=set-cookie, max-age=60')}")):
        target = f"/bytes/10?seed={name}&header={quoted('Set-Cookie:session=7')}{cc}"
        for node in nodes:
            for _ in range(2):
                answer = ask(node, target)
                equal((answer.status, answer.get("Set-Cookie"), answer.result()), (200, "session=7", "Miss"),
                      f"{name} at {node.name}")
        equal(origin.count(target), 6, f"requests at the origin: {name}")
    for node in nodes:
        equal(node.status()["cache"]["objects"], 0, f"kept at {node.name}")


@needs("hedgerow")
def test_rob_P7_answers_to_somebody_are_theirs(case):
    """P7: the answer to a request with Authorization is for nobody else unless it says so (RFC 9111 section 3.5), and
    without one nobody is shown it."""
    origin, node = origin_and_node(case)
    credentials = ("Authorization", "Basic YTpi")
    for cc, shared in (("max-age=60", False), ("public, max-age=60", True), ("s-maxage=60", True),
                       ("must-revalidate, max-age=60", True), ("private, max-age=60", False)):
        target = f"/bytes/10?seed={quoted(cc)}&cc={quoted(cc)}"
        equal(ask(node, target, credentials).result(), "Miss", cc)
        equal(ask(node, target).result(), "Hit" if shared else "Miss", f"another viewer: {cc}")
        equal(origin.count(target), 1 if shared else 2, f"requests at the origin: {cc}")


@needs("hedgerow")
def test_rob_D1_a_name_like_a_files_makes_nothing_public(case):
    """D1: an origin that takes for /account what only begins like it: that is not kept because its URL ends like a
    style sheet's; with heuristic lifetimes, or none by default, an answer without any is not kept, and one that says
    private never."""
    told = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n"
    origin = Scripted({"*": [told + b"\r\nmine"],
                       "/private.css": [told + b"Cache-Control: private, max-age=60\r\n\r\nmine"]})
    case.cleanups.append(origin.close)
    paths = ("/account/x.css", "/account;x.css", "/account%0Ax.css", "/static/..%2faccount", "/account/x.js?v=1",
             "/account%3Fx.css")
    for ttl in ("heuristic", "0", "600"):
        node = case.node(f"n-{ttl}", origin.url, flags=("--default-ttl", ttl))
        for path in (*paths, "/private.css"):
            if ttl != "600" or path == "/private.css":
                for _ in range(2):
                    answer = ask(node, path)
                    equal((answer.body, answer.result()), (b"mine", "Miss"), f"{path} with {ttl}")
        equal(node.status()["cache"]["objects"], 0, f"kept with {ttl}")
    equal(len(origin.heads), 2 * (2 * len(paths) + 3), "requests at the origin")


@needs("hedgerow")
def test_rob_C1_oversized_heads_leave_nothing_behind(case):
    """C1: a head beyond our limit is 413, ours, and the origin hears nothing; one within it that an origin finds too
    large fails for who sent it alone, whatever the origin calls that, and whatever lifetime it gives a 413 or 431."""
    def picky(head):
        status = head.split(b"?", 1)[1][:3].decode()
        told, body = (status, b"no") if len(head) > 8192 else ("200", b"ok")
        lasts = "Cache-Control: max-age=60\r\n" if told in "413431" else ""
        return [f"HTTP/1.1 {told} X\r\nContent-Length: 2\r\n{lasts}\r\n".encode() + body]
    origin = Scripted({path: picky for path in ("/a?400", "/a?413", "/a?431")})
    case.cleanups.append(origin.close)
    node = case.node("fra-1", origin.url)
    for number, (path, refusal) in enumerate(((path, int(path[-3:])) for path in origin.answers), 1):
        for size in (63, 31):
            answer = ask(node, path, ("X-Oversized", "h" * (size << 10)))
            equal((answer.status, answer.result(), answer.get("Connection")), (413, "Error", "close"), f"{size} KiB")
        equal(origin.seen(path), [], "requests at the origin")
        for _ in range(2):
            answer = ask(node, path, ("X-Oversized", "h" * (15 << 10)))
            equal((answer.status, answer.body, answer.result()), (refusal, b"no", "Miss"), f"15 KiB for {path}")
        equal(ask(node, path, ("X-Oversized", "h" * (7 << 10))).body, b"ok", f"7 KiB for {path}")
        for result in ("Hit", "Hit"):
            answer = ask(node, path)
            equal((answer.status, answer.body, answer.result()), (200, b"ok", result), f"the others, for {path}")
        equal((len(origin.seen(path)), node.status()["cache"]["objects"]), (3, number),
              "requests at the origin, and kept")


@needs("hedgerow")
def test_rob_C3_only_get_and_head_are_kept(case):
    """C3: what an origin answers to any other method is not kept, whatever lifetime it says; a method that it knows by
    a field is not the origin's to see, so that its error is nobody's; a method outside the list is 403."""
    def overridden(head):
        other = b"override" in head.lower() or b"x-http-method" in head.lower() or b"_method" in head
        status = b"404" if other else b"200"
        return [b"HTTP/1.1 %b X\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok" % status]
    origin = Scripted({"*": overridden})
    case.cleanups.append(origin.close)
    node = case.node("fra-1", origin.url, flags=("--methods", "all,BREW"))
    for i, field in enumerate(("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")):
        equal(ask(node, f"/o{i}", (field, "POST")).status, 200, field)
        equal(ask(node, f"/o{i}").status, 200, f"behind {field}")
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"):
        for _ in range(2):
            equal(ask(node, f"/{method}", method=method).result(), "Miss", method)
        equal(ask(node, f"/{method}").result(), "Miss", f"GET behind {method}")
        equal(len(origin.seen(f"/{method}")), 3, f"requests at the origin, {method}")
    for method, status in (("FOO", 403), ("get", 403), ("PURGE", 405)):
        equal(ask(node, "/refused", method=method).status, status, method)
    equal((ask(node, "/refused").result(), len(origin.seen("/refused"))), ("Miss", 1), "GET behind what was refused")
    equal(ask(node, "/head", method="HEAD").result(), "Miss", "HEAD")


@needs("hedgerow")
def test_rob_C4_feat_R20_errors_code_by_code(case):
    """C4, R20: which of an origin's errors are kept: for the error lifetime, only if they say a lifetime, or never."""
    origin, node = origin_and_node(case)
    for status in (404, 410, 414, 500, 501, 502, 503, 504):
        check_error(origin, node, status, "", True)
    for status in (400, 403, 405, 412, 415):
        check_error(origin, node, status, "", False)
        check_error(origin, node, status, "max-age=60", True)
    for status in (413, 416, 431):
        check_error(origin, node, status, "", False)
        check_error(origin, node, status, "max-age=60", False)


def check_error(origin, node, status, cc, kept):
    target = f"/bytes/10?status={status}" + (f"&cc={cc}" if cc else "")
    for i in range(2):
        answer = ask(node, target)
        equal((answer.status, answer.result()), (status, "Hit" if kept and i else "Miss"), f"{target}, time {i + 1}")
    equal(origin.count(target), 1 if kept else 2, f"requests at the origin: {target}")


@needs("hedgerow")
def test_feat_R20_no_error_is_kept_by_choice(case):
    """R20: --error-ttl 0: the origin is asked each time, unless an error says how long it lasts."""
    origin, node = origin_and_node(case, flags=("--error-ttl", "0"))
    check_error(origin, node, 404, "", False)
    check_error(origin, node, 503, "", False)
    check_error(origin, node, 404, "max-age=60", True)


@needs("hedgerow")
def test_rob_C2_control_bytes_stay_here(case):
    """C2: control bytes in a value: 400, ours, never kept, and the origin hears nothing."""
    origin, node = origin_and_node(case)
    for byte in (*range(0x01, 0x09), 0x0b, 0x0c, *range(0x0e, 0x20), 0x00, 0x7f):
        answer = said(node, b"GET /bytes/10 HTTP/1.1\r\nHost: a\r\nX-Meta: a" + bytes([byte]) + b"b\r\n\r\n")
        equal((answer.status, answer.get("Connection")), (400, "close"), f"byte {byte:#04x}")
    equal(origin.total, 0, "requests at the origin")
    equal(ask(node, "/bytes/10").status, 200, "the same URL afterwards")


@needs("hedgerow")
def test_rob_U1_whom_a_request_names(case):
    """U1: Host must be that of an absolute target; ports and IPv6 forms are read; userinfo, an empty Host, none and two
    of them are 400, closed, and nothing is asked of anybody."""
    origin, node = origin_and_node(case)
    fine = (("/", "a"), ("/", "a:8080"), ("/", "[2001:db8::1]"), ("/", "[::ffff:1.2.3.4]:81"), ("http://a/", "a"),
            ("http://a:80/", "a"),
            ("HTTP://A/", "a"), ("http://[::1]:81/", "[::1]:81"))
    for i, (target, host) in enumerate(fine):
        target = f"{target}bytes/10?seed={i}"
        equal(said(node, f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status, 200,
              f"{target} with Host {host}")
    equal([request.target for request in origin.requests], [f"/bytes/10?seed={i}" for i in range(len(fine))],
          "at the origin")
    for target, fields in (("http://a/", "Host: b"), ("http://a:81/", "Host: a"), ("http://u@a/", "Host: a"),
                           ("http:///", "Host: a"),
                           ("http://a/", "X: y"), ("/", "Host: u@a"), ("/", "Host:"), ("/", "X: y"),
                           ("/", "Host: a\r\nHost: a"),
                           ("/", "Host: a\r\nhost: b"), ("/", "Host: a, b"), ("/", "Host: ::1"), ("/", "Host: [::1"),
                           ("/", "Host: a:80:80"), ("/", "Host: a:65536"), ("/", "Host: a/b"),
                           ("/", "Host: [fe80::1%25lo]")):
        with client.Connection(node.http) as connection:
            connection.send(f"GET {target}bytes/10 HTTP/1.1\r\n{fields}\r\n\r\n".encode())
            equal((connection.read().status, connection.at_end()), (400, True), f"{target} with {fields!r}")
    equal(origin.total, len(fine), "requests at the origin")


@needs("hedgerow")
def test_rob_U2_no_request_chooses_whom_we_dial(case):
    """U1, U2: whatever host a request names, this node's own ports included, it is the configured origin that is asked,
    by its own name; userinfo and a second Host are refused."""
    origin, node = origin_and_node(case)
    admin = "{}:{}".format(*node.admin)
    hosts = ("127.0.0.1", admin, "169.254.169.254", "[::1]", "localhost", "metadata.internal")
    for i, host in enumerate(hosts):
        for form in (f"/bytes/10?seed={i}a", f"http://{host}/bytes/10?seed={i}b"):
            answer = said(node, f"GET {form} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            equal((answer.status, len(answer.body)), (200, 10), f"{form} with Host {host}")
    for request in origin.requests:
        equal(request.headers["host"], origin.url.removeprefix("http://"), "Host at the origin")
    equal(origin.total, 2 * len(hosts), "requests at the origin")
    for form, host in ((f"http://{admin}/bytes/10", "a"), ("http://u@a/bytes/10", "a"), ("/bytes/10", "a\r\nHost: b")):
        equal(said(node, f"GET {form} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status, 400, f"{form}, {host}")
    equal(origin.total, 2 * len(hosts), "requests at the origin afterwards")


@needs("hedgerow")
def test_rob_U3_feat_C14_redirects_are_passed_on(case):
    """U3: an origin's redirect to an address of its own network is the viewer's to follow or not; it is kept as it
    is."""
    origin, node = origin_and_node(case)
    away = "http://{}:{}/status".format(*node.admin)
    target = f"/bytes/0?status=302&cc=max-age=60&header={quoted('Location:' + away)}"
    for result in ("Miss", "Hit"):
        answer = ask(node, target)
        equal((answer.status, answer.get("Location"), answer.result()), (302, away, result), "the redirect")
    equal(origin.total, 1, "requests at the origin")


@needs("hedgerow")
def test_rob_U4_what_comes_back_is_not_sent_on(case):
    """U4: a request that has been through this mesh is answered 508, wherever it comes back, and does not reach the
    origin; other CDNs may have been there."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    ask(nodes[0], "/bytes/10?seed=first", ("CDN-Loop", "other; x=1"))
    ours = origin.requests[0].headers["cdn-loop"]
    before = origin.total
    for node in nodes:
        answer = ask(node, f"/bytes/10?seed={node.name}", ("CDN-Loop", f"other, {ours.split(',')[-1]}"))
        equal((answer.status, answer.get("Proxy-Status")), (508, f"{node.name}; error=proxy_loop_detected"), "a loop")
        equal(node.status()["requests"]["error"], 1, f"counted at {node.name}")
    equal(origin.total, before, "requests at the origin")


@needs("hedgerow")
def test_rob_J1_each_request_is_one_line(case):
    """J1: what a viewer writes into a URL, a Host or a method ends no line: of the log, of Cache-Status, of the
    origin's request."""
    origin, node = origin_and_node(case)
    paths = ("/bytes/10?seed=%0d%0aSet-Cookie:%20a=b", "/bytes/10?seed=\"}\\", "/bytes/10?a=%22%7d%00", "/bytes/%0a")
    for path in paths:
        answer = said(node, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert answer.get("Set-Cookie") is None, answer.headers
        equal(len(answer.hops()) <= 1, True, f"hops of {path}")
    for request in origin.requests:
        assert "set-cookie" not in request.headers, request.headers
    log = os.path.join(node.data, "access.log")
    wait_until(lambda: len(open(log, "rb").read().splitlines()) >= len(paths), "a line for each request")
    with open(log, "rb") as file:
        lines = file.read().splitlines()
    equal(len(lines), len(paths), "lines of the log")
    for line in lines:
        json.loads(line)

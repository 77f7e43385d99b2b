"""Messages on whose end two readers could disagree, from viewers and from origins (ROBUSTNESS S1 to S13, FEATURES V1, V2,
V11, V12): refused, the connection closed, and nothing of it passed on. Sizes and single bytes are in the unit tests of
the parser; here is what a whole node does about them."""
import resource
import socket

import bodies
import client
from harness import equal, needs
from scripted import CLOSE, Scripted

SMUGGLED = b"GET /bytes/10?seed=smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def node_with_origin(case, **options):
    origin = case.origin()
    return origin, case.node("fra-1", origin.url, **options)


def node_with_answers(case, answers, **options):
    origin = Scripted(answers)
    case.cleanups.append(origin.close)
    return origin, case.node("fra-1", origin.url, **options)


def head(*lines, start="GET /bytes/10?seed=x HTTP/1.1"):
    return "\r\n".join([start, "Host: a", *lines, "", ""]).encode("latin-1")


def refused(case, requests, statuses):
    """Each of {what: bytes} is answered with one of the statuses and a closed connection; what is pipelined behind it is not
    executed, and the origin hears nothing at all."""
    origin, node = node_with_origin(case)
    for what, request in requests.items():
        with client.Connection(node.http) as connection:
            connection.send(request + SMUGGLED)
            answer = connection.read()
            assert answer.status in statuses, f"{what}: {answer.status}"
            equal(answer.result(), "Error", what)
            equal(answer.get("Connection"), "close", what)
            assert connection.at_end(), f"{what}: the connection stays open, or more was said"
    equal(origin.total, 0, "requests at the origin")
    equal(node.get("/bytes/10?seed=then").status, 200, "a well-formed request afterwards")
    return node


@needs("hedgerow")
def test_rob_S1_length_with_transfer_encoding(case):
    """S1: Content-Length beside Transfer-Encoding, in both orders and versions: 400, closed, nothing at the origin."""
    pair = ("Content-Length: 5", "Transfer-Encoding: chunked")
    refused(case, {
        f"{method} {version} {order}": head(*pair[::order], start=f"{method} /bytes/10 HTTP/{version}") + b"0\r\n\r\n"
        for method in ("GET", "POST") for version in ("1.0", "1.1") for order in (1, -1)}, (400,))


@needs("hedgerow")
def test_rob_S2_lengths_that_are_read_differently(case):
    """S2: two lengths, lists, signs, other bases, too many digits: 400 each."""
    values = ("5, 5", "5,", "+5", "-0", "-5", "0x5", "5_0", "5.0", "5 5", "5\t", "", "\"5\"", "00000000000000000005",
              "9223372036854775808", "18446744073709551621", "99999999999999999999999999999999")
    requests = {value: head(f"Content-Length: {value}", start="POST /bytes/10 HTTP/1.1") + b"hello" for value in values}
    for second in ("5", "6"):
        requests[f"5 and {second}"] = head("Content-Length: 5", f"content-length: {second}") + b"hello"
    refused(case, requests, (400,))


@needs("hedgerow")
def test_rob_S3_transfer_encoding_other_than_chunked(case):
    """S3: anything but exactly one "chunked": 400 or 501; in HTTP/1.0 always 400."""
    values = ("gzip, chunked", "chunked, chunked", "chunked, identity", "chunked,", ",chunked", "identity", "xchunked",
              "chunked;q=1", "\"chunked\"", "\tchunked", "chunked\t",
              "\x0bchunked", "chunked\x0c", "chunked\x00", "\x85chunked", "chunked\xa0", "", "\r\n chunked", "chu\tnked")
    requests = {value: head(f"Transfer-Encoding: {value}") + b"0\r\n\r\n" for value in values}
    requests["two fields"] = head("Transfer-Encoding: chunked", "transfer-encoding: chunked") + b"0\r\n\r\n"
    requests["a blank before the colon"] = head("Transfer-Encoding : chunked") + b"0\r\n\r\n"
    node = refused(case, requests, (400, 501))
    for value in ("chunked", *values):
        with client.Connection(node.http) as connection:
            connection.send(head(f"Transfer-Encoding: {value}", start="GET / HTTP/1.0") + b"0\r\n\r\n" + SMUGGLED)
            equal(connection.read().status, 400, f"{value!r} in HTTP/1.0")
            assert connection.at_end(), f"{value!r} in HTTP/1.0: the connection stays open"


@needs("hedgerow")
def test_feat_V2_bare_line_ends_and_folds(case):
    """V2: bare LF and CR, folded lines, blanks before a colon, control bytes, empty and odd names: 400, closed."""
    refused(case, {
        "a bare line feed": b"GET / HTTP/1.1\nHost: a\n\n",
        "a bare line feed in the fields": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "a bare line feed at the end": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        "a bare carriage return": b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "a bare carriage return first": b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "a folded line": head("X: a", " b"),
        "a folded first line": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "a line of blanks": b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n",
        "a blank before the colon": head("X : a"),
        "no colon": head("X"),
        "no name": head(": a"),
        "a name in quotes": head("\"X\": a"),
        "a null in a value": head("X: a\x00b"),
        "two blanks": head(start="GET  / HTTP/1.1"),
        "a tab for a blank": head(start="GET\t/ HTTP/1.1"),
        "a version that is none": head(start="GET / HTTP/1.1x"),
        "a request without version": b"GET /\r\n",
    }, (400,))


@needs("hedgerow")
def test_rob_S8_a_request_behind_a_body_is_not_the_body(case):
    """S8, V12: what looks like a request inside of a body is never executed, of a hit (answered while the body is unread) or
    not: GET and HEAD with a body are 403 and the end, whichever way it is framed and however slowly it comes."""
    origin, node = node_with_origin(case)
    equal(node.get("/bytes/10?seed=hit&cc=max-age=60").status, 200, "kept for later")
    origin.forget()
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    for seed in ("hit&cc=max-age=60", "new"):
        for method in ("GET", "HEAD"):
            start = f"{method} /bytes/10?seed={seed} HTTP/1.1"
            for what, framed in (("length", head(f"Content-Length: {len(SMUGGLED)}", start=start) + SMUGGLED),
                                 ("chunked", head("Transfer-Encoding: chunked", start=start) + chunked),
                                 ("unsent", head("Content-Length: 1000000", start=start) + SMUGGLED)):
                for part in (len(framed), 7):
                    with client.Connection(node.http) as connection:
                        try:
                            for at in range(0, len(framed), part):
                                connection.send(framed[at:at + part])
                        except (BrokenPipeError, ConnectionResetError):
                            pass
                        equal(connection.read(method).status, 403, f"{seed} {method} {what} in parts of {part}")
                        assert connection.at_end(), f"{seed} {method} {what}: the connection stays open"
    equal(origin.total, 0, "requests at the origin")


@needs("hedgerow")
def test_rob_S8_other_methods_with_a_body(case):
    """S8: OPTIONS, DELETE and others with a body: it is read or the connection ends; it is never taken for a request."""
    origin, node = node_with_origin(case)
    for method in ("OPTIONS", "DELETE", "TRACE", "PROPFIND"):
        for framed in (head(f"Content-Length: {len(SMUGGLED)}", start=f"{method} /bytes/10?seed=m HTTP/1.1") + SMUGGLED,
                       head("Transfer-Encoding: chunked", start=f"{method} /bytes/10?seed=m HTTP/1.1") +
                       b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)):
            with client.Connection(node.http) as connection:
                connection.send(framed)
                answer = connection.read(method)
                assert 200 <= answer.status < 600, f"{method}: {answer.status}"
                if "close" in (answer.get("Connection") or ""):
                    assert connection.at_end(), f"{method}: more was said"
                else:
                    equal(connection.request("/bytes/10?seed=next").status, 200, f"behind {method}")
    equal(origin.count("/bytes/10?seed=smuggled"), 0, "the body, executed")


@needs("hedgerow")
def test_rob_S9_no_protocol_is_changed(case):
    """S9: an Upgrade is answered as if it were not there, and the origin does not see it; a 101 that nobody asked for is
    502; CONNECT opens nothing; an expectation is met or refused."""
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nraw bytes"
    origin, node = node_with_answers(case, {"/switch": [switch, CLOSE],
                                            "*": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]})
    for number, protocol in enumerate(("h2c", "websocket", "TLS/1.0", "x")):
        for extra in ((), (("Authorization", "Basic eA=="),)):
            path = f"/{number}-{len(extra)}"
            answer = node.get(path, headers=[("Upgrade", protocol), ("Connection", "Upgrade, HTTP2-Settings"),
                                             ("HTTP2-Settings", "AAMAAABkAAQAAP__"), *extra])
            equal((answer.status, answer.body, answer.get("Upgrade")), (200, b"ok", None), protocol)
            (_, seen), = origin.seen(path)
            assert b"pgrade" not in seen and b"HTTP2" not in seen and b"Connection" not in seen, seen
    answer = node.get("/switch", headers=[("Upgrade", "websocket"), ("Connection", "upgrade")])
    equal((answer.status, answer.result()), (502, "Error"), "a 101 of the origin")
    before = len(origin.heads)
    with client.Connection(node.http) as connection:
        connection.send(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" + SMUGGLED)
        assert 400 <= connection.read("CONNECT").status < 600
        assert connection.at_end(), "CONNECT: the connection stays open"
    with client.Connection(node.http) as connection:
        connection.send(head("Expect: a-pony") + SMUGGLED)
        equal(connection.read().status, 417, "an unknown expectation")
        assert connection.at_end(), "417: the connection stays open"
    equal(len(origin.heads), before, "requests at the origin")
    with socket.create_connection(node.http, 10) as raw:
        raw.sendall(head("Expect: 100-continue", "Connection: close", start="GET /expecting HTTP/1.1"))
        text = b""
        while data := raw.recv(65536):
            text += data
    assert text.startswith(b"HTTP/1.1 200 "), text
    (_, seen), = origin.seen("/expecting")
    assert b"xpect" not in seen.split(b"\r\n", 1)[1], seen


@needs("hedgerow")
def test_rob_S10_nothing_runs_behind_a_refusal(case):
    """S10: whatever of ours refuses a request, what is pipelined behind it is not executed, in one piece or in two."""
    origin, node = node_with_origin(case)
    refusals = {
        400: head("X : y"), 403: head("Content-Length: 1") + b"x", 413: head(start="GET /" + "u" * 8192 + " HTTP/1.1"),
        417: head("Expect: a-pony"), 431: head(*["X: y"] * 130), 501: head("Transfer-Encoding: gzip, chunked"),
        505: head(start="GET / HTTP/2.0"),
    }
    refusals["400 of the path"] = head(start="GET /%00 HTTP/1.1")
    for status, request in refusals.items():
        for apart in (False, True):
            with client.Connection(node.http) as connection:
                connection.send(request if apart else request + SMUGGLED)
                answer = connection.read()
                equal(answer.status, int(str(status)[:3]), f"{status}")
                if apart:
                    try:
                        connection.send(SMUGGLED)
                    except (BrokenPipeError, ConnectionResetError):
                        pass
                assert connection.at_end(), f"{status}: the connection stays open, or more was said"
    equal(origin.total, 0, "requests at the origin")


BAD_ANSWERS = {
    "both_framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both_framings_reversed": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two_lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "the_same_length_twice": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a_list_of_lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    "a_signed_length": b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "another_coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked_in_1_0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare_line_feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "a_bare_line_feed": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a\n\r\n",
    "a_folded_line": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a\r\n b\r\n\r\n",
    "a_blank_before_the_colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "a_null": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \0\r\n\r\n",
    "204_with_length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "204_with_chunks": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "204_with_bytes": b"HTTP/1.1 204 No Content\r\n\r\nhello",
    "304_with_bytes": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello",
    "more_than_its_length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: max-age=60\r\n\r\nhello and more",
    "more_than_its_chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nand more",
    "a_second_answer": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" * 2,
    "interim_with_length": b"HTTP/1.1 103 E\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a_storm_of_interims": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000 +
                           b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "interims_without_end": b"HTTP/1.1 100 Continue\r\n\r\n" * 5000,
    "not_http": b"SSH-2.0-OpenSSH\r\n\r\n",
    "a_bad_chunk_size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a_chunk_of_bare_line_feeds": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "a_chunk_that_is_longer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
}


def failed_or_cut(node, path):
    """The status and body of a failed answer; None where the connection was cut within the body."""
    try:
        answer = node.get(path)
        return answer.status, answer.result()
    except (client.Broken, ConnectionResetError):
        return None


@needs("hedgerow")
def test_rob_S11_an_origins_ambiguous_answer(case):
    """S11: two framings or lengths, bodies where none may be, more bytes than were said, storms of 1xx, bare line feeds: 502
    (or, where the head was already passed on, a cut connection), nothing kept, the connection never used again."""
    good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok"
    origin, node = node_with_answers(case, {**{f"/{name}": [data] for name, data in BAD_ANSWERS.items()}, "*": [good]})
    for name in BAD_ANSWERS:
        for _ in range(2):
            seen = failed_or_cut(node, f"/{name}")
            equal(seen, (502, "Error"), name)
        equal(node.get(f"/good-{name}").body, b"ok", f"after {name}")
        bad = [number for number, _ in origin.seen(f"/{name}")]
        equal(len(set(bad)), 2, f"{name}: a connection for each")
        assert origin.seen(f"/good-{name}")[0][0] not in bad, f"{name}: its connection was used again"
    equal(node.status()["cache"]["objects"], 0, "objects kept")
    equal(node.counter("origin_malformed"), 2 * len(BAD_ANSWERS), "the metric")


@needs("hedgerow")
def test_rob_S11_a_body_that_ends_early(case):
    """S11: a body shorter than it said: the viewer's connection is cut before the end, nothing is kept, and the next request
    goes to the origin on another connection."""
    said = b"Cache-Control: max-age=60\r\n\r\n"
    origin, node = node_with_answers(case, {
        "/length": [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n" + said + b"x" * 70000, CLOSE],
        "/chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + said + b"11170\r\n" + b"x" * 70000, CLOSE],
        "/last-chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + said + b"11170\r\n" + b"x" * 70000 + b"\r\n",
                        CLOSE],
        "/last-line": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + said + b"1\r\nx\r\n0\r\n", CLOSE],
        "/head": [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", CLOSE],
        "/nothing": [CLOSE],
    })
    for path in origin.answers:
        for count in (1, 2):
            seen = failed_or_cut(node, path)
            assert seen in ((502, "Error"), None), f"{path}: {seen}"
            equal(len({number for number, _ in origin.seen(path)}) >= count, True, f"{path}: asked anew")
    equal(node.status()["cache"]["objects"], 0, "objects kept")


@needs("hedgerow")
def test_rob_S6_one_byte_chunks(case):
    """S6: an origin's MiB in chunks of one byte is served, and again out of the cache; chunks that are nearly all framing
    are not."""
    told = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n"
    body = bodies.body(1 << 20, "s6")
    ones = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    zeros = b"000000000000000001;%b\r\nx\r\n" % (b"y" * 20)
    _, node = node_with_answers(case, {"/ones": [told + ones], "/zeros": [told + zeros[2:] * 5000 + b"0\r\n\r\n", CLOSE]})
    for result in ("Miss", "Hit"):
        answer = node.get("/ones")
        equal((answer.body == body, answer.result()), (True, result), "the body")
    seen = failed_or_cut(node, "/zeros")
    assert seen in ((502, "Error"), None), seen
    equal(node.counter("origin_malformed"), 1, "answers refused")


@needs("hedgerow")
def test_rob_S7_trailers_are_dropped(case):
    """S7: what stands behind the last chunk never becomes a header, of the first answer or of a kept one; chunk extensions
    (S5) are not passed on."""
    told = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\nTrailer: X-T\r\n\r\n"
    trailers = ("Content-Length: 5", "Transfer-Encoding: identity", "Host: evil", "Authorization: Basic eA==",
                "Set-Cookie: a=b", "Cache-Control: no-store", "Location: /", "X-T: planted", "Vary: *", "Age: 7")
    _, node = node_with_answers(case, {
        "/t": [told + b"5;planted=\"x\"\r\nhello\r\n0;planted\r\n" + "\r\n".join(trailers).encode() + b"\r\n\r\n"]})
    for result in ("Miss", "Hit"):
        answer = node.get("/t")
        equal((answer.status, answer.body, answer.result()), (200, b"hello", result), "the answer")
        text = repr(answer.headers)
        assert "planted" not in text and "evil" not in text and "a=b" not in text, text
        equal([answer.get(name) for name in ("Set-Cookie", "Location", "Vary", "Trailer", "Authorization", "Host")],
              [None] * 6, "fields of the trailer")
        equal(answer.get("Cache-Control"), "max-age=60", "the header's own")


@needs("hedgerow")
def test_rob_S13_an_origin_sees_no_raw_bytes(case):
    """S13: what reaches the origin is written anew: one blank where the viewer had many, no empty line before it, the
    target in normal form, only fields of the parsed request; of a shared fetch none that speaks of the viewer alone."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    origin, node = node_with_answers(case, {"*": [ok]})
    raw = (b"\r\nGET http://A.example:80/a/./b/../%63%7e?q HTTP/1.9\r\nhOsT:a.EXAMPLE\r\nx-Own: \t v  w \t\r\nX-Empty:\r\n"
           b"Content-Length:0\r\nConnection:x-hop ,keep-alive\r\nX-Hop: planted\r\n")
    for own in (b"", b"Authorization:Basic eA==\r\n"):
        with client.Connection(node.http) as connection:
            connection.send(raw + own + b"\r\n")
            equal(connection.read().status, 200, "the answer")
    shared, personal = (seen for _, seen in origin.heads)
    for seen in (shared, personal):
        assert seen.startswith(b"GET /a/c~?q HTTP/1.1\r\nHost: 127.0.0.1:"), seen
        assert b"planted" not in seen and b"A.example" not in seen and b"a.EXAMPLE" not in seen, seen
        names = [line.split(b":")[0].lower() for line in seen.split(b"\r\n")[1:-2]]
        assert len(set(names)) == len(names) and b"content-length" not in names, names
    for seen in (shared, personal):
        assert b"\r\nx-Own: v  w\r\n" in seen and b"\r\nX-Empty: \r\n" in seen, seen
    assert b"\r\nAuthorization: Basic eA==\r\n" in personal, personal
    assert b"uthorization" not in shared and b"ookie" not in shared, shared


@needs("hedgerow")
def test_feat_V1_keep_alive_and_pipelining(case):
    """V1: many requests on one connection, one after the other, all at once, and cut at every byte: all answered, in order;
    with chunks for a body of unknown length; HTTP/1.0 keeps a connection only where it asks to, and gets no chunks."""
    origin, node = node_with_origin(case)
    many = [(f"/bytes/{100 * n}?seed={n}&cc=max-age=60" + "&chunked=1" * (n % 2)) for n in range(20)]
    asked = b"".join(client.request_bytes(node.http, target) for target in many)
    for piece in (len(asked), 1000, 1):
        with client.Connection(node.http) as connection:
            for at in range(0, len(asked), piece):
                connection.send(asked[at:at + piece])
            for n, target in enumerate(many):
                equal(connection.read().body, bodies.body(100 * n, str(n)), f"{target} in parts of {piece}")
    equal(origin.total, len(many), "requests at the origin")
    for fields, keeps in ((b"", False), (b"Connection: keep-alive\r\n", True), (b"Connection: close\r\n", False),
                          (b"Connection: keep-alive, close\r\n", False)):
        with client.Connection(node.http) as connection:
            connection.send(b"GET /bytes/10?seed=old HTTP/1.0\r\n" + fields + b"\r\n")
            answer = connection.read()
            equal((answer.status, answer.body), (200, bodies.body(10, "old")), f"HTTP/1.0 {fields}")
            equal(answer.get("Connection"), "keep-alive" if keeps else "close", f"HTTP/1.0 {fields}")
            if keeps:
                equal(connection.request("/bytes/10?seed=old").status, 200, "a second one")
            else:
                assert connection.at_end(), f"HTTP/1.0 {fields}: the connection stays open"
    with client.Connection(node.http) as connection:
        connection.send(b"GET /bytes/200000?seed=older&chunked=1&cc=no-store HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = connection.read()
        equal((answer.get("Transfer-Encoding"), answer.body == bodies.body(200000, "older")), (None, True), "no chunks")


@needs("hedgerow")
def test_feat_V1_origins_of_http_1_0(case):
    """An origin that speaks HTTP/1.0: its connection is used again only where it says keep-alive; a body without a length
    ends with the connection."""
    lines = "Content-Length: 2\r\nCache-Control: no-store\r\n"
    origin, node = node_with_answers(case, {
        "/plain": [f"HTTP/1.0 200 OK\r\n{lines}\r\nok".encode()],
        "/kept": [f"HTTP/1.0 200 OK\r\n{lines}Connection: keep-alive\r\n\r\nok".encode()],
        "/until-close": [b"HTTP/1.0 200 OK\r\nCache-Control: no-store\r\n\r\nok", CLOSE],
    })
    for path, connections in (("/plain", 3), ("/until-close", 3), ("/kept", 1)):
        for _ in range(3):
            answer = node.get(path)
            equal((answer.status, answer.body), (200, b"ok"), path)
        equal(len({number for number, _ in origin.seen(path)}), connections, f"connections for {path}")


@needs("hedgerow", release=True, alone=True)
def test_feat_V1_ten_thousand_idle_viewers(case):
    """V1: 10,000 kept connections between requests cost less than 100 MiB, and another one is served beside them."""
    count = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * count:
        count = hard // 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        _, node = node_with_origin(case, flags=["--viewers-per-address", "20000"])
        node.get("/bytes/100?seed=warm&cc=max-age=60")

        before = node.memory_bytes()
        viewers = [socket.create_connection(node.http, 30) for _ in range(count)]
        asked = client.request_bytes(node.http, "/bytes/100?seed=warm&cc=max-age=60")
        for viewer in viewers:
            viewer.sendall(asked)
        for viewer in viewers:
            assert b"X-Cache: Hit " in viewer.recv(4096), "each is served once"
        grown = node.memory_bytes() - before
        equal(node.get("/bytes/100?seed=warm&cc=max-age=60").status, 200, "one more")
        for viewer in viewers:
            viewer.close()
        assert grown < 100 * (1 << 20) * count / 10000, f"{grown} bytes for {count} viewers"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

"""Bodies that viewers send in chunks (ROBUSTNESS S4 to S7, seen from the viewer's side): the origin gets them framed
anew and whole, or their connection ends before they do, wherever the network cuts what the viewer sends."""
import time
import zlib

import bodies
import client
from harness import equal, needs
from scripted import Script, head_of

HEAD = b"POST /bytes/10?seed=up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /bytes/10?seed=smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

# S4, S7: each is refused where it stands, whatever follows.
MALFORMED = {
    "a plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "a minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "an underscore": b"1_0\r\n0123456789abcdef\r\n0\r\n\r\n",
    "a blank before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "a blank behind the size": b"5 \r\nhello\r\n0\r\n\r\n",
    "a tab behind the size": b"5\t\r\nhello\r\n0\r\n\r\n",
    "a blank before the extension": b"5 ;a\r\nhello\r\n0\r\n\r\n",
    "not a digit": b"g\r\nhello\r\n0\r\n\r\n",
    "a null": b"5\x00\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "17 digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size beyond all": b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "a size that wraps to 5": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "LF behind the size": b"5\nhello\r\n0\r\n\r\n",
    "CR behind the size": b"5\rhello\r\n0\r\n\r\n",
    "LF in an extension": b"5;a\nhello\r\n0\r\n\r\n",
    "CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "LF in a quoted extension": b"5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
    "a null in an extension": b"5;\x00\r\nhello\r\n0\r\n\r\n",
    "LF behind the data": b"5\r\nhello\n0\r\n\r\n",
    "CR behind the data": b"5\r\nhello\r0\r\n\r\n",
    "nothing behind the data": b"5\r\nhello0\r\n\r\n",
    "more data than said": b"5\r\nhello!\r\n0\r\n\r\n",
    "less data than said": b"6\r\nhello\r\n0\r\n\r\n",
    "LF behind the last size": b"0\n\r\n",
    "LF at the end": b"0\r\n\n",
    "CR at the end": b"0\r\n\rX\r\n",
    "LF in a trailer": b"0\r\nA: b\n\r\n",
    "CR in a trailer": b"0\r\nA: b\rc\r\n\r\n",
    "a folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "a request for a trailer": b"0\r\nGET /bytes/10?seed=smuggled HTTP/1.1\r\n\r\n",
}

# Fine, and all of S5 and S7.
EXTENDED = b"5;a=b;c=\"0\\\"\"\r\nhello\r\n000006\r\n world\r\n0;last\r\nX-T: a\r\n\r\n"


def said(node, *parts):
    """The answer to a request that is sent in these parts, one by one, and whether the connection ends behind a
    refusal."""
    with client.Connection(node.http) as connection:
        try:
            for number, part in enumerate(parts):
                if number:
                    time.sleep(0.001)       # so that they arrive one by one, too
                connection.send(part)
        except (BrokenPipeError, ConnectionResetError):
            pass                            # refused before all of it was sent
        status = connection.read("POST").status
        return status, status != 200 and connection.at_end()


def wire_of(node, body):
    """What the origin gets of an upload with this body, and what the viewer gets."""
    seen = []

    def act(connection, reader):
        seen.append(head_of(reader)[1])
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            more = reader.read1(65536)
            if not more:
                break
            data += more
        seen.append(data)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    origin = Script(act)
    answer = said(node(origin.url), HEAD + body)[0]
    origin.end()
    return (*seen, answer)


@needs("hedgerow")
def test_rob_S4_chunks_that_are_none(case):
    """S4: sizes, line ends and trailers that two readers read differently, whole and cut at each byte: 400 and the end;
    the origin never gets a whole body, and what stands behind is not executed."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    for what, body in MALFORMED.items():
        equal(said(node, HEAD + body + NEXT), (400, True), what)
        for at in range(1, len(body)):
            equal(said(node, HEAD + body[:at], body[at:] + NEXT), (400, True), f"{what}, cut at {at}")
    equal(origin.total, 0, "whole requests at the origin")
    equal(node.get("/bytes/10?seed=then").status, 200, "a well-formed request afterwards")


@needs("hedgerow")
def test_rob_S4_rob_S5_chunks_that_are_fine_wherever_they_are_cut(case):
    """S4, S5: a body with extensions, leading zeros and a trailer arrives whole, and the request behind it is answered,
    cut at each byte into two, and sent a byte at a time."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    whole = HEAD + EXTENDED + NEXT
    cuts = [[whole], [whole[i:i + 1] for i in range(len(whole))]]
    cuts += [[whole[:at], whole[at:]] for at in range(1, len(whole))]
    for parts in cuts:
        with client.Connection(node.http) as connection:
            for part in parts:
                connection.send(part)
                time.sleep(0.0005)
            equal([connection.read("POST").status, connection.read().body], [200, bodies.body(10, "smuggled")],
                  f"cut behind {parts[0]}")
    posts = [r for r in origin.requests if r.method == "POST"]
    equal({(r.body.length, r.body.crc) for r in posts}, {(11, zlib.crc32(b"hello world"))}, "bodies at the origin")
    equal((len(posts), origin.count("/bytes/10?seed=smuggled")), (len(cuts), 1), "requests at the origin")


@needs("hedgerow")
def test_rob_S5_rob_S7_nothing_beside_the_data_goes_on(case):
    """S5, S7: an upload's chunk extensions and trailers, whatever they name, reach the origin neither in its body nor
    as fields of its head."""
    trailers = (b"Content-Length: 5", b"Transfer-Encoding: identity", b"Host: planted", b"Authorization: planted",
                b"X-T: planted")
    body = b"5;planted=\"x\"\r\nhello\r\n0;planted\r\n" + b"\r\n".join(trailers) + b"\r\n\r\n"
    fields, data, status = wire_of(lambda url: case.node("fra-1", url), body)
    equal((status, data), (200, b"5\r\nhello\r\n0\r\n\r\n"), "the answer, and the body on the wire")
    assert "planted" not in str(fields), fields
    equal((fields.get("transfer-encoding"), fields.get("content-length"), fields.get("authorization"),
           fields.get("x-t")),
          ("chunked", None, None, None), "the head at the origin")


@needs("hedgerow")
def test_rob_S5_extensions_have_an_end(case):
    """S5: 256 B of extension in one chunk and 4 KiB in one body pass; one more is 400 and the end."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    for length, status in ((256, 200), (257, 400)):
        equal(said(node, HEAD + b"1;" + b"x" * (length - 1) + b"\r\na\r\n0\r\n\r\n")[0], status,
              f"{length} B in one chunk")
    for last, status in ((b"0", 200), (b"0;", 400)):
        equal(said(node, HEAD + b"8;123456789abcdef\r\n01234567\r\n" * 256 + last + b"\r\n\r\n")[0], status,
              f"4 KiB and {last}")
    equal(origin.total, 2, "whole requests at the origin")


@needs("hedgerow", release=True)
def test_rob_S6_one_byte_chunks_of_a_viewer(case):
    """S6: a viewer's MiB in chunks of one byte arrives, and costs at most 20 times the CPU of a plain one; chunks that
    are nearly all framing end the connection within the first of them."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    body = bodies.body(1 << 20, "s6")
    ones = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    cost = {}
    for what, framed, times in (("plain", b"Content-Length: %d\r\n\r\n" % len(body) + body, 256),
                                ("ones", b"Transfer-Encoding: chunked\r\n\r\n" + ones, 16)):
        began = node.cpu_s()
        for _ in range(times):
            equal(said(node, b"POST /bytes/10 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + framed)[0], 200, what)
            equal(origin.requests[-1].body, (len(body), zlib.crc32(body)), f"{what} at the origin")
        cost[what] = (node.cpu_s() - began) / times
    print(f"CPU: {cost['plain'] * 1000:.2f} ms for a MiB, {cost['ones'] * 1000:.2f} ms for one in chunks of a byte")
    assert cost["ones"] <= 20 * cost["plain"], cost
    padded = b"0000000000000001\r\nx\r\n"
    with client.Connection(node.http) as connection:
        connection.send(HEAD + padded * 4096)
        equal(connection.read("POST").status, 400, "chunks of mostly zeros")
        assert connection.at_end(), "chunks of mostly zeros: the connection stays open"

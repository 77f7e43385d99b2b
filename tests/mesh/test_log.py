"""The access log in each of its formats, what it says came of a request, and the fields that answers carry (FEATURES O2, O3,
O4)."""
import collections
import json
import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import client
from certificates import Authority, Connection, localhost
from harness import TIMERS, Node, at_once, equal, needs, wait_until
from scripted import CLOSE, Scripted
from test_countries import write as write_countries
from test_regions import regions

# One worker: the lines of several are each in order, not those of all.
CLOUDFRONT = ("--workers", "1", "--access-log-format", "cloudfront")
COMBINED = ("--workers", "1", "--access-log-format", "combined")

# The names of the 33, as in CloudFront's developer guide, "Standard log file fields".
FIELDS = ("date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
          "cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken "
          "x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
          "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
          "sc-range-start sc-range-end").split(" ")
VALUE = re.compile(r"[!$&()*+,\-./0-9:;=?@A-Z_a-z]|%[0-9A-F]{2}")     # what no value has to be encoded for
COUNTER_OF = {"Hit": "hit", "Redirect": "hit", "RefreshHit": "refresh", "StaleHit": "stale", "PeerHit": "peer",
              "Miss": "origin", "Error": "error", "LimitExceeded": "error", "CapacityExceeded": "error"}


def path_of(node):
    return os.path.join(node.data, "access.log")


def text_of(path):
    with open(path, "rb") as file:
        return file.read()


def read_cloudfront(data):
    """The lines of one file as {name: value as written}; everything about its form is checked."""
    lines = data.decode("ascii").split("\n")
    equal(lines[-1], "", "the end of the last line")
    equal(lines[:2], ["#Version: 1.0", "#Fields: " + " ".join(FIELDS)], "the file's first two lines")
    records = []
    for line in lines[2:-1]:
        values = line.split("\t")
        equal(len(values), 33, f"values of {line!r}")
        for value in values:
            assert value and VALUE.sub("", value) == "", f"{value!r} in {line!r}"
        records.append(dict(zip(FIELDS, values)))
    return records


def wait_lines(node, count, heading=0):
    wait_until(lambda: os.path.exists(path_of(node)) and text_of(path_of(node)).count(b"\n") >= count + heading,
               lambda: f"{count} lines: {text_of(path_of(node))[-2000:]!r}")
    return text_of(path_of(node))


def wait_cloudfront(node, count):
    records = read_cloudfront(wait_lines(node, count, 2))
    equal(len(records), count, "lines")
    return records


def counted(records):
    """What /status is to say, by CloudFront's lines alone."""
    left = [record["x-edge-detailed-result-type"] == "ClientCommError" for record in records]
    kinds = [record["x-edge-response-result-type" if gone else "x-edge-result-type"]
             for record, gone in zip(records, left)]
    return collections.Counter(COUNTER_OF[kind] for kind in kinds)


def check_counted(node, records):
    said = node.wait_status(lambda s: s["requests"]["total"] >= len(records), "all are counted")["requests"]
    equal(said.pop("total"), len(records), "requests")
    equal({kind: n for kind, n in said.items() if n}, dict(counted(records)), "what /status and the log say")


GOACCESS_MAX = 4095     # it reads no more of a line


def goaccess(log, kind, *flags):
    """How many lines goaccess reads of a log's that are not too long for it: all of them, or this fails."""
    path, out, bad = (log + end for end in (".short", ".json", ".bad"))
    lines = [line for line in text_of(log).splitlines(keepends=True) if len(line) < GOACCESS_MAX]
    with open(path, "wb") as file:
        file.writelines(lines)
    subprocess.run(["goaccess", path, f"--log-format={kind}", "--no-global-config", f"--invalid-requests={bad}", "-o", out,
                    *flags], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=60)
    with open(out, encoding="utf-8") as file:
        said = json.load(file)["general"]
    equal(text_of(bad) if os.path.exists(bad) else b"", b"", "lines that goaccess rejects")
    equal((said["valid_requests"], said["failed_requests"]), (len([line for line in lines if line[:1] != b"#"]), 0),
          "lines that goaccess reads, and rejects")
    return said["valid_requests"]


def ask_raw(node, request, method="GET"):
    """The answer to these very bytes, and how many bytes it had."""
    with socket.create_connection(node.http, 30) as viewer:
        viewer.sendall(request)
        parser, count = client.ResponseParser(method), 0
        while not parser.done:
            data = viewer.recv(65536)
            if not data:
                parser.closed()
                break
            count += len(data)
            parser.feed(data)
        return parser.answer, count


# Targets and fields as hostile as a request may have them.
HOSTILE = (
    ("/bytes/10?seed=%09%0a%0d%00", b"tab\there", b"quote\"back\\slash"),
    ("/bytes/10?seed='<>`{}|\\^[]~", b"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xb3", b"\xff\xfe"),
    ("/bytes/10?seed=\"}\\%22", b"-", b"a\" 200 1 \"-\" \"b"),
    ("/bytes/10?seed=?&=;,%2520%", b"#Fields: date", b"%0A%09"),
    ("/bytes/10?seed=" + "x" * 8100, b"https://example.org/" + b"y" * 4000, b"z" * 2000),
    ("/bytes/10", b"", b" "),
)


def hostile_requests(node):
    """Asks all of HOSTILE; returns what is to be found in the log: (bytes of target, referer, agent, request, answer, id)."""
    asked = []
    for target, referer, agent in HOSTILE:
        request = (b"GET " + target.encode() + b" HTTP/1.1\r\nHost: ex-ample.com:8080\r\nReferer: " + referer +
                   b"\r\nUser-Agent: " + agent + b"\r\nCookie: a=\"b\"; c=d\r\nX-Forwarded-For: 198.51.100.7\r\n"
                   b"Connection: close\r\n\r\n")
        answer, count = ask_raw(node, request)
        equal(answer.status in (200, 400), True, f"{answer.status} to {target[:40]}")
        asked.append((target.encode(), referer.strip(), agent.strip(), len(request), count, answer))
    return asked


def raw(value):
    return b"" if value == "-" else urllib.parse.unquote_to_bytes(value)


@needs("hedgerow")
def test_feat_O2_cloudfronts_33_fields(case):
    """O2: whatever a viewer writes, its line has the 33 fields in their order, encoded so that a reader gets the very bytes
    back; the bytes both ways are all bytes; goaccess takes each line."""
    node = case.node("fra-1", case.origin().url, flags=(*CLOUDFRONT, "--access-log-cookies"))
    asked = hostile_requests(node)
    records = wait_cloudfront(node, len(asked))
    for record, (target, referer, agent, request, count, answer) in zip(records, asked):
        stem, _, query = target.partition(b"?")
        equal((raw(record["cs-uri-stem"]), raw(record["cs-uri-query"])), (stem, query), "the URL")
        equal((raw(record["cs(Referer)"]), raw(record["cs(User-Agent)"])),
              (b"" if referer == b"-" else referer, agent), "what the viewer says of itself")
        equal(raw(record["cs(Cookie)"]), b'a="b"; c=d', "the cookie")
        equal((int(record["sc-bytes"]), int(record["cs-bytes"])), (count, request), "all bytes of answer and request")
        equal((record["x-edge-request-id"], record["x-edge-location"]),
              (answer.get("X-Request-Id"), answer.get("X-Hedgerow-Pop")), "as the answer says")
        equal((record["sc-status"], record["sc-content-len"]), (str(answer.status), answer.get("Content-Length")), "status")
        equal(raw(record["sc-content-type"]).decode(), answer.get("Content-Type") or "", "the type")
        equal((record["c-ip"], record["cs-method"], record["cs(Host)"], record["x-host-header"], record["cs-protocol"],
               record["x-forwarded-for"], record["cs-protocol-version"]),
              ("127.0.0.1", "GET", "ex-ample.com", "ex-ample.com:8080", "http", "198.51.100.7", "HTTP/1.1"), "the rest")
        assert 0 < int(record["c-port"]) < 65536, record
        assert 0 <= float(record["time-to-first-byte"]) <= float(record["time-taken"]) < 60, record
        moment = time.mktime(time.strptime(f"{record['date']} {record['time']}", "%Y-%m-%d %H:%M:%S"))
        assert abs(moment - time.mktime(time.gmtime())) < 120, record
        for absent in ("ssl-protocol", "ssl-cipher", "fle-status", "fle-encrypted-fields", "sc-range-start"):
            equal(record[absent], "-", absent)
    check_counted(node, records)
    equal(goaccess(path_of(node), "CLOUDFRONT"), len(asked) - 1, "lines that goaccess reads: one is too long for it")


@needs("hedgerow")
def test_feat_O2_ranges_bodies_and_cookies(case):
    """O2: a range's bounds, a body's bytes, an answer to HEAD; a cookie is left out unless it is asked for."""
    node = case.node("fra-1", case.origin().url, flags=CLOUDFRONT)
    target = "/bytes/1000?cc=max-age=60"
    node.get(target, headers=[("Cookie", "secret=1")])
    equal(node.get(target, headers=[("Range", "bytes=10-19")]).status, 206, "a range")
    node.get(target, method="HEAD")
    body = (b"POST /bytes/7 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            b"5\r\nhello\r\n0\r\n\r\n")
    ask_raw(node, body, "POST")
    whole, part, head, post = wait_cloudfront(node, 4)
    assert b"secret" not in text_of(path_of(node)), "the cookie is in the log"
    equal((whole["cs(Cookie)"], whole["sc-range-start"], whole["sc-content-len"]), ("-", "-", "1000"), "the whole")
    equal((part["sc-status"], part["sc-range-start"], part["sc-range-end"], part["sc-content-len"]),
          ("206", "10", "19", "10"), "the range")
    equal((head["cs-method"], head["sc-content-len"]), ("HEAD", "1000"), "HEAD")
    assert int(head["sc-bytes"]) < 1000 < int(whole["sc-bytes"]), "bytes"
    equal((post["cs-method"], int(post["cs-bytes"])), ("POST", len(body)), "POST")


@needs("hedgerow")
def test_feat_O2_the_combined_format(case):
    """O2: Apache's format, which goaccess reads line for line; what a viewer writes ends no value."""
    node = case.node("fra-1", case.origin().url, flags=COMBINED)
    asked = hostile_requests(node)
    lines = wait_lines(node, len(asked)).decode("ascii").splitlines()
    equal(len(lines), len(asked), "lines")
    quoted = r'"((?:[^"\\]|\\x[0-9a-f]{2}|\\["\\])*)"'
    form = re.compile(r"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] " + quoted +
                      r" (\d{3}) (\d+|-) " + quoted + " " + quoted)
    for line, (target, referer, agent, _, _, answer) in zip(lines, asked):
        got = form.fullmatch(line)
        assert got, line
        request, status, size, from_where, who = got.groups()
        equal(unescape(request), b"GET " + target + b" HTTP/1.1", "the request line")
        equal((status, "0" if size == "-" else size), (str(answer.status), str(len(answer.body))), "status and bytes")
        equal((unescape(from_where), unescape(who)), (referer or b"-", agent or b"-"), "what the viewer says of itself")
    equal(node.status()["requests"]["total"], len(lines), "requests")
    equal(goaccess(path_of(node), "COMBINED"), len(asked) - 1, "lines that goaccess reads: one is too long for it")


def unescape(text):
    return re.sub(r"\\(x[0-9a-f]{2}|.)", lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" else m[1], text).encode("latin-1")


def rotate_under_load(case, flags, heading):
    """Requests without a pause while the log is moved away five times; returns all files' lines without their headings."""
    node = case.node("fra-1", case.origin().url, flags=flags)
    over, asked, lock, ids = threading.Event(), [0], threading.Lock(), set()

    def load(number):
        with client.Connection(node.http) as connection:
            mine, count = set(), 0
            while not over.is_set() or count < 200:
                mine.add(connection.request(f"/bytes/100?seed={count % 5}&cc=max-age=600").get("X-Request-Id"))
                count += 1
        with lock:
            ids.update(mine)
            asked[0] += count

    def rotate():
        for turn in range(5):
            time.sleep(0.2)
            os.rename(path_of(node), f"{path_of(node)}.{turn}")
            node.signal(signal.SIGUSR1)
            wait_until(lambda: os.path.exists(path_of(node)), "the new file")
        over.set()
    at_once(5, lambda number: rotate() if number == 4 else load(number))

    def lines():
        found = []
        for name in [path_of(node), *(f"{path_of(node)}.{turn}" for turn in range(5))]:
            data = text_of(name).decode("ascii").split("\n")
            equal([line for line in data if line.startswith("#")], data[:heading], f"headings of {name}")
            found += data[heading:-1]
            equal(data[-1], "", f"the last line of {name}")
        return found
    wait_until(lambda: len(lines()) >= asked[0], lambda: f"{len(lines())} of {asked[0]} lines")
    node.ask_to_end()
    node.wait_exit()
    equal((len(lines()), len(ids)), (asked[0], asked[0]), "lines of all files, and ids of requests")
    return lines(), ids


@needs("hedgerow")
def test_feat_O2_no_line_is_lost_by_rotation_json(case):
    """O2: SIGUSR1 under load, five times: each request has one line in one of the files."""
    lines, ids = rotate_under_load(case, ("--workers", "2"), 0)
    equal({json.loads(line)["request_id"] for line in lines}, ids, "ids")


@needs("hedgerow")
def test_feat_O2_no_line_is_lost_by_rotation_cloudfront(case):
    """O2: the same in CloudFront's format, where each file begins with its two lines."""
    lines, ids = rotate_under_load(case, ("--workers", "2", *CLOUDFRONT[2:]), 2)
    equal({line.split("\t")[14] for line in lines}, ids, "ids")
    equal({line.count("\t") for line in lines}, {32}, "tabs")


@needs("hedgerow")
def test_feat_O2_no_line_is_lost_by_rotation_combined(case):
    """O2: the same in the combined format."""
    lines, _ = rotate_under_load(case, ("--workers", "2", *COMBINED[2:]), 0)
    equal({line.split(" ")[8] for line in lines}, {"200"}, "statuses")


@needs("hedgerow")
def test_feat_O2_a_file_goes_on_where_it_was(case):
    """O2: a node that starts again appends to its file, whose heading stands there once."""
    origin, file = case.origin(), case.admit("fra-1")
    node = case.node("fra-1", origin.url, node_file=file, flags=CLOUDFRONT)
    node.get("/bytes/1")
    node.ask_to_end()
    node.wait_exit()
    again = case.node("fra-1", origin.url, node_file=file, flags=CLOUDFRONT, data=node.data)
    again.get("/bytes/1")
    wait_cloudfront(again, 2)


# ---- what came of a request ----

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nCache-Control: max-age=60\r\n\r\n"


def classes(record):
    return (record["sc-status"], record["x-edge-result-type"], record["x-edge-response-result-type"],
            record["x-edge-detailed-result-type"])


def failed(case, origin_url, status, detail, kind="Error", said=None, **options):
    """A node whose origin is at fault: GET / comes to |status|, and the log says |detail|."""
    node = case.node("fra-1", origin_url, flags=CLOUDFRONT, timers=TIMERS["origin"], **options)
    answer = node.get("/")
    equal((answer.status, answer.result()), (status, "Error"), "the answer")
    equal(classes(wait_cloudfront(node, 1)[0]), (str(status), kind, said or kind, detail), "the line")
    check_counted(node, wait_cloudfront(node, 1))


@needs("hedgerow")
def test_feat_O3_hit_miss_refresh_and_stale(case):
    """O3: Miss, Hit, RefreshHit (it still holds), StaleHit (the origin fails, and it may be served for longer)."""
    origin = case.origin()
    node = case.node("fra-1", origin.url, flags=CLOUDFRONT)
    for kind, target in (("RefreshHit", "/bytes/10?cc=max-age=3&etag=\"x\""),
                         ("StaleHit", "/bytes/10?cc=max-age=3,stale-if-error=600")):
        want = ["Miss", "Hit", kind]
        for word in want[:2]:
            equal(node.get(target).result(), word, "X-Cache")
        time.sleep(3.2)
        if kind == "StaleHit":
            origin.close()
        equal(node.get(target).result(), kind, "X-Cache")
        records = [record for record in wait_cloudfront(node, 3 if kind == "RefreshHit" else 6)][-3:]
        equal([classes(record) for record in records], [("200", word, word, word) for word in want], "lines")
    check_counted(node, wait_cloudfront(node, 6))


@needs("hedgerow")
def test_feat_O3_peer_hit_and_peer_miss(case):
    """O3: PeerMiss, another node asked the origin for this request; PeerHit, another node had it."""
    nodes = case.mesh(3, case.origin().url, flags=CLOUDFRONT)
    for i in range(20):
        nodes[0].get(f"/bytes/10?seed={i}&cc=max-age=600")
        nodes[1].get(f"/bytes/10?seed={i}&cc=max-age=600")
    first, second = wait_cloudfront(nodes[0], 20), wait_cloudfront(nodes[1], 20)
    kinds = collections.Counter(classes(record)[1:] for record in first)
    equal(sum(kinds.values()), kinds["Miss", "Miss", "Miss"] + kinds["Miss", "Miss", "PeerMiss"], f"the first's: {kinds}")
    assert kinds["Miss", "Miss", "PeerMiss"] > 0, kinds
    kinds = collections.Counter(classes(record)[1:] for record in second)
    assert kinds["PeerHit", "PeerHit", "PeerHit"] > 0, kinds
    equal(set(kinds) - {("Hit", "Hit", "Hit")}, {("PeerHit", "PeerHit", "PeerHit")}, "the second's")
    for node, records in zip(nodes, (first, second)):
        check_counted(node, records)


@needs("hedgerow")
def test_feat_O3_origin_shield_hit(case):
    """O3: OriginShieldHit, a node of the parent region had it."""
    nodes = regions(case, case.origin().url, ("eu-1", "us-1", "us-2"), flags=("--parent-region", "us", *CLOUDFRONT))
    target = "/bytes/10?cc=max-age=600"
    equal([nodes[1].get(target).result(), nodes[0].get(target).result()], ["Miss", "PeerHit"], "X-Cache")
    equal(classes(wait_cloudfront(nodes[0], 1)[0]), ("200", "PeerHit", "PeerHit", "OriginShieldHit"), "the line")
    check_counted(nodes[0], wait_cloudfront(nodes[0], 1))


@needs("hedgerow")
def test_feat_O3_limit_exceeded(case):
    """O3: LimitExceeded, the origin has as many requests as it may have."""
    origin = case.origin()
    node = case.node("fra-1", origin.url, flags=(*CLOUDFRONT, "--origin-connections", "1"))
    at_once(4, lambda i: node.get(f"/bytes/10?seed={i}&delay_ms=2500"))
    records = wait_cloudfront(node, 4)
    limited = [record for record in records if record["sc-status"] == "503"]
    assert limited, [classes(record) for record in records]
    equal({classes(record) for record in limited}, {("503", "LimitExceeded", "LimitExceeded", "LimitExceeded")}, "lines")
    check_counted(node, records)


@needs("hedgerow")
def test_feat_O3_capacity_exceeded(case):
    """O3: CapacityExceeded, the node has no descriptor left for a connection to the origin."""
    node = case.node("fra-1", case.origin().url, flags=CLOUDFRONT)
    with client.Connection(node.http) as connection:
        equal(connection.request("/bytes/1").status, 200, "while there are some")
        connection.request("/bytes/1?close=1")
        taken = {int(name) for name in os.listdir(f"/proc/{node.process.pid}/fd")}
        least = next(number for number in range(10000) if number not in taken)
        soft, hard = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (least, hard))
        for _ in range(20):
            answer = connection.request("/bytes/2?cc=no-store&close=1")     # an idle one to the origin may be left
            if answer.status != 200:
                break
        equal((answer.status, answer.result()), (503, "Error"), "the answer")
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: b"Exceeded" in text_of(path_of(node)), "its line")
    records = read_cloudfront(text_of(path_of(node)))
    equal(classes(records[-1]), ("503", "CapacityExceeded", "CapacityExceeded", "CapacityExceeded"), "the line")
    check_counted(node, records)


@needs("hedgerow")
def test_feat_O3_origin_connect_error(case):
    """O3: OriginConnectError, nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    failed(case, f"http://127.0.0.1:{port}", 502, "OriginConnectError")


@needs("hedgerow")
def test_feat_O3_origin_dns_error(case):
    """O3: OriginDnsError, its name is nobody's."""
    failed(case, "http://origin.invalid", 502, "OriginDnsError")


@needs("hedgerow")
def test_feat_O3_origin_comm_error(case):
    """O3: OriginCommError, it says nothing for too long."""
    failed(case, Scripted({"*": [b""]}).url, 504, "OriginCommError")


@needs("hedgerow")
def test_feat_O3_origin_read_error(case):
    """O3: OriginReadError, it closes without an answer."""
    failed(case, Scripted({"*": [CLOSE]}).url, 502, "OriginReadError")


@needs("hedgerow")
def test_feat_O3_origin_invalid_response_error(case):
    """O3: OriginInvalidResponseError, what it says is not HTTP."""
    failed(case, Scripted({"*": [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", CLOSE]}).url, 502,
           "OriginInvalidResponseError")


@needs("hedgerow")
def test_feat_O3_origin_header_too_big_error(case):
    """O3: OriginHeaderTooBigError, its head has no end."""
    failed(case, Scripted({"*": [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100000 + b"\r\n\r\n", CLOSE]}).url, 502,
           "OriginHeaderTooBigError")


@needs("hedgerow")
def test_feat_O3_origin_write_error(case):
    """O3: OriginWriteError, it takes nothing of a body for too long."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        node = case.node("fra-1", "http://127.0.0.1:{}".format(deaf.getsockname()[1]), flags=CLOUDFRONT,
                         timers=TIMERS["origin"])
        with socket.create_connection(node.http, 30) as viewer:
            viewer.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
            viewer.settimeout(0.5)
            try:
                for _ in range(1000):
                    viewer.sendall(b"x" * 65536)
            except OSError:
                pass
            viewer.settimeout(20)
            got = viewer.recv(65536)
    assert got.startswith(b"HTTP/1.1 504 "), got
    equal(classes(wait_cloudfront(node, 1)[0]), ("504", "Error", "Error", "OriginWriteError"), "the line")


@needs("hedgerow")
def test_feat_O3_aborted_origin(case):
    """O3: AbortedOrigin, it closes in mid-body: the answer began as a Miss."""
    node = case.node("fra-1", Scripted({"*": [HEAD + b"x" * 1000, CLOSE]}).url, flags=CLOUDFRONT)
    try:
        node.get("/")
        raise AssertionError("the body is whole")
    except (client.Broken, OSError):
        pass
    records = wait_cloudfront(node, 1)
    equal(classes(records[0]), ("200", "Error", "Miss", "AbortedOrigin"), "the line")
    check_counted(node, records)


@needs("hedgerow")
def test_feat_O3_origin_error(case):
    """O3: OriginError, it failed at another node, which does not say how."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url, flags=CLOUDFRONT)
    origin.close()
    for i in range(12):
        equal(nodes[0].get(f"/bytes/10?seed={i}").status, 502, "the answer")
    kinds = collections.Counter(classes(record) for record in wait_cloudfront(nodes[0], 12))
    equal(set(kinds), {("502", "Error", "Error", "OriginError"), ("502", "Error", "Error", "OriginConnectError")}, "lines")


@needs("hedgerow")
def test_feat_O3_invalid_requests(case):
    """O3: InvalidRequest, InvalidRequestMethod, InvalidRequestHeader, InvalidRequestBlocked: each by its request."""
    node = case.node("fra-1", case.origin().url, flags=(*CLOUDFRONT, "--methods", "get", "--purge-from", "192.0.2.1"))
    asked = (
        (b"GET / HTTP/1.x\r\nHost: a\r\n\r\n", "400", "InvalidRequest"),
        (b"nonsense\r\n\r\n", "400", "InvalidRequest"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "413", "InvalidRequest"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "403", "InvalidRequest"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "403", "InvalidRequestMethod"),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405", "InvalidRequestMethod"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", "431", "InvalidRequestHeader"),
        (b"PURGE / HTTP/1.1\r\nHost: a\r\n\r\n", "403", "InvalidRequestBlocked"),
    )
    for request, status, _ in asked:
        with client.Connection(node.http) as connection:
            connection.send(request)
            equal(connection.read().status, int(status), repr(request[:40]))
    records = wait_cloudfront(node, len(asked))
    equal([classes(record) for record in records], [(status, "Error", "Error", detail) for _, status, detail in asked], "lines")
    check_counted(node, records)


@needs("hedgerow")
def test_feat_O3_client_hung_up_request(case):
    """O3: ClientHungUpRequest, the viewer left before there was an answer; its status is 000."""
    node = case.node("fra-1", case.origin().url, flags=CLOUDFRONT)
    with socket.create_connection(node.http, 30) as viewer:
        viewer.sendall(client.request_bytes(node.http, "/bytes/10?delay_ms=3000"))
        node.wait_status(lambda s: s["requests"]["total"] == 0 and node.counter("origin_fetches") == 1, "it is under way")
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    records = wait_cloudfront(node, 1)
    equal(classes(records[0]), ("000", "Error", "Error", "ClientHungUpRequest"), "the line")
    check_counted(node, records)


@needs("hedgerow")
def test_feat_O3_client_comm_error(case):
    """O3: ClientCommError, the viewer left in mid-answer, which had begun as a Hit and counts as one."""
    node = case.node("fra-1", case.origin().url, flags=CLOUDFRONT)
    target = "/bytes/20000000?cc=max-age=600"
    equal(len(node.get(target).body), 20000000, "a first one")
    with socket.create_connection(node.http, 30) as viewer:
        viewer.sendall(client.request_bytes(node.http, target))
        assert viewer.recv(1000), "nothing"
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    records = wait_cloudfront(node, 2)
    equal(classes(records[1]), ("200", "Error", "Hit", "ClientCommError"), "the line")
    check_counted(node, records)


@needs("hedgerow")
def test_feat_O3_json_says_it_too(case):
    """O3: in JSON "detail" is there where it says more than "result"."""
    node = case.node("fra-1", Scripted({"/": [HEAD + b"x" * 100000], "*": [CLOSE]}).url)
    for path in ("/", "/", "/a"):
        node.get(path)
    lines = sorted(node.wait_access_log(3), key=lambda line: line["time"])
    equal([(line["result"], line.get("detail")) for line in lines],
          [("Miss", None), ("Hit", None), ("Error", "OriginReadError")], "lines")


# ---- who is sent elsewhere, and who is not let in ----

SITES = """node:
  listen: {{ http: "127.0.0.1:0", mesh: "127.0.0.1:0", admin: "127.0.0.1:0" }}
  name: fra-7
distributions:
  - name: films
    hosts: [ films.example, "*.films.example", localhost ]
    origins: [ {{ id: web, url: "{origin}" }} ]
    keys: [ {{ id: K1, pem: {pem} }} ]
    key_groups: [ {{ id: staff, keys: [ K1 ] }} ]
    behaviours:
      - {{ path: "/bytes/1*", origin: web, viewer_protocol: redirect }}
      - {{ path: "/bytes/2*", origin: web, viewer_protocol: https-only }}
      - {{ path: "/bytes/3*", origin: web, key_groups: [ staff ] }}
      - {{ path: "/bytes/4*", origin: web, rate: {{ requests: 1, burst: 1 }} }}
      - {{ path: "/old/*", origin: web, rules: [ {{ redirect: "/new/$1", status: 301, path: "/old/*" }} ] }}
      - {{ path: "*", origin: web, methods: get }}
  - {{ name: quiet, hosts: [ quiet.example ], log: off, origins: [ {{ id: web, url: "{origin}" }} ],
      behaviours: [ {{ path: "/get", methods: get }}, {{ path: "*" }} ] }}
  - {{ name: abroad, hosts: [ abroad.example ], countries: {{ allow: [ FR ] }}, origins: [ {{ id: web, url: "{origin}" }} ] }}
"""


def sites(case, *flags):
    """(node, authority, private key): one node of three distributions, also over TLS."""
    authority, private, public = Authority(case.folder), *(os.path.join(case.folder, f"k.{half}") for half in ("pem", "pub"))
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", private], check=True,
                   stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    path, countries = (os.path.join(case.folder, name) for name in ("sites.yaml", "countries.mmdb"))
    with open(path, "w", encoding="ascii") as file:
        file.write(SITES.format(origin=case.origin().url, pem=json.dumps(text_of(public).decode("ascii"))))
    write_countries(countries, "::127.0.0.0/104", "DE")
    words = ["-c", path, "--countries", countries, "--certificate", ",".join(localhost(authority)), "--https", "127.0.0.1:0",
             *flags]
    return Node(case, "alone", words).wait_ready(), authority, private


def ask(node, target, host="www.films.example", method="GET", **headers):
    return client.fetch(node.http, target, method=method, headers=[("Host", host), *headers.items()])


def refused(case, host, target, status, kind, detail, method="GET"):
    """One request over http, its answer and its line; the answer, node and line are returned."""
    node, _, _ = sites(case, *CLOUDFRONT)
    answer = ask(node, target, host, method)
    equal((answer.status, answer.result()), (status, "Redirect" if kind == "Redirect" else "Error"), "the answer")
    record = wait_cloudfront(node, 1)[0]
    equal(classes(record), (str(status), kind, kind, detail), "the line")
    check_counted(node, [record])
    return answer, node, record


@needs("hedgerow")
def test_feat_O3_redirect_to_https(case):
    """O3: Redirect, to https; it is no error, and counts as what the node answered itself. Over https there is none."""
    answer, node, record = refused(case, "www.films.example", "/bytes/10?a=b", 301, "Redirect", "Redirect")
    equal(answer.get("Location"), "https://www.films.example/bytes/10?a=b", "Location")
    equal((record["cs(Host)"], record["x-host-header"]), ("films.example", "www.films.example"),
          "whose it is, and what it was asked for")
    equal(node.status()["requests"]["hit"], 1, "counted as")


@needs("hedgerow")
def test_feat_O3_redirect_by_a_rule(case):
    """O3: Redirect, by a rule."""
    answer, _, _ = refused(case, "films.example", "/old/a", 301, "Redirect", "Redirect")
    equal(answer.get("Location"), "/new/a", "Location")


@needs("hedgerow")
def test_feat_O3_client_geo_blocked(case):
    """O3: ClientGeoBlocked, by its country."""
    refused(case, "abroad.example", "/bytes/10", 403, "Error", "ClientGeoBlocked")


@needs("hedgerow")
def test_feat_O3_invalid_request_blocked(case):
    """O3: InvalidRequestBlocked, without a signature; and over http where https alone is answered."""
    _, node, _ = refused(case, "films.example", "/bytes/30", 403, "Error", "InvalidRequestBlocked")
    equal(ask(node, "/bytes/20").status, 403, "over http")
    equal(classes(wait_cloudfront(node, 2)[1]), ("403", "Error", "Error", "InvalidRequestBlocked"), "the line")


@needs("hedgerow")
def test_feat_O3_invalid_request_certificate(case):
    """O3: InvalidRequestCertificate, the host is nobody's (421)."""
    refused(case, "nobody.example", "/bytes/10", 421, "Error", "InvalidRequestCertificate")


@needs("hedgerow")
def test_feat_O3_invalid_request_method_of_a_behaviour(case):
    """O3: InvalidRequestMethod, by its behaviour's list."""
    refused(case, "films.example", "/other", 403, "Error", "InvalidRequestMethod", method="DELETE")


@needs("hedgerow")
def test_feat_O3_limit_exceeded_by_an_address(case):
    """O3: LimitExceeded, an address asks too often: 429, with Retry-After."""
    node, _, _ = sites(case, *CLOUDFRONT)
    answers = [ask(node, "/bytes/40") for _ in range(4)]
    limited = [answer for answer in answers if answer.status == 429]
    assert limited, [answer.status for answer in answers]
    equal({answer.get("Retry-After") for answer in limited}, {"1"}, "Retry-After")
    records = wait_cloudfront(node, 4)
    equal({classes(record) for record in records if record["sc-status"] == "429"},
          {("429", "LimitExceeded", "LimitExceeded", "LimitExceeded")}, "lines")
    check_counted(node, records)


@needs("hedgerow")
def test_feat_O3_json_says_why_it_was_not_let_in(case):
    """O3: in JSON "reason" is the very one, and there is none of who was let in."""
    node, _, private = sites(case, "--workers", "1")
    late = signed(case, private, "/bytes/30", "--expires", "2001-01-01T00:00:00Z")
    for target, host in (("/bytes/30", "films.example"), (late, "films.example"), ("/bytes/5", "abroad.example"),
                         ("/bytes/5", "films.example"), ("/bytes/10", "films.example")):
        ask(node, target, host)
    equal([(line["result"], line.get("detail"), line.get("reason")) for line in node.wait_access_log(5)],
          [("Error", "InvalidRequestBlocked", "SignatureMissing"), ("Error", "InvalidRequestBlocked", "SignatureExpired"),
           ("Error", "ClientGeoBlocked", "CountryBlocked"), ("Miss", None, None), ("Hit", "Redirect", None)], "lines")


def signed(case, private, target, *words, host="http://films.example"):
    return case.run("sign", host + target, "--key", private, "--key-id", "K1", *words).stdout.strip().partition(host)[2]


def private_requests(case, node, private):
    """Asks with a signed URL and as a page of one, with signed cookies, and with a token's name; returns all secrets."""
    url = signed(case, private, "/bytes/30?a=b", "--expires", "1h")
    cookies = case.run("sign", "http://films.example/", "--key", private, "--key-id", "K1", "--expires", "1h", "--resource",
                       "http://films.example/bytes/3*", "--cookies").stdout.strip().split("\n")
    for _ in range(2):          # a miss and a hit
        equal(ask(node, url, "films.example", Referer="http://films.example" + url).status, 200, "a signed URL")
    equal(ask(node, "/bytes/31", "films.example", Cookie="a=b; " + "; ".join(cookies) + "; c=d").status, 200, "signed cookies")
    equal(ask(node, url[:-3] + "AAA", "films.example").status, 403, "what is no signature now")
    equal(ask(node, "/bytes/5?Hedgerow=0123456789abcdef&Policy=YWJjZGVm&x=Signature=1", "films.example").status, 200, "elsewhere")
    pairs = url.partition("?")[2].split("&") + [cookie.partition("CloudFront-")[2] for cookie in cookies]
    secrets = [value for name, _, value in (pair.partition("=") for pair in pairs) if name in ("Signature", "Policy")]
    equal(len(secrets), 3, f"secrets in {pairs}")
    return [*secrets, secrets[0][:-3], "0123456789abcdef", "YWJjZGVm"]


def no_secrets(case, kind, heading=0):
    """The log's text after private_requests, without any of what lets in."""
    node, _, private = sites(case, "--workers", "1", "--access-log-format", kind, "--access-log-cookies")
    secrets = private_requests(case, node, private)
    text = wait_lines(node, 5, heading).decode("ascii")
    for secret in [*secrets, "K1"]:
        assert secret not in text and urllib.parse.quote(secret) not in text, f"{secret} in {text}"
    for shown in ("a=b&Expires=", "Signature=*", "Key-Pair-Id=*", "Hedgerow=*&Policy=*&x=Signature=1"):
        assert shown in text, f"no {shown} in {text}"
    return text


@needs("hedgerow")
def test_feat_O2_what_signs_does_not_stand_in_json(case):
    """O2: signatures, policies, keys' names and tokens do not stand in the log; all that is beside them does."""
    no_secrets(case, "json")


@needs("hedgerow")
def test_feat_O2_what_signs_does_not_stand_in_cloudfronts(case):
    """O2: likewise, also not of Referer and Cookie."""
    text = no_secrets(case, "cloudfront", 2)
    assert "\ta=b;%20CloudFront-" in text and ";%20c=d\t" in text and "CloudFront-Signature=*" in text, text
    assert "\thttp://films.example/bytes/30?a=b&Expires=" in text, text


@needs("hedgerow")
def test_feat_O2_what_signs_does_not_stand_in_the_combined_format(case):
    """O2: likewise."""
    text = no_secrets(case, "combined")
    assert "\"http://films.example/bytes/30?a=b&Expires=" in text, text


@needs("hedgerow")
def test_feat_O2_a_distribution_without_lines(case):
    """O2: whose distribution has log: off has no line, be it a miss, a hit or refused, but is counted; others have theirs."""
    node, _, _ = sites(case, "--workers", "2")
    for _ in range(3):
        equal(ask(node, "/bytes/5?cc=max-age=600", "quiet.example").status, 200, "the quiet one")
    equal(ask(node, "/get", "quiet.example", "DELETE").status, 403, "refused")
    equal(ask(node, "/bytes/5", "films.example").status, 200, "the other one")
    lines = node.wait_access_log(1)
    node.wait_status(lambda s: s["requests"]["total"] == 5 and s["requests"]["hit"] == 2 and s["requests"]["error"] == 1,
                     "all are counted")
    time.sleep(1.2)     # lines are written each second
    equal([line["host"] for line in node.access_log()], ["films.example"], f"lines, {lines} at first")


@needs("hedgerow")
def test_feat_O2_viewers_over_tls(case):
    """O2: cs-protocol, ssl-protocol and ssl-cipher are what the viewer agreed to, as openssl calls it; http has none. Over https
    nobody is sent to https."""
    node, authority, _ = sites(case, *CLOUDFRONT)
    said = []
    for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Connection(node.https, authority.context(most)) as viewer:
            for target in ("/bytes/10", "/bytes/20"):
                equal(viewer.request(target, headers=[("Host", "localhost")]).status, 200, "over https")
                said.append(("https", viewer.socket.version(), viewer.socket.cipher()[0]))
    equal(ask(node, "/bytes/5").status, 200, "over http")
    records = wait_cloudfront(node, 5)
    equal([tuple(record[name] for name in ("cs-protocol", "ssl-protocol", "ssl-cipher")) for record in records],
          [*said, ("http", "-", "-")], "lines")
    equal({record["cs(Host)"] for record in records}, {"films.example"}, "whose they are")


# ---- what answers say ----

ALWAYS = ("X-Cache", "Via", "Age", "X-Request-Id", "X-Hedgerow-Pop")


@needs("hedgerow")
def test_feat_O4_all_answers_say_where_they_are_from(case):
    """O4: a hit, a miss, one of another node, a range, a 304, HEAD, an error of the origin's, errors of ours, answers of ours:
    each has X-Cache, Via, Age, the POP and an id that stands in the log."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url, flags=("--workers", "2", "--purge-from", "127.0.0.1"))
    target, said = "/bytes/100?cc=max-age=600&etag=\"x\"", []
    asked = (("GET", target, ()), ("GET", target, ()), ("GET", target, ()), ("HEAD", target, ()),
             ("GET", target, (("Range", "bytes=1-2"),)), ("GET", target, (("Range", "bytes=1-2,5-6"),)),
             ("GET", target, (("Range", "bytes=1000-"),)), ("GET", target, (("If-None-Match", "\"x\""),)),
             ("GET", "/nothing", ()), ("GET", "/%00", ()), ("TRACE", target, ()), ("OPTIONS", "*", ()),
             ("PURGE", "/bytes/1", ()), ("GET", "/bytes/5?status=500", ()))
    for node in nodes:
        for method, path, headers in asked:
            with client.Connection(node.http) as connection:
                answer = connection.request(path, method, headers)
            fields = [answer.get(name) for name in ALWAYS]
            assert all(fields), f"{method} {path} {headers}: {answer.status} {answer.headers}"
            for name in ALWAYS[3:] + ("X-Cache", "Age"):
                equal(sum(key.lower() == name.lower() for key, _ in answer.headers), 1, f"{name}s of {method} {path}")
            equal(answer.get("X-Hedgerow-Pop"), f"{node.status()['node']['zone']}/{node.name}", "the POP")
            assert re.search(rf"1\.1 {node.name} \(hedgerow\)$", answer.get("Via")), answer.headers
            said.append((node.name, answer.get("X-Request-Id"), answer.result(), answer.status))
    origin.close()
    answer = nodes[0].get("/bytes/77")
    equal((answer.status, all(answer.get(name) for name in ALWAYS)), (502, True), f"an origin that is gone: {answer.headers}")
    said.append((nodes[0].name, answer.get("X-Request-Id"), answer.result(), 502))
    lines = [line for node in nodes for line in node.wait_access_log(len(asked) + (node is nodes[0]))]
    equal(sorted((line["node"], line["request_id"], line["result"], line["status"]) for line in lines), sorted(said),
          "the log says what the answers say")


@needs("hedgerow")
def test_feat_O4_one_id_from_the_viewer_to_the_origin(case):
    """O4: the id of the viewer's answer stands in the log and in what the origin is asked, whichever node asks it; what a
    viewer sends as one is not taken for it."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    ids = {}
    for i in range(20):
        target = f"/bytes/10?seed={i}&cc=max-age=600"
        ids[target] = nodes[0].get(target, headers=[("X-Request-Id", "mine")]).get("X-Request-Id")
    asked = {request.target: request.headers["x-request-id"] for request in origin.requests}
    equal(asked, ids, "ids at the origin")
    equal({line["uri"]: line["request_id"] for line in nodes[0].wait_access_log(20)}, ids, "ids in the log")
    assert sum(node.counter("origin_fetches") for node in nodes[1:]) > 0, "no other node asked the origin"

"""Viewers over TLS: what they are shown, what is refused, and that all else is as it is without."""
import os
import random
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import zlib

import bodies
import certificates
import client
from certificates import Authority, Connection, fetch, localhost
from harness import equal, needs, quick, wait_until
from test_limits import Narrow, connected, ended, probed, trickle

HOT = "&cc=max-age=600"
TWO, THREE = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def https_flags(*pairs):
    return [word for chain, key in pairs for word in ("--certificate", f"{chain},{key}")] + ["--https", "127.0.0.1:0"]


def serve(case, *flags, **options):
    """(node, authority, origin): one node that is localhost."""
    authority, origin = Authority(case.folder), case.origin()
    node = case.node("fra-1", origin.url, flags=[*https_flags(localhost(authority)), *flags], **options)
    return node, authority, origin


def s_client(node, *words):
    """Whether openssl comes to terms with the node; and what it says."""
    done = subprocess.run(["openssl", "s_client", "-connect", "{}:{}".format(*node.https), *words], check=False, timeout=20,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode()
    return done.returncode == 0 and "Cipher is (NONE)" not in text, text


@needs("hedgerow")
def test_feat_V4_curl_is_answered_in_both_versions(case):
    """V4: curl checks the certificate and gets the bytes, in TLS 1.2 and in 1.3; the log, the counters and /status say
    what happened; whoever speaks http to the port is told so in clear."""
    node, authority, _ = serve(case)
    want = bodies.body(3000000, "curl")
    for i, version in enumerate((["--tls-max", "1.2"], ["--tlsv1.3"], ["--http1.1"])):
        out = os.path.join(case.folder, f"curl-{i}")
        done = subprocess.run(
            ["curl", "-sS", "--cacert", authority.file, *version, "--resolve", f"localhost:{node.https[1]}:127.0.0.1", "-o", out,
             "-w", "%{http_code} %{ssl_verify_result}", f"https://localhost:{node.https[1]}/bytes/3000000?seed=curl{HOT}"],
            check=False, capture_output=True, timeout=30)
        equal((done.returncode, done.stdout), (0, b"200 0"), f"curl {version}: {done.stderr.decode()}")
        with open(out, "rb") as got:
            assert got.read() == want, f"curl {version} got other bytes"
    equal(node.counter("tls_handshakes"), 3, "tls_handshakes")
    equal(node.status()["node"]["https"], "{}:{}".format(*node.https), "node.https")
    equal([line["status"] for line in node.wait_access_log(3)], [200] * 3, "the log")
    equal(client.fetch(node.https, "/").status, 400, "http on the port of https")
    equal(node.counter("tls_failed"), 0, "tls_failed")


@needs("hedgerow")
def test_feat_V4_old_versions_and_cbc_are_refused(case):
    """V4: neither policy agrees to TLS 1.1 or to CBC; modern refuses TLS 1.2, too; what is refused hears an alert."""
    authority, origin = Authority(case.folder), case.origin()
    pair = localhost(authority)
    nodes = {policy: case.node(f"fra-{i}", origin.url, flags=[*https_flags(pair), "--tls-policy", policy])
             for i, policy in enumerate(("intermediate", "modern"))}
    gcm = ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
    old = [("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
           ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"),
           ("-tls1_2", "-cipher", "AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0")]
    for policy, node in nodes.items():
        for words in old + ([gcm] if policy == "modern" else []):
            agreed, text = s_client(node, *words)
            assert not agreed, f"{policy} agreed to {words}: {text}"
            assert re.search(r"SSL alert number (40|70)", text), f"{policy}, {words}: no alert: {text}"
        for words in [("-tls1_3",)] + ([gcm] if policy == "intermediate" else []):
            agreed, text = s_client(node, *words)
            assert agreed, f"{policy} refused {words}: {text}"
        wait_until(lambda: node.counter("tls_failed") == len(old) + (policy == "modern"),
                   lambda: f"{policy}: tls_failed is {node.counter('tls_failed')}")


@needs("hedgerow")
def test_feat_V4_the_name_chooses_the_certificate(case):
    """V4: exact before wildcard, which is for one label, before the first; out of flags and out of directories, also one
    of certbot's kind."""
    authority, origin = Authority(case.folder), case.origin()
    folder = os.path.join(case.folder, "certificates")
    live = os.path.join(folder, "live.example.org")
    os.makedirs(live)
    authority.issue("star", "DNS:*.example.com", chain=os.path.join(folder, "star.crt"), key=os.path.join(folder, "star.key"))
    authority.issue("one", "DNS:one.example.com", chain=os.path.join(folder, "one.pem"), key=os.path.join(folder, "one.key"))
    authority.issue("live", "DNS:live.example.org", chain=os.path.join(live, "fullchain.pem"),
                    key=os.path.join(live, "privkey.pem"))
    node = case.node("fra-1", origin.url, flags=[*https_flags(localhost(authority)), "--certificate", folder])
    for name, shown in (("one.example.com", "one"), ("two.example.com", "star"), ("TWO.Example.COM", "star"),
                        ("live.example.org", "live"), ("localhost", "localhost")):
        with Connection(node.https, authority.context(), name) as viewer:
            equal(viewer.subject(), shown, name)
            equal(viewer.request("/bytes/100?seed=name").status, 200, name)
    unchecked = authority.context()
    unchecked.check_hostname = False
    for name in ("a.b.example.com", "example.com", "nobody.example", None):
        with Connection(node.https, unchecked, name) as viewer:
            equal(viewer.subject(), "localhost", name)


@needs("hedgerow")
def test_feat_V4_wrong_certificates_are_named(case):
    """V4: a node does not start with a key of another certificate, with a file that is none, or with https by half, and
    says which file it is; it does with one that has expired, and says that."""
    authority = Authority(case.folder)
    chain, key = localhost(authority)
    _, other = authority.issue("other", "DNS:other.example")
    words = ["run", "--origin", "http://127.0.0.1:1", "--data", os.path.join(case.folder, "data"), "--admin", "127.0.0.1:0",
             "--http", "127.0.0.1:0", "--mesh", "127.0.0.1:0"]
    listen = ["--https", "127.0.0.1:0"]
    done = case.run(*words, *listen, "--certificate", f"{chain},{other}", code=78)
    assert f"{other} is not the key of the first certificate in {chain}" in done.stderr, done.stderr
    done = case.run(*words, *listen, "--certificate", f"{key},{key}", code=78)
    assert f"{key} holds no certificate" in done.stderr, done.stderr
    done = case.run(*words, *listen, "--certificate", f"{chain}.gone,{key}", code=78)
    assert f"cannot read {chain}.gone: No such file" in done.stderr, done.stderr
    done = case.run(*words, *listen, "--certificate", case.folder, code=78)
    assert "holds no certificate with its key" in done.stderr, done.stderr
    node = case.node("fra-1", "http://127.0.0.1:1", flags=https_flags(authority.issue("late", "DNS:localhost", days=-1)))
    assert "late.crt: the certificate expired 20" in node.log(), node.log()
    try:
        Connection(node.https, authority.context()).close()
        raise AssertionError("a viewer took it")
    except ssl.SSLCertVerificationError:
        wait_until(lambda: node.counter("tls_failed") == 1, "that a viewer refused is counted")
    assert "--https needs --certificate" in case.run(*words, *listen, code=2).stderr
    assert "--https ADDR:PORT, which is missing" in case.run(*words, "--certificate", f"{chain},{key}", code=2).stderr


@needs("hedgerow", timeout=60)
def test_feat_V4_certificates_are_replaced_under_load(case):
    """V4: while viewers ask without a pause, on connections that stay and on new ones, the files are replaced again and
    again: no request fails, new connections are shown the new one, old ones go on, and tickets of before resume. A file
    that is wrong changes nothing, is said on stderr and counted."""
    node, authority, _ = serve(case, "--workers", "2")
    chain, key = authority.path("localhost.crt"), authority.path("localhost.key")
    context, wrong, asked, over = authority.context(), [], [0], threading.Event()
    target = f"/bytes/20000?seed=reload{HOT}"
    want = bodies.body(20000, "reload")

    def ask(stays):
        try:
            with Connection(node.https, context) as viewer:
                while not over.is_set():
                    if stays:
                        answer = viewer.request(target)
                    else:
                        answer = fetch(node.https, context, target)
                    assert (answer.status, answer.body) == (200, want), answer.status
                    asked[0] += 1
        except Exception as error:
            wrong.append(error)
    askers = [threading.Thread(target=ask, args=(i % 2 == 0,), daemon=True) for i in range(4)]
    context_12 = authority.context(TWO)
    with Connection(node.https, context_12) as first:
        equal(first.request(target).status, 200, "first")
        session = first.socket.session
        for asker in askers:
            asker.start()
        for i in range(1, 6):
            authority.issue(f"next-{i}", "DNS:localhost")
            for made, used in ((".crt", chain), (".key", key)):
                shutil.copy(authority.path(f"next-{i}{made}"), used + ".new")
            os.rename(key + ".new", key)
            os.rename(chain + ".new", chain)
            node.signal(signal.SIGHUP)
            wait_until(lambda: node.counter("certificates_reloaded") == i, "they are read again")
            with Connection(node.https, context) as viewer:
                equal(viewer.subject(), f"next-{i}", "what a new viewer is shown")
        with open(chain, "w", encoding="ascii") as broken:
            broken.write("no certificate\n")
        node.signal(signal.SIGHUP)
        wait_until(lambda: node.counter("certificates_refused") == 1, "the wrong one is counted")
        with Connection(node.https, context) as viewer:
            equal(viewer.subject(), "next-5", "what a viewer is shown after a wrong file")
        with Connection(node.https, context_12, session=session) as viewer:
            assert viewer.socket.session_reused, "a ticket of before is not taken"
            equal(viewer.request(target).body, want, "on a connection that was resumed")
        equal(first.request(target).body, want, "on the connection of before")
    over.set()
    for asker in askers:
        asker.join(20)
    assert not wrong, f"{len(wrong)} viewers failed: {wrong[0]!r}"
    assert asked[0] > 100, f"only {asked[0]} requests"
    assert f"{chain} holds no certificate" in node.log(), node.log()
    assert "in use stay" in node.log(), node.log()


@needs("hedgerow", timeout=90)
def test_feat_V4_large_bodies_and_ranges_through_three_nodes(case):
    """V4: 20 MB whole and in ranges over https through each of three nodes, read by a slow viewer too, are the
    origin's bytes; a viewer on http has the same copy."""
    authority, origin = Authority(case.folder), case.origin()
    nodes = case.mesh(3, origin.url, flags=https_flags(localhost(authority)))
    length, target = 20000000, f"/bytes/20000000?seed=large{HOT}"
    want, contexts = bodies.body(length, "large"), [authority.context(TWO), authority.context()]
    rng = random.Random(4)
    for i, node in enumerate(nodes * 2):
        answer = fetch(node.https, contexts[i // 3], target)
        equal((answer.status, len(answer.body)), (200, length), node.name)
        assert answer.body == want, f"{node.name}: other bytes"
    for node in nodes:
        with Connection(node.https, contexts[1]) as viewer:
            for _ in range(5):
                first = rng.randrange(length)
                last = min(length - 1, first + rng.randrange(3000000))
                answer = viewer.request(target, headers=[("Range", f"bytes={first}-{last}")])
                equal(answer.status, 206, "a range")
                assert answer.body == want[first:last + 1], f"{node.name}: bytes={first}-{last}"
            slow = []
            equal(viewer.request(target, on_body=lambda data: (slow.append(bytes(data)), time.sleep(0.0005))).status, 200, "slow")
            assert b"".join(slow) == want, f"{node.name}: a slow viewer got other bytes"
    answer = nodes[0].get(target)
    assert answer.result() == "Hit" and answer.body == want, "over http"
    equal(origin.count(target), 1, "fetches")


@needs("hedgerow", timeout=60)
def test_feat_V4_all_workers_uploads_and_pipelines(case):
    """V4: with three workers connections go to worker 0 and come back between requests, whatever they ask; requests that
    come together, one byte a record or all in one, are answered in order; bodies arrive at the origin whole; PURGE and
    HEAD work; keep-alive ends with a close-notify where it is asked for."""
    node, authority, origin = serve(case, "--workers", "3", "--purge-from", "127.0.0.1")
    context = authority.context()
    hot = [f"/bytes/{n}?seed=w{n}{HOT}" for n in (1, 1000, 65537, 300000)]
    viewers = [Connection(node.https, context) for _ in range(9)]
    for turn in range(4):
        for viewer in viewers:
            for target in hot:
                answer = viewer.request(target)
                n = int(re.match(r"/bytes/(\d+)", target)[1])
                assert (answer.status, answer.body) == (200, bodies.body(n, f"w{n}")), f"{target}: {answer.status}"
            equal(viewer.request(f"/bytes/50?seed=miss-{turn}-{id(viewer)}").status, 200, "a miss")
    assert node.counter("viewers_passed") > 9, "no connection went to worker 0"
    requests = [client.request_bytes(node.https, target) for target in hot * 5]
    for viewer in viewers[:2]:
        for piece in requests if viewer is viewers[0] else [b"".join(requests)]:
            viewer.send(piece)
        for target in hot * 5:
            n = int(re.match(r"/bytes/(\d+)", target)[1])
            assert viewer.read().body == bodies.body(n, f"w{n}"), f"pipelined {target}"
    for byte in requests[0]:
        viewers[2].send(bytes([byte]))
    equal(viewers[2].read().body, bodies.body(1, "w1"), "a byte a record")
    body = bodies.body(2000000, "up")
    for viewer in viewers[:3]:
        viewer.send(client.request_bytes(node.https, "/bytes/10", "POST", [("Content-Length", str(len(body)))]) + body)
        equal(viewer.read().status, 200, "POST")
        equal(tuple(origin.requests[-1].body), (len(body), zlib.crc32(body)), "what the origin got")
    equal(viewers[0].request(hot[0], "PURGE").status, 202, "PURGE")
    equal(viewers[0].request(hot[1], "HEAD").status, 200, "HEAD")
    equal(viewers[0].request(hot[1], headers=[("Connection", "close")]).status, 200, "close")
    assert viewers[0].at_end(), "no clean end"      # without a close-notify this is an SSLEOFError
    for viewer in viewers:
        viewer.close()
    equal(origin.count(hot[1]), 1, "fetches")


@needs("hedgerow", timeout=60)
def test_feat_V4_a_slow_reader_gets_all_to_the_last_byte(case):
    """V4: viewers of whom the kernel takes little at once get whole answers, also the last one of a connection and small ones
    that wait for each other, and the close-notify behind it."""
    node, authority, _ = serve(case)
    context = authority.context()
    equal(fetch(node.https, context, f"/bytes/12000?seed=small{HOT}").status, 200, "warm")
    # How much the kernel takes at once is not known: at some length the last record is what it does not.
    want = bodies.body(6000000, "slow")
    equal(fetch(node.https, context, f"/bytes/6000000?seed=slow{HOT}").status, 200, "warm")
    for length in [1, *range(20000, 1000000, 15000), 5999999]:
        with Connection(node.https, context, segment=1000) as viewer:
            viewer.send(client.request_bytes(node.https, f"/bytes/6000000?seed=slow{HOT}",
                                             headers=[("Connection", "close"), ("Range", f"bytes=0-{length - 1}")]))
            time.sleep(0.02)            # all is here that will be without our reading
            assert viewer.read().body == want[:length], f"{length}: other bytes"
            assert viewer.at_end(), f"{length}: no clean end"
    for count in range(2, 80, 1):
        with Connection(node.https, context, segment=1000) as viewer:
            request = client.request_bytes(node.https, f"/bytes/12000?seed=small{HOT}")
            viewer.send(request * count + request[:9])
            time.sleep(0.02)
            for i in range(count + 1):
                if i == count:
                    viewer.send(request[9:])
                assert viewer.read().body == bodies.body(12000, "small"), f"{i} of {count}"


@needs("hedgerow", timeout=60)
def test_rob_W2_half_a_handshake_has_an_end(case):
    """W2: 300 viewers who say a part of a hello, byte by byte, or all of it and nothing more, or half a record on a
    connection that is open, are closed by the head's deadline, which no byte moves; others are answered meanwhile."""
    node, authority, _ = serve(case, timers={"viewer-head": "3s"})
    hello = client_hello()
    with probed(node):
        silent = [certificates.plain(node.https) for _ in range(50)]
        begun, first = [certificates.plain(node.https) for _ in range(100)], time.monotonic()
        for viewer in begun:
            viewer.sendall(hello[:40])
        whole = [certificates.plain(node.https) for _ in range(100)]
        for viewer in whole:
            viewer.sendall(hello)
        open_ones = []
        for _ in range(50):
            viewer = Connection(node.https, authority.context()).socket
            raw = socket.socket(fileno=os.dup(viewer.fileno()))
            raw.sendall(b"\x17\x03\x03\x01\x00" + bytes(10))
            open_ones.append((viewer, raw))
        before = time.monotonic() - first
        ends = trickle(begun, b"\0", 0.2, 12)
        equal(len(ends), len(begun), "those that are closed")
        assert before + min(ends.values()) > 2.9, f"closed after {before:.1f} and {min(ends.values()):.1f} s"
        quick(max(ends.values()), 6, "until all were closed")
        wait_until(lambda: all(over(viewer) for viewer in whole), "a hello and nothing more", timeout=6)
        wait_until(lambda: all(over(raw) for _, raw in open_ones), "half a record", timeout=6)
        assert not any(ended(viewer) for viewer in silent), "who says nothing is idle, and has longer"
        equal(fetch(node.https, authority.context(), "/bytes/100?seed=after").status, 200, "a fresh viewer")
    for viewer in silent + [viewer for viewer, _ in open_ones] + [raw for _, raw in open_ones]:
        viewer.close()


@needs("hedgerow", timeout=60)
def test_rob_W2_a_crowd_of_handshakes_lets_others_through(case):
    """W2: 500 hellos that come at once do not hold up a request in clear that comes behind them all: few of them are
    answered before it is."""
    authority, origin, hello, target = Authority(case.folder), case.origin(), client_hello(), f"/bytes/100?seed=crowd{HOT}"
    flags = [*https_flags(localhost(authority)), "--workers", "1", "--viewers-per-address", "10000"]
    for i in range(3):                  # it goes on while we count: on a busy host for long, perhaps
        node = case.node(f"fra-{i}", origin.url, flags=flags)
        node.get(target)
        with client.Connection(node.http) as probe:
            crowd = [certificates.plain(node.https) for _ in range(500)]
            wait_until(lambda: int(node.metrics()["hedgerow_viewers_open"]) == 501, "all are here")
            node.signal(signal.SIGSTOP)
            for viewer in crowd:
                viewer.sendall(hello)
            probe.send(client.request_bytes(node.http, target))
            node.signal(signal.SIGCONT)
            equal(probe.read().status, 200, "the request")
            before = sum(bool(select.select([viewer], [], [], 0)[0]) for viewer in crowd)
            wait_until(lambda: all(select.select([viewer], [], [], 0)[0] for viewer in crowd), "all are answered")
            for viewer in crowd:
                viewer.close()
        if before < 200:
            break
    assert before < 200, f"{before} of 500 were answered before"


def over(viewer):
    """Has the node ended this connection, whatever it said before?"""
    viewer.setblocking(False)
    try:
        while viewer.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def client_hello():
    """The first record of Python's own."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    assert hello[0] == 22 and struct.unpack(">H", hello[3:5])[0] == len(hello) - 5, "one record"
    return hello


@needs("hedgerow", timeout=60)
def test_rob_W2_the_idlest_over_tls_makes_room(case):
    """W2: TLS viewers count as all others do: at seven eighths of the descriptors those idle for longest go, with a
    close-notify, for newcomers on either port."""
    authority = Authority(case.folder)
    node = case.node("fra-1", case.origin().url, kind=Narrow,
                     flags=[*https_flags(localhost(authority)), "--viewers-per-address", "1000", "--workers", "1"])
    context = authority.context()
    idle = [Connection(node.https, context) for _ in range(Narrow.viewers)]
    time.sleep(1)                       # none of them is likely to be about to ask
    newcomers = [Connection(node.https, context) for _ in range(10)]
    for viewer in newcomers:
        equal(viewer.request("/bytes/100?seed=room").status, 200, "a newcomer")
    equal(client.fetch(node.http, "/bytes/100?seed=room").status, 200, "a newcomer on http")
    gone = [viewer.at_end(0.2) for viewer in idle[:14]]
    equal(gone, [True] * 11 + [False] * 3, "who went")
    for viewer in idle + newcomers:
        viewer.close()


@needs("hedgerow", timeout=60)
def test_rob_W2_a_full_house_costs_nothing(case):
    """W2: where nobody can go, newcomers on both ports wait in the kernel's queue, and the node for them: it does not
    look again and again. When there is room they are served."""
    authority = Authority(case.folder)
    node = case.node("fra-1", case.origin().url, kind=Narrow, timers={"viewer-head": "4s"},
                     flags=[*https_flags(localhost(authority)), "--viewers-per-address", "1000", "--workers", "1"])
    busy = connected(node, Narrow.viewers, b"GET /bytes/10 HTTP/1.1\r\nHost")
    wait_until(lambda: int(node.metrics()["hedgerow_viewers_open"]) == Narrow.viewers, "all are taken")
    waiting = [certificates.plain(address) for address in (node.https, node.http) for _ in range(3)]
    before = node.cpu_s()
    time.sleep(1)
    spent = node.cpu_s() - before
    assert spent < 0.3, f"{spent} s of CPU for nothing"
    equal(fetch(node.https, authority.context(), "/bytes/100?seed=room").status, 200, "once there is room")
    for viewer in busy + waiting:
        viewer.close()


@needs("hedgerow", timeout=60)
def test_feat_V4_a_drain_lets_answers_end(case):
    """V4: SIGTERM in the middle of an answer over TLS: it comes whole, then close-notify; idle ones get theirs at once."""
    node, authority, _ = serve(case)
    target = f"/bytes/30000000?seed=drain{HOT}"
    want = bodies.body(30000000, "drain")
    equal(fetch(node.https, authority.context(), target).status, 200, "warm")
    idle = Connection(node.https, authority.context())
    with Connection(node.https, authority.context()) as viewer:
        got = []

        def on_body(data):
            if not got:
                node.ask_to_end()
            got.append(bytes(data))
            time.sleep(0.0003)
        equal(viewer.request(target, on_body=on_body).status, 200, "under way")
        assert b"".join(got) == want, "other bytes"
        assert viewer.at_end(), "no clean end"
    assert idle.at_end(), "no clean end of an idle one"
    idle.close()
    equal(node.wait_exit(), 0, "exit code")


@needs("hedgerow")
def test_feat_V4_an_answer_that_is_cut_has_no_close_notify(case):
    """V4: when the origin fails in mid-body, the viewer can tell: the length is not reached, and no close-notify comes."""
    node, authority, _ = serve(case)
    with Connection(node.https, authority.context()) as viewer:
        try:
            answer = viewer.request("/bytes/5000000?seed=cut&truncate=3000000")
            raise AssertionError(f"it looks whole: {answer.status}, {len(answer.body)} bytes")
        except (ssl.SSLError, ConnectionResetError):
            pass                        # EOF in violation of the protocol, or a reset

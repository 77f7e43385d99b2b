"""DNS of real nodes: what any of them answers over UDP and TCP, who leaves the answers and how soon, and that neither floods
nor nonsense nor slow clients keep it from answering others."""
import os
import random
import shutil
import socket
import struct
import subprocess
import threading
import time

import dig
from certificates import Authority, localhost
from dists import Site, distribution
from harness import Node, equal, needs, quick, wait_until
from test_configuration import file_of

DOMAIN, ZONE = "cdn.example", "shop.example"
WWW = "www." + ZONE
ZONES = ("eu/fra", "us/nyc", "ap/tyo")
QUICK = {"probe": "300ms", "ack": "100ms", "suspect": "1s", "ring-death": "2s", "join-wait": "5s"}


def serve(case, count=1, flags=(), timers=None):
    """Nodes in three zones, each on a loopback address of its own, that serve WWW and answer for both zones; node.ip and
    node.dns are where."""
    site = Site(case)
    content = {"distributions": [distribution("shop", site, [WWW, ZONE, "*.img." + ZONE])]}
    path, nodes = file_of(case, "served.json", content), []
    for i in range(count):
        name, ip = f"{ZONES[i % 3].split('/')[1]}-{i + 1}", f"127.0.0.{i + 2}"
        words = ["-c", path, "--node-file", case.admit(name, ZONES[i % 3]), "--dns-domain", DOMAIN, "--dns-zone", ZONE,
                 "--admin", "127.0.0.1:0", "--timers", ",".join(f"{k}={v}" for k, v in (timers or QUICK).items()), *flags]
        for what in ("http", "mesh", "dns"):
            words += [f"--{what}", f"{ip}:0"]
        if nodes:
            words += ["--seed", "{}:{}".format(*nodes[0].mesh)]
        node = Node(case, name, words).wait_ready()
        node.ip, node.dns = ip, node.dns_at[0]
        nodes.append(node)
    everybody = dict.fromkeys((node.name for node in nodes), "alive")
    for node in nodes:      # each region has a ring of its own
        node.wait_status(lambda status, node=node: node.members(status) == everybody, "all are here")
    names = {node.ip for node in nodes}
    for node in nodes:
        wait_until(lambda node=node: set(answered(node)) == names, lambda node=node: f"{node.name} answers {answered(node)}")
    return nodes


def answered(node, name=WWW, number=12):
    """Which addresses it gives for the name, in a few answers."""
    return sorted({one for _ in range(number) for one in dig.ask(node.dns, name).addresses()})


def drain(case, node, *words):
    return case.run("drain", *words, "--admin", "{}:{}".format(*node.admin), "--token-file",
                    os.path.join(node.data, "admin.token"))


@needs("hedgerow")
def test_feat_L2_any_node_answers_alike(case):
    """L2: each of three nodes in three zones answers for the site's own domain and for the mesh's, with authority, all of
    them with the same edges in the same order, the same name servers and the same serial, and no TTL above 60 s."""
    nodes = serve(case, 3)
    for options in (None, [dig.subnet("203.0.113.0/24")], [dig.subnet("2001:db8:7::/48")]):
        orders = []
        for node in nodes:
            seen = [dig.ask(node.dns, WWW, options=options) for _ in range(20)]
            assert all(one.aa and one.rcode == dig.NOERROR for one in seen), seen[0].message
            assert all(record.ttl <= 60 for one in seen for record in one.answers), seen[0].answers
            # One answer in so many tries the second best: what most say counts.
            orders.append(max(map(tuple, (one.addresses() for one in seen)), key=[tuple(o.addresses()) for o in seen].count))
        equal(len(set(orders)), 1, f"orders of {options}: {orders}")
    for zone in (DOMAIN, ZONE):
        servers = [sorted(record.data for record in dig.ask(node.dns, zone, dig.NS).answers) for node in nodes]
        assert len(servers[0]) == 3 and servers[1:] == servers[:1] * 2, servers
        serials = {dig.ask(node.dns, zone, dig.SOA).answers[0].data[2] for node in nodes}
        assert max(serials) - min(serials) < 60, serials        # each read the same file when it was started
    glue = dig.ask(nodes[0].dns, DOMAIN, dig.NS).additional
    equal(sorted(record.data for record in glue), [node.ip for node in nodes], "their addresses")
    equal({dig.ask(nodes[1].dns, record.name).addresses()[0] for record in glue}, {node.ip for node in nodes}, "asked for")


@needs("hedgerow")
def test_feat_L2_what_is_answered_over_udp_and_tcp(case):
    """L2: addresses, name servers, SOA, no such name and no such type, another zone and a transfer refused; client subnet and
    cookies; the same over TCP; an answer that is too long for UDP comes over TCP."""
    node, = serve(case)
    for ask in (dig.udp, lambda address, message: dig.tcp(address, message)[0]):
        def asked(name, kind=dig.A, ask=ask, **more):
            found = ask(node.dns, dig.query(name, kind, number=4711, **more))
            equal((found.id, found.is_answer, found.question), (4711, 1, (name, kind)), "whose answer it is")
            return found
        for name in (WWW, ZONE, "a.b.img." + ZONE, WWW.upper()):
            equal((asked(name).rcode, asked(name).addresses()), (dig.NOERROR, [node.ip]), name)
        equal((asked(WWW, dig.AAAA).rcode, asked(WWW, dig.AAAA).answers), (dig.NOERROR, []), "no IPv6 here")
        equal((asked(WWW, dig.HTTPS).rcode, asked(WWW, dig.HTTPS).answers), (dig.NOERROR, []), "no https here")
        equal(asked(WWW, dig.AAAA).authority[0].kind, dig.SOA, "for how long")
        equal((asked("nobody." + ZONE).rcode, asked("nobody." + ZONE).authority[0].name), (dig.NXDOMAIN, ZONE), "no such name")
        soa = asked(ZONE, dig.SOA).answers[0]
        equal((soa.name, soa.data[2]), (ZONE, node.status()["dns"]["serial"]), "SOA")
        equal(len(asked(DOMAIN, dig.NS).answers), 1, "name servers")
        equal(asked("www.example.net").rcode, dig.REFUSED, "another zone")
        equal(asked(ZONE, dig.AXFR).rcode, dig.REFUSED, "a transfer")
        equal([record.kind for record in asked(WWW, dig.ANY).answers], [13], "ANY")
        told = asked(WWW, options=[dig.subnet("198.51.100.0/24")])
        equal(told.options[dig.SUBNET][:3] + told.options[dig.SUBNET][4:], dig.subnet("198.51.100.0/24")[1][:3] + b"\xc6\x33\x64",
              "the network comes back")
        assert told.options[dig.SUBNET][3] <= 24, "of how many bits it holds"
        assert dig.SUBNET not in asked(WWW).options, "a network that nobody named"
    first = dig.ask(node.dns, WWW, options=[(dig.COOKIE, b"12345678")]).options[dig.COOKIE]
    equal((len(first), first[:8]), (24, b"12345678"), "a cookie for the client's")
    before = node.status()["dns"]
    again = dig.ask(node.dns, WWW, options=[(dig.COOKIE, first)])
    bad = dig.ask(node.dns, WWW, options=[(dig.COOKIE, first[:-1] + bytes([first[-1] ^ 1]))])
    equal((again.rcode, bad.rcode), (dig.NOERROR, dig.NOERROR), "with the cookie, and with a false one")

    def counted():
        now = node.status()["dns"]
        return now["cookies_good"] - before["cookies_good"], now["cookies_bad"] - before["cookies_bad"]
    wait_until(lambda: counted() == (1, 1), lambda: f"cookies counted: {counted()}")
    if shutil.which("kdig"):
        said = subprocess.run(["kdig", f"@{node.dns[0]}", "-p", str(node.dns[1]), WWW, "A", "+subnet=192.0.2.0/24", "+cookie",
                               "+time=5"], stdout=subprocess.PIPE, check=True).stdout.decode()
        assert "status: NOERROR" in said and node.ip in said and "CLIENT-SUBNET" in said.upper(), said


@needs("hedgerow")
def test_feat_L8_https_records_say_how_it_is_reached(case):
    """L8: a node that serves https says so in HTTPS records: alpn, its port and its address (RFC 9460); the answer over TCP is
    the same."""
    node, = serve(case, flags=["--certificate", ",".join(localhost(Authority(case.folder))), "--https", "127.0.0.2:0"])
    data = b"\0\x01" + b"\0"                                                      # ServiceMode, at this name
    data += b"\0\x01\0\x09\x08http/1.1" + struct.pack(">HHH", 3, 2, node.https[1]) + b"\0\x04\0\x04\x7f\0\0\x02"
    for found in (dig.ask(node.dns, WWW, dig.HTTPS), dig.tcp(node.dns, dig.query(WWW, dig.HTTPS))[0]):
        equal([(one.kind, one.data) for one in found.answers], [(dig.HTTPS, data)], "HTTPS")


@needs("hedgerow")
def test_feat_L2_cookies_of_any_node_are_good_at_each(case):
    """L2: a cookie that one node gave is known by another one, though they never spoke of it."""
    nodes = serve(case, 2)
    # A cookie is of an address: the same client asks both.
    cookie = dig.ask(nodes[0].dns, WWW, options=[(dig.COOKIE, b"12345678")]).options[dig.COOKIE]
    dig.ask(nodes[1].dns, WWW, options=[(dig.COOKIE, cookie)])
    wait_until(lambda: nodes[1].counter("dns_cookies_good") == 1, "the cookie counted")


@needs("hedgerow", timeout=180)
def test_feat_L3_a_killed_node_leaves_the_answers(case):
    """L3: within 10 s of SIGKILL no answer of any other node names it, with the timers that hold by default; no name server
    does either."""
    nodes = serve(case, 3, timers={"join-wait": "5s"})
    killed, left = nodes[1], [nodes[0], nodes[2]]
    # Who has never answered somebody is not doubted by that one for the first 10 s.
    wait_until(lambda: all(m["rtt_ms"] for node in nodes for m in node.status()["mesh"]["members"] if m["name"] != node.name),
               "each has answered each")
    killed.kill()
    began, last = time.monotonic(), 0.0
    while time.monotonic() < began + last + 5:      # until it has been silent for a while
        for node in left:
            found = dig.ask(node.dns, WWW).addresses() + [record.data for record in dig.ask(node.dns, DOMAIN, dig.NS).additional]
            assert found, "nobody is left in the answer"
            if killed.ip in found:
                last = time.monotonic() - began
        time.sleep(0.02)
    print(f"L3: the last answer that named the killed node came {last:.1f} s after it was killed")
    quick(last, 10, "the last answer that named it")


@needs("hedgerow")
def test_feat_L3_a_drained_node_leaves_and_comes_back(case):
    """L3: who is drained is in no answer within seconds, its own among them, and answers on about the others; so does one
    that is stopping; the last one that is left is named though it is drained."""
    nodes = serve(case, 3)
    drain(case, nodes[1])
    others = sorted(node.ip for node in (nodes[0], nodes[2]))
    for node in nodes:
        wait_until(lambda node=node: answered(node) == others, lambda node=node: f"{node.name}: {answered(node)}", timeout=10)
    drain(case, nodes[1], "--off")
    for node in nodes:
        wait_until(lambda node=node: len(answered(node)) == 3, lambda node=node: f"{node.name}: {answered(node)}", timeout=20)
    for node in nodes:
        drain(case, node)
    wait_until(lambda: answered(nodes[0]) != [], "an answer where all are drained")


@needs("hedgerow")
def test_feat_L3_who_stops_answers_about_the_others(case):
    """L3: a node that was told to stop and waits for a slow viewer still answers DNS, and names the others alone."""
    nodes = serve(case, 2, timers={**QUICK, "drain": "20s"})
    with socket.create_connection(nodes[1].http) as viewer:
        viewer.sendall(f"GET /x HTTP/1.1\r\nHost: {WWW}\r\n".encode())      # a request that is under way
        time.sleep(0.2)
        nodes[1].ask_to_end()
        wait_until(lambda: answered(nodes[1]) == [nodes[0].ip], lambda: f"answers {answered(nodes[1])}", timeout=10)
        wait_until(lambda: answered(nodes[0]) == [nodes[0].ip], lambda: f"answers {answered(nodes[0])}", timeout=10)


# ---- clients that are none ----

def alone(case, *flags, kind=Node):
    """A node that knows no other, and answers at node.dns."""
    return case.node("fra-1", case.origin().url, flags=("--dns", "127.0.0.1:0", "--dns-domain", DOMAIN, *flags), kind=kind)


def still_answers(node):
    address = node.dns_at[0]
    equal(dig.ask(address, DOMAIN, dig.SOA).rcode, dig.NOERROR, "over UDP")
    equal(dig.tcp(address, dig.query(DOMAIN, dig.SOA))[0].rcode, dig.NOERROR, "over TCP")


@needs("hedgerow")
def test_rob_dns_queries_on_a_connection_are_answered_in_order(case):
    """RFC 7766: a hundred queries at once, or a byte at a time, and a close behind the last one: each is answered, in order;
    more than there is room for waits until the client reads."""
    node = alone(case)
    address = node.dns_at[0]
    found = dig.tcp(address, *(dig.query(f"n{i}.{DOMAIN}", number=i) for i in range(100)))
    equal([one.id for one in found], list(range(100)), "ids")
    with socket.create_connection(address) as connection, connection.makefile("rb") as reader:
        for byte in dig.framed(dig.query(DOMAIN, dig.SOA, number=7)):
            connection.sendall(bytes([byte]))
            time.sleep(0.005)
        equal(dig.read_one(reader).id, 7, "a byte at a time")
        connection.sendall(dig.framed(dig.query(DOMAIN, dig.SOA, number=8)) + b"\0")
        connection.shutdown(socket.SHUT_WR)
        equal((dig.read_one(reader).id, dig.read_one(reader)), (8, None), "half of one more, and the end")
    count = 60000
    with socket.create_connection(address, 60) as connection, connection.makefile("rb") as reader:
        message = dig.framed(dig.query(DOMAIN, dig.SOA))
        sender = threading.Thread(target=connection.sendall, args=(message * count,), daemon=True)
        sender.start()
        time.sleep(1)       # everything between us is full meanwhile
        memory = node.memory_bytes()
        for _ in range(count):
            assert dig.read_one(reader).rcode == dig.NOERROR
        sender.join()
    assert memory < 400 << 20, memory
    equal(node.counter("dns_cut"), 0, "connections cut")


@needs("hedgerow", timeout=180)
def test_rob_dns_idle_slow_and_malformed_connections_are_cut(case):
    """Who says nothing for 10 s, half of a query, or asks and never reads, is cut then; lengths that are none and what is no
    query at once; beyond 64 connections of one address the one that was idle for longest makes room."""
    node = alone(case)
    address = node.dns_at[0]

    def cut_after(connection, timeout=20):
        began = time.monotonic()
        connection.settimeout(timeout)
        try:
            while connection.recv(65536):
                pass
        except ConnectionError:
            pass
        return time.monotonic() - began
    for bad in (b"\0\0", b"\xff\xff", struct.pack(">H", 5) + b"hello", struct.pack(">H", 4097) + bytes(10)):
        with socket.create_connection(address) as connection:
            connection.sendall(bad)
            assert cut_after(connection) < 5, bad
    idle, half, greedy = (socket.create_connection(address) for _ in range(3))
    greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    half.sendall(dig.framed(dig.query(DOMAIN, dig.SOA))[:9])
    greedy.setblocking(False)
    message, sent = dig.framed(dig.query(DOMAIN, dig.SOA)) * 1000, 0
    end = time.monotonic() + 3
    while time.monotonic() < end:           # until nothing more is taken
        try:
            sent += greedy.send(message)
        except BlockingIOError:
            time.sleep(0.05)
    before = node.counter("dns_cut")
    for who in (idle, half):
        seconds = cut_after(who)
        assert seconds < 13, seconds
    wait_until(lambda: node.counter("dns_cut") >= before + 3 or node.counter("dns_cut") >= 7,
               lambda: f"cut: {node.counter('dns_cut')}", timeout=20)
    for who in (idle, half, greedy):
        who.close()
    many = [socket.create_connection(address) for _ in range(65)]
    assert cut_after(many[0]) < 5, "the first of 65"
    still_answers(node)
    for one in many:
        one.close()


@needs("hedgerow")
def test_rob_dns_nonsense_over_udp(case):
    """Cut, changed and random datagrams of all lengths, answers, and some that are too long: nothing of them is answered with
    more than its length allows, and the node goes on."""
    node = alone(case, "--dns-rate", "0")
    address, rand = node.dns_at[0], random.Random(7)
    good = dig.query("a.b.c." + DOMAIN, options=[dig.subnet("192.0.2.0/24"), (dig.COOKIE, b"12345678")])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(address)
        for i in range(20000):
            message = bytearray(good[:rand.randrange(len(good) + 1)] if i % 3 else rand.randbytes(rand.choice((0, 5, 12, 40, 1500, 3000, 9000))))
            for _ in range(rand.randrange(4)):
                if message:
                    message[rand.randrange(len(message))] = rand.randrange(256)
            asked.send(bytes(message))
            if i % 64 == 0:
                asked.setblocking(False)
                try:
                    while True:
                        assert len(asked.recv(65536)) <= 1232
                except BlockingIOError:
                    pass
                asked.setblocking(True)
    still_answers(node)
    assert node.counter("dns_malformed") > 1000 and node.counter("dns_dropped") > 100, node.metrics()


@needs("hedgerow")
def test_rob_dns_a_flood_in_one_network_s_name_is_limited(case):
    """Of 4,000 queries in some moments 50 a second are answered, and as many at the begin; of the others each second one is
    told to come over TCP, where it is answered; who has a cookie is not limited."""
    node = alone(case, "--dns-rate", "50")
    address = node.dns_at[0]
    cookie = dig.ask(address, DOMAIN, dig.SOA, options=[(dig.COOKIE, b"12345678")]).options[dig.COOKIE]
    began, answers, short = time.monotonic(), 0, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(address)
        asked.settimeout(0.5)
        for _ in range(80):
            for _ in range(50):
                asked.send(dig.query(DOMAIN, dig.SOA))
            asked.setblocking(False)
            time.sleep(0.01)
            try:
                while True:
                    found = dig.Answer(asked.recv(2048))
                    answers, short = answers + (not found.tc), short + found.tc
            except BlockingIOError:
                pass
            asked.setblocking(True)
    most = 100 + 50 * (time.monotonic() - began) + 60
    assert 50 <= answers <= most, f"{answers} answers, {most:.0f} at the most"
    assert short > 500, f"{short} cut short"
    for _ in range(200):
        assert not dig.ask(address, DOMAIN, dig.SOA, options=[(dig.COOKIE, cookie)]).tc
    equal(dig.tcp(address, dig.query(DOMAIN, dig.SOA))[0].rcode, dig.NOERROR, "over TCP")
    assert node.counter("dns_limited") > 500, node.metrics()


@needs("hedgerow")
def test_feat_L2_addresses_and_threads(case):
    """L2: several addresses, of IPv4 and IPv6, several threads; where it listens at any address an answer comes from the one
    that was asked; a port of 0 is one number for UDP and TCP."""
    node = alone(case, "--dns", "[::1]:0", "--dns", "0.0.0.0:0", "--dns-threads", "3")
    equal(len(node.dns_at), 3, "addresses")
    equal(node.status()["dns"]["addresses"], ["{}:{}".format(f"[{ip}]" if ":" in ip else ip, port) for ip, port in node.dns_at],
          "/status")
    for address in (node.dns_at[0], node.dns_at[1], ("127.0.0.1", node.dns_at[2][1]), ("127.9.8.7", node.dns_at[2][1])):
        for _ in range(12):     # by another port of ours each: the kernel deals them out
            equal(dig.ask(address, DOMAIN, dig.SOA).rcode, dig.NOERROR, f"{address} over UDP")
            equal(dig.tcp(address, dig.query(DOMAIN, dig.SOA))[0].rcode, dig.NOERROR, f"{address} over TCP")
    wait_until(lambda: node.counter("dns_queries") == 96, lambda: f"{node.counter('dns_queries')} queries counted")


@needs("hedgerow")
def test_feat_L2_dns_flags(case):
    """--dns wants a domain, and the other flags want --dns; wrong ones say what is right."""
    words = ("run", "--origin", "http://127.0.0.1:9", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--mesh", "127.0.0.1:0",
             "--data", "alone")
    said = case.run(*words, "--dns", "127.0.0.1:0", code=2).stderr
    assert "--dns needs --dns-domain" in said, said
    for more in (("--dns-zone", "a.example"), ("--dns-threads", "2"), ("--dns-rate", "5")):
        said = case.run(*words, *more, code=2).stderr
        assert f"{more[0]} goes with --dns" in said, said
    domain = ("--dns-domain", DOMAIN)
    for more, what in ((("--dns", "x"), "IP address"), (("--dns", "127.0.0.1:0") * 5, "one too many"),
                       (("--dns", "127.0.0.1:0", "--dns-zone", "CDN.example."), "is --dns-domain already"),
                       (("--dns", "127.0.0.1:0", "--dns-zone", "a.b", "--dns-zone", "A.B"), "given twice"),
                       (("--dns", "127.0.0.1:0", "--dns-threads", "17"), "from 1 to 16")):
        said = case.run(*words, *domain, *more, code=2).stderr
        assert what in said, said
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        said = case.run(*words, *domain, "--dns", "127.0.0.1:{}".format(taken.getsockname()[1]), code=78).stderr
        assert "--dns" in said and "cannot listen" in said, said

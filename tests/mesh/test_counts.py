"""A neighbour is asked before the origin is, and everything that counts agrees on it."""
import collections
import threading

import bodies
import client
from harness import at_once, equal, needs, total

URLS, WORKERS = 1000, 8


def object_of(i):
    """The i-th object's length, kind and URL: from 1 byte to 1.5 leaves, noise and words."""
    length = 100000 if i % 50 == 0 else 1 + i * 7919 % 6000
    return length, i % 2 == 1, f"/bytes/{length}?seed={i}" + ("&text=1" if i % 2 else "")


def check_answer(nodes, asked, first, answer):
    """What the answer's head says of where it came from."""
    hops, names = answer.hops(), {node.name for node in nodes}
    equal(hops[-1][0], asked.name, "the last hop")
    said = f"{asked.name}: X-Cache {answer.get('X-Cache')}, Cache-Status {answer.get('Cache-Status')}"
    assert {name for name, _ in hops} <= names, said
    assert "Via" in dict(answer.headers) and int(answer.get("Age", "-1")) >= 0 and answer.get("X-Request-Id"), said
    if first:
        assert answer.result() == "Miss" and not any("hit" in params for _, params in hops), said
    elif answer.result() == "Hit":
        assert "hit" in hops[-1][1] and len(hops) == 1, said
    else:
        assert answer.result() == "PeerHit" and "fwd" in hops[-1][1], said
        assert len(hops) == 2 and hops[0][0] != asked.name and "hit" in hops[0][1], said


def ask_all(nodes):
    """Each URL once at every node, the first node another one each time; returns what each node answered."""
    words = {node.name: collections.Counter() for node in nodes}
    sent = collections.Counter()
    lock = threading.Lock()

    def worker(number):
        connections = [client.Connection(node.http) for node in nodes]
        for i in range(number, URLS, WORKERS):
            length, text, target = object_of(i)
            want = bodies.body(length, str(i), text)
            for turn in range(len(nodes)):
                at = (i // WORKERS + turn) % len(nodes)
                answer = connections[at].request(target)
                equal((answer.status, answer.body == want), (200, True), f"{target} at {nodes[at].name}")
                check_answer(nodes, nodes[at], turn == 0, answer)
                with lock:
                    words[nodes[at].name][answer.result()] += 1
                    sent[nodes[at].name] += length
        for connection in connections:
            connection.close()
    at_once(WORKERS, worker)
    return words, sent


@needs("hedgerow", timeout=240)
def test_each_url_is_fetched_once_by_the_whole_mesh(case):
    """C1, M6: 1,000 URLs, each asked once at every one of five nodes in two zones: the origin counts exactly 1,000; each
    body equals the origin's; the 4,000 other answers name a neighbour or a local hit in Cache-Status; /status, access
    log, metrics and the origin's counter agree."""
    origin = case.origin()
    nodes = case.mesh(5, origin.url)
    words, sent = ask_all(nodes)
    equal((origin.total, len(origin.counts)), (URLS, URLS), "requests at the origin, and URLs among them")
    equal(sum((words[node.name] for node in nodes), collections.Counter())["Miss"], URLS, "misses")
    all_bytes = sum(object_of(i)[0] for i in range(URLS))
    for node in nodes:
        mine = words[node.name]
        status = node.wait_status(lambda s: s["requests"]["total"] >= URLS, "all requests are counted")
        equal({k: v for k, v in status["requests"].items() if v},
              {k: v for k, v in {"total": URLS, "hit": mine["Hit"], "peer": mine["PeerHit"],
                                 "origin": mine["Miss"]}.items() if v}, f"{node.name}'s requests")
        equal(status["bytes"]["viewer"], sent[node.name], f"{node.name}'s bytes to viewers")
        lines = node.wait_access_log(URLS)
        equal(collections.Counter(line["result"] for line in lines), mine, f"{node.name}'s log")
        equal(sum(line["bytes"] for line in lines), sent[node.name], f"{node.name}'s bytes in the log")
        equal(len({line["request_id"] for line in lines}), URLS, f"{node.name}'s request ids")
        equal({line["uri"] for line in lines}, {object_of(i)[2] for i in range(URLS)}, f"{node.name}'s URLs in the log")
        equal({(line["node"], line["status"], line["method"]) for line in lines}, {(node.name, 200, "GET")},
              f"{node.name}'s lines")
        equal(node.counter("requests"), URLS, f"{node.name}'s metric")
    equal(sum(node.status()["bytes"]["origin"] for node in nodes), all_bytes, "bytes from the origin")
    equal(total(nodes, "origin_fetches"), URLS, "origin fetches by the nodes' own count")
    # Bytes that go to a neighbour come from one, verified; words travel packed.
    statuses = [node.status() for node in nodes]
    moved = sum(status["bytes"]["peer_in"] for status in statuses)
    # An owner that was asked a moment too long ago may be outrun by the next one, and has sent in vain.
    vain = sum(status["bytes"]["peer_out"] for status in statuses) - moved
    assert vain == 0 or 0 < vain < moved * 0.05 and total(nodes, "hedges") > 0, f"{vain} of {moved} bytes sent in vain"
    assert sum(status["bytes"]["peer_in_wire"] for status in statuses) < 0.85 * moved, statuses
    equal(sum(status["transfers"]["rejected"] for status in statuses), 0, "transfers rejected")

"""A node that dies without a word, under load."""
import random
import threading
import time

import bodies
import client
from harness import at_once, equal, needs, quick, soak, wait_until

WORKERS, OBJECTS = 8, 400
DEAD_WITHIN = 15


class Load:
    """Steady requests to some nodes, half for objects never asked before, each answer checked to the last byte."""
    new, pause = 0.5, 0.02

    def __init__(self, nodes):
        self.nodes = nodes
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.done = self.slowest = 0
        self.failures = []
        self.fresh = OBJECTS

    def at(self, choice, worker):
        """The node that is asked next."""
        return choice.randrange(len(self.nodes))

    def one(self, connections, choice, worker):
        at = self.at(choice, worker)
        with self.lock:
            self.fresh += 1
            number = self.fresh if choice.random() < self.new else choice.randrange(self.fresh)
        length = 1 + number * 104729 % 65536 + (200000 if number % 40 == 0 else 0)
        target = f"/bytes/{length}?seed=k{number}"
        began = time.monotonic()
        try:
            if at not in connections:
                connections[at] = client.Connection(self.nodes[at].http, timeout=15)
            checker = bodies.Checker(length, f"k{number}")
            answer = connections[at].request(target, on_body=checker.feed)
            equal(answer.status, 200, "the status")
            checker.end()
        except Exception as error:
            connections.pop(at, None)
            with self.lock:
                self.failures.append(f"{target} at {self.nodes[at].name}: {type(error).__name__} {error}")
        with self.lock:
            self.done += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
        return at

    def worker(self, number):
        choice, connections = random.Random(number), {}
        while not self.stop.is_set():
            self.one(connections, choice, number)
            time.sleep(self.pause)
        for connection in connections.values():
            connection.close()

    def __enter__(self):
        self.thread = threading.Thread(target=at_once, args=(WORKERS, self.worker))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


@needs("hedgerow", release=True, timeout=150)
def test_a_killed_node_costs_no_viewer_anything(case):
    """K1: SIGKILL to one of five nodes under steady load, a fifth of whose keys it owned: of the requests to the other
    four none fails and no byte is wrong; within 15 s it is known dead everywhere."""
    origin = case.origin()
    nodes = case.mesh(5, origin.url)
    victim, others = nodes[2], [node for node in nodes if node is not nodes[2]]
    share = victim.status()["ring"]["owned_share"]
    assert 0.15 < share < 0.25, share
    with Load(others) as load:
        time.sleep(12 if soak() else 4)
        assert load.done > 100 and not load.failures, (load.done, load.failures[:5])
        before = load.done
        victim.kill()
        killed = time.monotonic()
        for node in others:
            node.wait_status(lambda s, n=node: n.members(s)[victim.name] == "dead", f"{victim.name} is dead",
                             timeout=max(0.1, killed + DEAD_WITHIN - time.monotonic()))
        known = time.monotonic() - killed
        time.sleep(max(0, killed + (60 if soak() else 16) - time.monotonic()))
    equal(load.failures[:5], [], f"failures in {load.done} requests, {load.done - before} of them after the kill")
    assert load.done - before > 400, load.done
    print(f"{load.done} requests, dead everywhere after {known:.1f} s, slowest answer {load.slowest:.2f} s")
    quick(load.slowest, 5, "the slowest answer")
    # The ring closes over the gap, and the mesh goes on sharing.
    wait_until(lambda: all(len([m for m in node.status()["mesh"]["members"] if m["ring_share"] > 0]) == 4
                           for node in others), "four nodes share the ring", timeout=30)
    origin.forget()
    for node in others:
        equal(node.get("/bytes/5000?seed=afterwards").body, bodies.body(5000, "afterwards"), "a body afterwards")
    equal(origin.count("/bytes/5000?seed=afterwards"), 1, "requests at the origin afterwards")


@needs("hedgerow", timeout=120)
def test_the_fetching_node_dies_in_the_middle(case):
    """M7: the node that fetches from the origin is killed in mid-body; viewers at the others get every byte on the same
    connection, and the origin is asked twice at most."""
    origin = case.origin()
    nodes = case.mesh(5, origin.url)
    length = 3 << 20
    target = f"/bytes/{length}?seed=mid&etag=%22one%22&gate=rest&gate_at={1 << 20}"
    asked = [0] * len(nodes)
    ended = [None] * len(nodes)

    def view(i):
        checker = bodies.Checker(length, "mid")

        def on_body(data):
            asked[i] += len(data)
            checker.feed(data)
        try:
            answer = client.fetch(nodes[i].http, target, on_body=on_body, timeout=40)
            checker.end()
            ended[i] = answer.status
        except Exception as error:
            ended[i] = repr(error)
    threads = [threading.Thread(target=view, args=(i,)) for i in range(len(nodes))]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(asked), lambda: f"first bytes everywhere: {asked}")
    fetcher = max(range(len(nodes)), key=lambda i: nodes[i].status()["bytes"]["origin"])
    nodes[fetcher].kill()
    origin.open_gate("rest")
    for thread in threads:
        thread.join(60)
    equal([ended[i] for i in range(len(nodes)) if i != fetcher], [200] * (len(nodes) - 1), "answers at the others")
    assert origin.count(target) <= 2, origin.count(target)

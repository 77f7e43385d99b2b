"""Wrong bits on the wire between nodes."""
import random
import threading
import time

import bodies
import client
from harness import at_once, equal, needs, total, wait_until

FLIPS, WORKERS = 10000, 6


class Load:
    """Requests for cold objects, so that bytes travel between nodes all the time."""

    def __init__(self, nodes):
        self.nodes, self.stop = nodes, threading.Event()
        self.number, self.done = 0, 0
        self.failures, self.wrong = [], []
        self.lock = threading.Lock()

    def worker(self, number):
        choice = random.Random(number)
        while not self.stop.is_set():
            with self.lock:
                self.number += 1
                name = f"f{self.number}"
            length = choice.choice((900, 70000, 500000))
            target, node = f"/bytes/{length}?seed={name}", choice.choice(self.nodes)
            checker = bodies.Checker(length, name)
            try:
                answer = client.fetch(node.http, target, on_body=checker.feed, timeout=20)
                equal(answer.status, 200, "the status")
                checker.end()
            except bodies.Wrong as error:
                self.wrong.append(f"{target} at {node.name}: {error}")
            except Exception as error:
                self.failures.append(f"{target} at {node.name}: {type(error).__name__} {error}")
            self.done += 1


@needs("hedgerow", "relay", timeout=240, patient=False)
def test_rob_N5_10000_flipped_bits_reach_no_viewer(case):
    """M9, N5: a relay before each of five nodes flips 10,000 bits of what goes between them, sparsely, then densely:
    sessions are dropped and counted, no viewer gets a wrong byte or an error, and afterwards the mesh is whole again."""
    origin = case.origin()
    nodes = case.mesh(5, origin.url, relays=True)
    load = Load(nodes)
    thread = threading.Thread(target=at_once, args=(WORKERS, load.worker))
    thread.start()

    def flips():
        return sum(node.relay.stats()["flips"] for node in nodes)
    began = time.monotonic()
    while flips() < FLIPS:
        # One in a transfer, then dozens in each leaf, then hardly a handshake without one.
        for per_mb, seconds in ((20, 1), (400, 2), (1000, 4), (3000, 1)):
            for node in nodes:
                node.relay.tell("heal")
                node.relay.tell(f"flip {FLIPS} {per_mb}")
            time.sleep(seconds)
        assert time.monotonic() - began < 150, f"{flips()} flips only"
    for node in nodes:
        node.relay.tell("heal")
    load.stop.set()
    thread.join()
    print(f"{load.done} requests, {flips()} flips, {total(nodes, 'sessions_broken')} sessions broken")
    equal(load.wrong, [], "wrong bytes")
    equal(load.failures[:5], [], f"failures in {load.done} requests")
    assert total(nodes, "sessions_broken") > 20
    assert total(nodes, "mesh_datagrams_unsealed") + total(nodes, "mesh_datagrams_malformed") > 0
    # Sealed records stop every flip before a leaf's signature has to.
    equal(total(nodes, "transfers_rejected"), 0, "transfers rejected")
    case.wait_agreed(nodes)
    rounds = iter(range(1000))

    def whole_again():
        """Twenty cold objects, each asked for everywhere, cost twenty fetches."""
        origin.forget()
        number = next(rounds)
        for i in range(20):
            for node in nodes:
                name = f"after{number}-{i}"
                equal(node.get(f"/bytes/5000?seed={name}").body, bodies.body(5000, name), "a body afterwards")
        return origin.total == 20
    wait_until(whole_again, lambda: f"one fetch an object; {origin.total} for 20", timeout=30)

"""A node's start, its signs of life, and its end."""
import signal
import threading
import time

import bodies
import client
from harness import TIMERS, equal, needs, wait_until


class Download:
    """A download that stands in the middle until its gate is opened."""

    def __init__(self, origin, node, name, length=500000, at=100000):
        self.origin, self.name, self.length = origin, name, length
        self.got, self.error, self.answer = 0, None, None
        self.checker = bodies.Checker(length, name)
        self.target = f"/bytes/{length}?seed={name}&gate={name}&gate_at={at}"
        self.thread = threading.Thread(target=self._run, args=(node,))
        self.thread.start()
        wait_until(lambda: self.got or self.error, "first bytes of the download")

    def _run(self, node):
        try:
            self.answer = client.fetch(node.http, self.target, on_body=self._body, timeout=60)
            self.checker.end()
        except Exception as error:
            self.error = error

    def _body(self, data):
        self.got += len(data)
        self.checker.feed(data)

    def finish(self):
        self.origin.open_gate(self.name)
        self.thread.join(30)
        return self.error


@needs("hedgerow")
def test_sigterm_leaves_the_mesh_and_finishes_what_is_in_flight(case):
    """RS3, A10: SIGTERM under way: /readyz says no and /livez yes, the others see the node leave (not die), a download
    that was under way is finished to its last byte, then exit 0; the others serve on."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url, timers=TIMERS["drain"])
    leaver, others = nodes[1], [nodes[0], nodes[2]]
    equal(leaver.admin_get("/readyz").status, 200, "/readyz before")
    idle = client.Connection(leaver.http)
    equal(idle.request("/bytes/10?seed=idle").status, 200, "a request on a connection that stays open")
    download = Download(origin, leaver, "flight")
    leaver.signal(signal.SIGTERM)
    wait_until(lambda: leaver.admin_get("/readyz").status == 503, "/readyz says no", timeout=10)
    equal(leaver.admin_get("/livez").status, 200, "/livez while draining")
    for node in others:
        node.wait_status(lambda s, n=node: n.members(s)[leaver.name] == "left", "it has left", timeout=5)
    equal((leaver.running, download.error), (True, None), "it waits for the download")
    assert idle.at_end(), "an idle connection stays open"
    equal(download.finish(), None, "the end of the download")
    equal(leaver.wait_exit(10), 0, "exit code")
    for node in others:
        for i in range(20):
            equal(node.get(f"/bytes/1000?seed=later{i}").status, 200, "a request afterwards")
    equal(origin.total, 22, "requests at the origin")


@needs("hedgerow")
def test_a_node_without_work_ends_at_once(case):
    """SIGTERM to an idle node with idle connections: exit 0 at once, and not when the time for draining is over, after 30 s;
    SIGINT is the same."""
    for number in (signal.SIGTERM, signal.SIGINT):
        node = case.node(f"fra-{int(number)}", "http://127.0.0.1:9")
        held = client.Connection(node.http)
        node.signal(number)
        equal(node.wait_exit(10), 0, "exit code")
        held.close()


@needs("hedgerow")
def test_a_second_sigterm_ends_at_once(case):
    """With a download under way that never ends: the first waits, the second does not."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    download = Download(origin, node, "endless")
    node.signal(signal.SIGTERM)
    wait_until(lambda: node.admin_get("/readyz").status == 503, "/readyz says no", timeout=10)
    time.sleep(0.5)
    equal(node.running, True, "it waits")
    node.signal(signal.SIGTERM)
    node.wait_exit(10)                  # the first would have it wait for 30 s
    download.thread.join(10)
    assert isinstance(download.error, (client.Broken, ConnectionResetError)), download.error


@needs("hedgerow")
def test_draining_has_an_end(case):
    """A download that never ends holds the node up for the drain time and no longer; exit 0."""
    origin = case.origin()
    node = case.node("fra-1", origin.url, timers={"drain": "2s"})
    download = Download(origin, node, "endless")
    began = time.monotonic()
    node.signal(signal.SIGTERM)
    equal(node.wait_exit(20), 0, "exit code")
    assert time.monotonic() - began > 1.8, time.monotonic() - began
    download.thread.join(10)
    assert isinstance(download.error, (client.Broken, ConnectionResetError)), download.error


def status_and_metrics(node):
    """Both, of one moment: second copies still come while they are read, so until the status has stayed as it was."""
    def look():
        before, metrics, after = node.status(), node.metrics(), node.status()
        return all(before[part] == after[part] for part in ("requests", "bytes", "cache")) and (after, metrics)
    return wait_until(look, f"{node.name}: nothing comes any more")


@needs("hedgerow")
def test_all_that_is_seen_of_a_node_agrees(case):
    """/status, /metrics, /readyz, /livez, the log and `hedgerow status` tell one story, of two nodes."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    for i in range(40):
        equal(nodes[i % 2].get(f"/bytes/2000?seed={i % 30}").status, 200, "a request")
    for node in nodes:
        node.wait_status(lambda s: s["requests"]["total"] == 20, "all requests are counted")
        status, metrics = status_and_metrics(node)
        for ours, theirs in (("total", "requests"), ("hit", "requests_hit"), ("peer", "requests_peer"),
                             ("origin", "requests_origin"), ("error", "requests_error")):
            equal(metrics[f"hedgerow_{theirs}_total"], status["requests"][ours], f"{node.name}: {theirs}")
        equal(status["requests"]["total"], sum(v for k, v in status["requests"].items() if k != "total"), "the sum")
        for ours, theirs in (("viewer", "bytes_viewer"), ("peer_in", "bytes_peer_in"), ("origin", "bytes_origin")):
            equal(metrics[f"hedgerow_{theirs}_total"], status["bytes"][ours], f"{node.name}: {theirs}")
        equal(metrics["hedgerow_cache_objects"], status["cache"]["objects"], f"{node.name}: objects")
        equal(metrics['hedgerow_members{state="alive"}'], 2, f"{node.name}: members alive")
        equal(metrics["hedgerow_ready"], 1, f"{node.name}: ready")
        equal(sum(line["bytes"] for line in node.wait_access_log(20)), status["bytes"]["viewer"], "bytes in the log")
        equal((node.admin_get("/livez").status, node.admin_get("/readyz").status), (200, 200), "the probes")
        said = case.run("status", "--admin", "{}:{}".format(*node.admin)).stdout
        for word in (nodes[0].name, nodes[1].name, "eu/fra", "eu/ams", "alive"):
            assert word in said, f"\"{word}\" is not in {said}"
        rtts = [m["rtt_ms"] for m in status["mesh"]["members"] if m["name"] != node.name]
        wait_until(lambda n=node: all(m["rtt_ms"] for m in n.status()["mesh"]["members"] if m["name"] != n.name),
                   f"round-trip times, first seen {rtts}", timeout=10)


@needs("hedgerow")
def test_a_node_that_joins_late_takes_its_share(case):
    """A third node joins two through one seed: all agree within seconds, each has a third of the ring, and objects
    that are there already are found at their holders, not at the origin."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    targets = [f"/bytes/1500?seed=old{i}" for i in range(60)]
    for target in targets:
        for node in nodes:
            node.get(target)
    equal(origin.total, 60, "requests at the origin before")
    late = case.node("lon-3", origin.url, zone="eu/lon", seeds=[nodes[1].mesh])
    nodes.append(late)
    case.wait_agreed(nodes)
    for node in nodes:
        for member in node.status()["mesh"]["members"]:
            assert 0.3 < member["ring_share"] < 0.37, member
    for target in targets:
        equal(late.get(target).status, 200, "an old object at the new node")
    # Those that the new node now owns itself it must fetch: nobody is asked sideways.
    assert origin.total <= 60 + 60 * 0.55, origin.total


@needs("hedgerow")
def test_a_restarted_node_comes_back(case):
    """SIGKILL and the same node file and data again: it is alive everywhere under its name, with a higher boot, within
    seconds, although it was known dead or not yet."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    for pause in (0, 8):
        gone = nodes[2]
        gone.kill()
        time.sleep(pause)
        again = case.node(gone.name, origin.url, node_file=f"{case.folder}/authority-{gone.name}.node",
                          seeds=[nodes[0].mesh])
        nodes[2] = again
        case.wait_agreed(nodes)
        for node in nodes:
            node.get(f"/bytes/1000?seed=again{pause}")
        equal(origin.count(f"/bytes/1000?seed=again{pause}"), 1, "requests at the origin")

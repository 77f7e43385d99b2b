"""Viewers far from each other, each on a host of its own, reach the edge that is nearest: by DNS and by redirect."""
import os
import time

from far import HOME, Far
from harness import equal, needs, soak, wait_until

HOST = "photos.cdn.test"
EDGES = {"fra-1": ("198.18.1.1", "eu/fra"), "nyc-1": ("198.18.2.1", "us/nyc"), "sin-1": ("198.18.3.1", "ap/sin")}
# Viewers, their networks, and how far, in milliseconds, each edge is: the nearest one first.
VIEWERS = {"muc": ("198.18.101.10", {"fra-1": 12, "nyc-1": 100, "sin-1": 170}),
           "bos": ("198.18.102.10", {"nyc-1": 15, "fra-1": 95, "sin-1": 230}),
           "kul": ("198.18.103.10", {"sin-1": 10, "fra-1": 180, "nyc-1": 240})}
BETWEEN = {("fra-1", "nyc-1"): 90, ("fra-1", "sin-1"): 175, ("nyc-1", "sin-1"): 225}


class World:
    """Three edges that answer DNS at port 53, and three viewers whose resolver is the edge farthest from them."""

    def __init__(self, case):
        self.case, self.net = case, Far(case)
        self.origin = case.origin(host=HOME)
        net = self.net
        homes = {name: net.host(address, name) for name, (address, _) in EDGES.items()}
        self.viewers = {name: net.host(address, name) for name, (address, _) in VIEWERS.items()}
        for (one, other), ms in BETWEEN.items():
            net.rtt(one, other, ms)
        for name, (_, far) in VIEWERS.items():
            for edge, ms in far.items():
                net.rtt(name, edge, ms)
        net.begin()
        config = os.path.join(case.folder, "photos.yaml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(f"distributions:\n  - {{ name: photos, hosts: {HOST}, origins: \"{self.origin.url}\", steering: {{ redirect: nearest }} }}\n")
        self.nodes = {}
        for name, (address, zone) in EDGES.items():
            self.nodes[name] = net.node(homes[name], name, zone, config, ["198.18.1.1:7400"] if self.nodes else [],
                                        ["--dns", f"{address}:53", "--dns-domain", "cdn.test"])
        for node in self.nodes.values():
            node.wait_ready()
        wait_until(lambda: all(list(node.members().values()) == ["alive"] * len(EDGES) for node in self.nodes.values()), "all have met")
        for name, host in self.viewers.items():
            resolv = os.path.join(case.folder, f"{name}.resolv")
            farthest = list(VIEWERS[name][1])[-1]
            with open(resolv, "w", encoding="utf-8") as out:
                out.write(f"nameserver {EDGES[farthest][0]}\noptions timeout:3\n")
            equal(host.run("mount", "--bind", resolv, "/etc/resolv.conf"), "", "a resolver for the viewer")

    def visit_all(self):
        """Each viewer fetches something from each edge, so that each edge measures the way to it."""
        for viewer in self.viewers.values():
            for name in self.nodes:
                got = viewer.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {HOST}",
                                 f"http://{EDGES[name][0]}/bytes/20000?seed=visit")
                assert got in ("200", "307"), got

    def dig(self, at, viewer, kind="A", name=None):
        """What the edge |at| answers for the network of |viewer|; asked by the first viewer for all."""
        network = ".".join(VIEWERS[viewer][0].split(".")[:3]) + ".0/24"
        return self.viewers["muc"].run("kdig", "+short", "+timeout=3", f"+subnet={network}", f"@{EDGES[at][0]}",
                                       name or HOST, kind).split()


@needs("hedgerow", timeout=240)
def test_feat_L1_feat_L2_feat_L3_viewers_reach_the_edge_that_is_nearest(case):
    """L1, L2, L3: edges in three regions and viewers near each, on hosts whose packets take as long as said. What edges have
    measured is known to all: each of them answers DNS with the edge that is nearest to the network that the query names; curl
    finds that edge through the system's resolver, and by redirect from a farther one, with path and query as they were. A killed edge
    is in no answer any more."""
    world = World(case)
    nearest = {viewer: list(far) for viewer, (_, far) in VIEWERS.items()}

    def all_know():
        world.visit_all()
        return all(world.dig(at, viewer)[:1] == [EDGES[nearest[viewer][0]][0]] for at in EDGES for viewer in VIEWERS)
    wait_until(all_know, lambda: {(at, v): world.dig(at, v) for at in EDGES for v in VIEWERS}, timeout=90)

    path = "/bytes/3000?seed=a&b=%20c&d=%2F"
    for name, viewer in world.viewers.items():
        edge = EDGES[nearest[name][0]][0]
        got = viewer.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{remote_ip} %{num_redirects}",
                         f"http://{HOST}{path}")
        equal(got, f"200 {edge} 0", f"{name}, by the name")
        for method in ("GET", "POST"):
            got = viewer.run("curl", "-s", "-L", "-o", "/dev/null", "-X", method, "--resolve",
                             f"{HOST}:80:{EDGES[nearest[name][-1]][0]}", "-w",
                             "%{http_code} %{remote_ip} %{num_redirects} %{method} %{url_effective}", f"http://{HOST}{path}")
            code, ip, redirects, sent, url = got.split()
            equal((code, ip, redirects, sent), ("200", edge, "1", method), f"{name}, sent on from the farthest: {got}")
            assert url.endswith(f"--{nearest[name][0]}.cdn.test{path}"), url

    world.nodes["fra-1"].kill()
    killed = time.monotonic()
    address = EDGES["fra-1"][0]
    wait_until(lambda: all(address not in world.dig(at, viewer) for at in ("nyc-1", "sin-1") for viewer in VIEWERS),
               "the killed edge is in no answer", timeout=30)
    gone = time.monotonic() - killed
    print(f"the killed edge was in no answer {gone:.1f} s later")
    assert not soak() or gone <= 10, f"{gone:.1f} s"
    got = [world.dig(at, "muc")[:1] for at in ("nyc-1", "sin-1")]
    equal(got, [[EDGES["nyc-1"][0]]] * 2, "the next nearest")
    got = world.viewers["muc"].run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{remote_ip}", f"http://{HOST}{path}")
    equal(got, f"200 {EDGES['nyc-1'][0]}", "muc, by the name, then")

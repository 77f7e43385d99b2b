"""Two regions, and one of them between the other and the origin."""
import time

from harness import equal, needs, quick, total, wait_until


def regions(case, url, names, flags=(), timers=None):
    """A node for each name, in the region that the name begins with; they know each other and their region's ring."""
    nodes = []
    for name in names:
        nodes.append(case.node(name, url, f"{name[:2]}/{name}", seeds=[nodes[0].mesh] if nodes else [], flags=flags,
                               timers={"ring-join": "200ms", **(timers or {})}, wait=bool(not nodes)))
    for node in nodes[1:]:
        node.wait_ready()
    for node in nodes:
        mates = sum(name[:2] == node.name[:2] for name in names)
        node.wait_status(lambda s: len([m for m in s["mesh"]["members"] if m["state"] == "alive"]) == len(names)
                         and (mates == 1 or 0 < s["ring"]["owned_share"] < 1)
                         and (flags == () or node.name[:2] == "us" or s["parent"]["nodes"] == 2),
                         "all members, its region's ring and the parent's")
    return nodes


@needs("hedgerow")
def test_feat_M19_only_the_parent_region_asks_the_origin(case):
    """M19: with a parent region only its nodes turn to the origin, and Cache-Status and the log name them; one of them
    dies: the other one goes on within 5 s; both do: each region asks for itself, and nothing fails."""
    origin = case.origin()
    nodes = regions(case, origin.url, ("eu-1", "eu-2", "us-1", "us-2"), flags=("--parent-region", "us"))
    eu, us = nodes[:2], nodes[2:]
    for i in range(10):
        answer = eu[i % 2].get(f"/bytes/{1000 + i}?seed=a{i}")
        equal((answer.status, len(answer.body), answer.result()), (200, 1000 + i, "Miss"), "the answer")
        hops = [name for name, _ in answer.hops()]
        assert hops[0] in ("us-1", "us-2") and hops[-1] == eu[i % 2].name, hops
        again = us[i % 2].get(f"/bytes/{1000 + i}?seed=a{i}")
        assert again.result() in ("Hit", "PeerHit"), again.headers
    equal((total(eu, "origin_fetches"), total(us, "origin_fetches")), (0, 10), "fetches")
    us[0].get("/bytes/5000?seed=us")
    answer = eu[0].get("/bytes/5000?seed=us")
    equal(answer.result(), "PeerHit", "what the parent has is no miss")
    equal([line["result"] for line in eu[0].wait_access_log(6)][-1], "PeerHit", "and the log says so")
    equal(eu[0].status()["parent"]["region"], "us", "/status")

    us[0].kill()
    died = time.monotonic()
    for i in range(10):
        answer = eu[i % 2].get(f"/bytes/{1000 + i}?seed=b{i}")
        equal((answer.status, answer.hops()[0][0]), (200, "us-2"), "the successor")
    quick(time.monotonic() - died, 5, "until the successor had answered all")
    equal(total(eu, "origin_fetches"), 0, "fetches of eu")
    us[1].kill()
    for i in range(4):
        equal(eu[i % 2].get(f"/bytes/{1000 + i}?seed=c{i}").status, 200, "without any parent")
    equal(total(eu, "origin_fetches"), 4, "fetches of eu")


@needs("hedgerow")
def test_feat_M18_nodes_measure_how_far_the_origin_is(case):
    """M18: without a word of the operator the nodes measure it and agree on a parent; the origin is asked nothing for
    it."""
    origin = case.origin()
    nodes = regions(case, origin.url, ("eu-1", "us-1"), timers={"parent": "1s"})

    def agreed():
        seen = [node.status()["parent"] for node in nodes]
        return (len({parent["region"] for parent in seen}) == 1 and seen[0]["region"] in ("eu", "us")
                and all(parent["measured"] and all(r["stated"] == 1 for r in parent["regions"]) for parent in seen))
    wait_until(agreed, lambda: f"one parent: {[node.status()['parent'] for node in nodes]}")
    equal(origin.total, 0, "requests at the origin")

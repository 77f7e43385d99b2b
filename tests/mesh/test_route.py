"""Which edge a viewer is sent to, as any node tells it: from round-trip times of real connections."""
import json
import signal

from harness import equal, needs, wait_until


def route(node, address="127.0.0.1", **more):
    query = "".join(f"&{key}={value}" for key, value in more.items())
    answer = node.admin_get(f"/route?address={address}{query}")
    equal(answer.status, 200, f"{node.name}'s /route")
    return answer.json()


def by_name(answer):
    return {candidate["name"]: candidate for candidate in answer["candidates"]}


def measured(answer):
    return sorted(name for name, candidate in by_name(answer).items() if candidate["basis"] == "measured")


def hits(nodes, count=3):
    for node in nodes:
        for i in range(count):
            equal(node.get(f"/bytes/1000?seed=route{i}").status, 200, "a hit")


@needs("hedgerow")
def test_feat_L4_what_sockets_show_is_known_at_all_nodes(case):
    """L4: round-trip times of viewers' connections, as the kernel has them, are known at every node within seconds,
    with each edge's own figure; hedgerow route says so in words and as JSON, and both agree."""
    nodes = case.mesh(3, case.origin().url)
    names = sorted(node.name for node in nodes)
    hits(nodes)
    for node in nodes:
        wait_until(lambda n=node: measured(route(n)) == names,
                   lambda n=node: f"{n.name} knows figures of all edges; it has {json.dumps(route(n))}")
        answer = route(node)
        equal((answer["network"], answer["row"]["network"]), ("127.0.0.0/24", "127.0.0.0/24"), "the network")
        assert answer["choice"]["edges"][0] in names and 5 <= answer["choice"]["ttl_s"] <= 60, answer["choice"]
        for name, candidate in by_name(answer).items():
            equal((candidate["reason"], candidate["alive"], candidate["ready"]), ("in order", True, True), name)
            equal(candidate["addresses"], ["127.0.0.1"], f"where viewers reach {name}")
            assert 0 < candidate["expected_ms"] < 1000, candidate
        assert node.counter("steer_samples") >= 3 and node.counter("steer_heard") > 0, "they are counted"
        equal(node.counter("steer_refused"), 0, "refused")
        busiest = node.status()["steering"]["busiest"]
        equal(busiest[0]["network"], "127.0.0.0/24", "the busiest network")
    ports = {node.name: node.http[1] for node in nodes}
    equal({name: c["http"] for name, c in by_name(route(nodes[0])).items()}, ports, "viewers' ports")


@needs("hedgerow")
def test_feat_L4_the_command_says_it_in_words(case):
    """L4: the command's text names the edge of its own JSON, lists all of them, and refuses what is no address."""
    nodes = case.mesh(2, case.origin().url)
    hits(nodes)
    admin = "{}:{}".format(*nodes[0].admin)
    names = sorted(node.name for node in nodes)
    wait_until(lambda: measured(route(nodes[0])) == names, "figures of both")
    first = json.loads(case.run("route", "127.0.0.1", "--admin", admin, "--json").stdout)["choice"]["edges"][0]
    text = case.run("route", "127.0.0.1", "--admin", admin).stdout
    assert text.startswith("127.0.0.1 is sent to "), text
    assert "measured from 127.0.0.0/24" in text.splitlines()[0], text
    now = json.loads(case.run("route", "127.0.0.1", "--admin", admin, "--json").stdout)["choice"]["edges"][0]
    if first == now:
        assert text.startswith(f"127.0.0.1 is sent to {first} ("), text
    for name in names:
        assert any(line.split()[:1] == [name] for line in text.splitlines()[1:]), text
    for wrong in ("nobody", "203.0.113.0/24", "1.2.3.4:80", "1.2.3"):
        said = case.run("route", wrong, "--admin", admin, code=2).stderr
        assert "203.0.113.7" in said, said
    said = case.run("route", "127.0.0.1", "--host", "a b", "--admin", admin, code=2).stderr
    assert "host" in said, said
    equal(nodes[0].admin_get("/route").status, 400, "/route for nobody")
    equal(nodes[0].admin_get("/route?address=127.0.0.1&family=5").status, 400, "/route of a fifth kind")
    six = by_name(route(nodes[0], family=6))
    equal({c["reason"] for c in six.values()}, {"no address of this kind"}, "none has IPv6")


@needs("hedgerow")
def test_feat_L3_who_stops_is_not_answered(case):
    """L3: a node that is drained is not answered by the others within a second, one that crashes within 10 s, and both
    are said to be what they are."""
    nodes = case.mesh(3, case.origin().url)
    hits(nodes)
    stays, drained, crashed = nodes
    names = sorted(node.name for node in nodes)
    wait_until(lambda: measured(route(stays)) == names, "figures of all")
    case.run("drain", "--admin", "{}:{}".format(*drained.admin), "--token-file", f"{drained.data}/admin.token")
    wait_until(lambda: by_name(route(stays))[drained.name]["reason"] == "draining", "the drain is known", timeout=2)
    assert drained.name not in route(stays)["choice"]["edges"]
    crashed.kill()
    wait_until(lambda: crashed.name not in route(stays)["choice"]["edges"], "the crash is known", timeout=10)
    wait_until(lambda: by_name(route(stays))[crashed.name]["reason"] == "not alive", "it is held for dead")
    equal(route(stays)["choice"]["edges"][0], stays.name, "who is left")
    drained.signal(signal.SIGTERM)
    wait_until(lambda: by_name(route(stays))[drained.name]["reason"] == "not alive", "it has left")

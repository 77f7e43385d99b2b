"""How a node finds its mesh again, and what it says when it is lost."""
import os

from harness import equal, needs, wait_until


def alarms(node):
    return [alarm["name"] for alarm in node.status()["alarms"]]


@needs("hedgerow")
def test_g3_a_node_whose_seeds_are_gone_finds_the_mesh_again(case):
    """G3: members are remembered: a node that was ended comes back although its only seed is gone, and one whose only
    seed leads to a mesh of liars of its own making comes back too."""
    origin = case.origin()
    nodes = case.mesh(4, origin.url, zones=("eu/a", "eu/b", "eu/c", "eu/d"))
    seed, comes_back = nodes[0], nodes.pop()
    comes_back.ask_to_end()
    equal(comes_back.wait_exit(), 0, "its end")
    with open(os.path.join(comes_back.data, "known"), encoding="ascii") as file:
        lines = [line.split() for line in file if not line.startswith("#")]
    equal(sorted(line[2] for line in lines), sorted(node.name for node in nodes), "the members it remembers")
    nodes.pop(0)
    seed.kill()
    node_file = f"{case.folder}/authority-{comes_back.name}.node"
    again = case.node(comes_back.name, origin.url, node_file=node_file, seeds=[seed.mesh], data=comes_back.data)
    case.wait_agreed(nodes + [again])
    again.ask_to_end()
    again.wait_exit()

    # An admitted node that is alone, or says so, where the only seed leads.
    island = case.node("island", origin.url, "eu/x")
    third = case.node(comes_back.name, origin.url, node_file=node_file, seeds=[island.mesh], data=comes_back.data)
    case.wait_agreed(nodes + [third, island], timeout=40)


@needs("hedgerow")
def test_g3_a_ring_that_shrinks_by_more_than_half_raises_an_alarm(case):
    """G3: two of three members die at once: the alarm is in /status, /metrics, hedgerow status and on stderr, and it is
    over when they are back; one that leaves by itself raises none."""
    origin = case.origin()
    nodes = case.mesh(4, origin.url, zones=("eu/a", "eu/b", "eu/c", "eu/d"))
    stays = nodes[0]
    nodes[3].ask_to_end()
    nodes[3].wait_exit()
    stays.wait_status(lambda s: stays.members(s)[nodes[3].name] == "left", "one has left")
    case.wait_agreed(nodes[:3])
    equal(alarms(stays), [], "alarms before")
    for node in nodes[1:3]:
        node.kill()
    wait_until(lambda: "ring_shrunk" in alarms(stays), lambda: f"the alarm: {stays.status()}", timeout=60)
    equal(stays.metrics()['hedgerow_alarm{name="ring_shrunk"}'], 1, "the metric")
    said = case.run("status", "--admin", "{}:{}".format(*stays.admin)).stdout
    assert "ALARM ring_shrunk" in said, said
    wait_until(lambda: "ALARM ring_shrunk" in stays.log(), "the line on stderr", timeout=3)
    for i, node in enumerate(nodes[1:3]):
        nodes[1 + i] = case.node(node.name, origin.url, node_file=f"{case.folder}/authority-{node.name}.node",
                                 seeds=[stays.mesh], data=node.data)
    wait_until(lambda: "ring_shrunk" not in alarms(stays), "the end of the alarm", timeout=40)


@needs("hedgerow")
def test_a_boot_number_that_grew_is_kept(case):
    """A node that lost its boot file learns from its peers that it was further, and keeps that: the next start is above
    it, without being told."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    loser = nodes[2]
    boot = os.path.join(loser.data, "boot")

    def kept():
        with open(boot, encoding="ascii") as file:
            return int(file.read())

    before = kept()
    loser.kill()
    with open(boot, "w", encoding="ascii") as file:
        file.write("5\n")
    node_file = f"{case.folder}/authority-{loser.name}.node"
    nodes[2] = case.node(loser.name, origin.url, node_file=node_file, seeds=[nodes[0].mesh], data=loser.data)
    wait_until(lambda: kept() > before, lambda: f"the boot number: {kept()}, before {before}", timeout=20)
    case.wait_agreed(nodes)


@needs("hedgerow")
def test_several_addresses_are_tried_one_after_the_other(case):
    """A node that advertises an address where nobody answers, and behind it a good one, is reached all the same."""
    origin = case.origin()
    first = case.node("fra-1", origin.url)
    second = case.node("ams-2", origin.url, "eu/ams", seeds=[first.mesh],
                       flags=("--mesh", "127.0.0.1:0", "--advertise", "127.0.0.1:9", "--advertise", "127.0.0.1:10"),
                       wait=True)
    second.ask_to_end()
    second.wait_exit()
    port = second.mesh[1]
    again = case.node("ams-2", origin.url, node_file=f"{case.folder}/authority-ams-2.node", seeds=[first.mesh],
                      flags=("--mesh", f"127.0.0.1:{port}", "--advertise", "127.0.0.1:9", "--advertise",
                             f"127.0.0.1:{port}"), data=second.data)
    case.wait_agreed([first, again])
    turn = 0

    def reached():
        nonlocal turn
        turn += 1
        for node in (first, again):
            equal(node.get(f"/bytes/1000?seed=several{turn}").status, 200, "a request")
        return first.counter("asks_out") > 0 and first.counter("transfers_verified") > 0
    wait_until(reached, "something comes from it", timeout=15, every=0.2)
    too_many = [word for i in range(5) for word in ("--advertise", f"127.0.0.1:{i + 1}")]
    said = case.run("run", "--origin", origin.url, *too_many, code=2).stderr
    assert "4 times at most" in said, said


@needs("hedgerow", timeout=180)
def test_a_node_that_nobody_can_dial_owns_nothing(case):
    """A member that only dials, and is reached nowhere: soon it states weight 0, says so, and no ring has a
    place for it; it serves its viewers all the same. Those that are reached keep their places."""
    origin = case.origin()
    nodes = case.mesh(2, origin.url)
    walled = case.node("lon-3", origin.url, "eu/lon", seeds=[nodes[0].mesh], flags=("--advertise", "127.0.0.1:9"),
                       timers={"reach-wait": "6s"})
    for node in (*nodes, walled):
        node.wait_status(lambda s: [(m["weight"], m["ring_share"]) for m in s["mesh"]["members"]
                                    if m["name"] == walled.name] == [(0, 0)], "it owns nothing", timeout=90)
    assert "unreached" in alarms(walled), alarms(walled)
    for node in nodes:
        equal(alarms(node), [], "alarms of who is reached")
        equal(node.members()[walled.name], "alive", "its state")
        assert node.status()["ring"]["owned_share"] > 0.4, node.status()["ring"]
    for i in range(20):
        equal(walled.get(f"/bytes/1000?seed=walled{i}").status, 200, "a viewer of it")


"""What is popular outlives any node."""
from harness import equal, needs, total, wait_until

KEYS = 90


@needs("hedgerow")
def test_feat_M15_the_death_of_any_node_costs_the_origin_nothing(case):
    """M15: each of 90 objects has two hits, somewhere among four nodes; then one of these is killed, and each other one is
    asked for all: every answer is right, and the origin is asked for none."""
    origin = case.origin()
    nodes = case.mesh(4, origin.url)
    for i in range(KEYS):
        for turn in range(3):
            equal(nodes[(i + turn * (i // 4)) % 4].get(f"/bytes/3000?seed={i}").status, 200, "status")
    equal(origin.total, KEYS, "requests at the origin")
    told = []

    def at_rest():          # a hundred are told in a second: whose turn has not come may wait for the next one
        told.append(total(nodes, "takes_out") + total(nodes, "copies"))
        return told[-1] > 0 and told[-8:] == told[-1:] * 8
    wait_until(at_rest, "all to have been told", every=0.3)
    assert total(nodes, "copies") > KEYS / 3
    nodes[2].kill()
    for node in nodes[:2] + nodes[3:]:
        for i in range(KEYS):
            answer = node.get(f"/bytes/3000?seed={i}")
            equal((answer.status, len(answer.body)), (200, 3000), f"object {i} at {node.name}")
    equal(origin.total, KEYS, "requests at the origin after a node's death")

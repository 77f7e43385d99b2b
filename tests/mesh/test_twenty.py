"""Twenty nodes: what one of them is told is in force at all."""
import json
import signal

import client
from harness import at_once, equal, needs, wait_until
from test_purge import Versions, body_of, post, states, warm


def purged(node, path):
    """Calls for a purge at a node: its id."""
    status, text = post(node, {"urls": [path]})
    equal(status, 202, text)
    return json.loads(text)["id"]


def state_of(node, number):
    return node.admin_get("/purge/" + number).json()


@needs("hedgerow", release=True)
def test_feat_I1_I6_R28_twenty_nodes(case):
    """I1, I6, R28: twenty purges, one at each of twenty nodes: each is complete only with the word of all twenty, and then no
    node serves old bytes. One that stands still is named, while the others go on. An unsafe
    method at one node drops the URL at all."""
    origin = Versions()
    case.cleanups.append(origin.close)
    nodes = case.mesh(20, origin.url, flags=("--workers", "1", "--memory", "8MiB"))
    paths = [f"/{node.name}" for node in nodes]
    warm(nodes, paths)
    origin.version = 2
    calls = [(node, purged(node, path)) for node, path in zip(nodes, paths)]
    for node, number in calls:
        wait_until(lambda: state_of(node, number)["complete"], f"{node.name}'s purge is complete")
        state = state_of(node, number)
        equal((state["acknowledged"], set(states(state).values())), (20, {"acknowledged"}), f"who confirmed {number}")
    for path in paths:
        equal({body_of(node, path) for node in nodes}, {f"{path} 2"}, f"{path} at all nodes")
    equal(max(origin.counts.values()), 2, "requests for one page: one for all nodes, before and after")

    origin.version = 3
    with client.Connection(nodes[7].http) as connection:
        equal(connection.request(paths[3], "POST", [("Content-Length", "0")]).status, 200, "the POST")
    # The key's owners have confirmed it by then; all others are told, and the copies would be fresh for ten minutes.
    wait_until(lambda: {body_of(node, paths[3]) for node in nodes} == {f"{paths[3]} 3"}, "after the POST, at all nodes", 10)

    sleeper, caller = nodes[19], nodes[4]
    sleeper.signal(signal.SIGSTOP)
    try:
        number = purged(caller, paths[0])
        wait_until(lambda: state_of(caller, number)["acknowledged"] == 19, "all others have confirmed")
        state = state_of(caller, number)
        missing = [name for name, how in states(state).items() if how != "acknowledged"]
        equal((state["complete"], missing), (False, [sleeper.name]), "without one, who is named")
        # All at once: who asks for it at the one that sleeps waits for as long as a peer may be silent.
        equal(set(at_once(19, lambda i: body_of(nodes[i], paths[0]))), {f"{paths[0]} 3"}, "at all others")
    finally:
        sleeper.signal(signal.SIGCONT)
    wait_until(lambda: state_of(caller, number)["complete"], "it confirms, too")
    equal(body_of(sleeper, paths[0]), f"{paths[0]} 3", "at the one that slept")

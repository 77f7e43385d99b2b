#!/usr/bin/python3
"""restart.py - how soon a restarted peer is asked again: two nodes, each behind a relay that delays, one of them killed and
started again under load, again and again. The time from its first sign of life (an answer to /livez) to the other
node's session with it, at a few round-trip times. Prints the median and the most beside two round trips and 50 ms.

    /usr/bin/python3 tests/bench/restart.py [ROUNDS]       10 rounds by default; HEDGEROW_BUILD (.build)
"""
import os
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mesh"))
import client  # noqa: E402
import harness  # noqa: E402

ROUND_TRIPS_MS = (0, 20, 100)
ASKERS = 4


def lives(address):
    try:
        return client.fetch(address, "/livez", timeout=1).status == 200
    except Exception:
        return False


def ask_on(node, stop, name):
    number = 0
    while not stop.is_set():
        number += 1
        try:
            node.get(f"/bytes/500?seed={name}-{number}", timeout=10)
        except Exception:       # counted elsewhere: here only time counts
            pass
        time.sleep(0.005)


def restart(case, origin, nodes, turn):
    """Kills the second node and starts it again on its ports; the milliseconds until the first has a session with it."""
    stays, gone = nodes
    gone.kill()
    harness.wait_until(lambda: stays.metrics()["hedgerow_sessions_open"] == 0, "the end of the session", timeout=20)
    stop = threading.Event()
    askers = [threading.Thread(target=ask_on, args=(stays, stop, f"{turn}-{i}"), daemon=True) for i in range(ASKERS)]
    for asker in askers:
        asker.start()
    again = case.node(gone.name, origin.url, gone.zone, node_file=f"{case.folder}/authority-{gone.name}.node",
                      seeds=[stays.relay.address], relay=gone.relay, flags=("--mesh", "{}:{}".format(*gone.mesh), "--admin", "{}:{}".format(*gone.admin)),
                      data=gone.data, wait=False)
    again.relay, again.zone = gone.relay, gone.zone
    while not lives(gone.admin):
        time.sleep(0.001)
    began = time.monotonic()
    while stays.metrics()["hedgerow_sessions_open"] == 0:
        assert time.monotonic() - began < 20, "no session"
        time.sleep(0.001)
    took = time.monotonic() - began
    stop.set()
    for asker in askers:
        asker.join()
    again.wait_ready()
    nodes[1] = again
    case.wait_agreed(nodes)
    return took * 1000


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    folder = tempfile.mkdtemp(prefix="hedgerow-restart-")
    case = harness.Case(folder, [os.path.abspath(os.environ.get("HEDGEROW_BUILD", ".build"))], True)
    missed = 0
    wrong = []
    try:
        origin = case.origin()
        nodes = case.mesh(2, origin.url, relays=True)
        for round_trip in ROUND_TRIPS_MS:
            for node in nodes:
                node.relay.tell(f"delay {round_trip / 2:g}")
            times = sorted(restart(case, origin, nodes, f"{round_trip}-{turn}") for turn in range(rounds))
            target = 2 * round_trip + 50
            median = times[len(times) // 2]
            missed += median > target
            print(f"row 30  round trip {round_trip} ms: median {median:.0f} ms, most {times[-1]:.0f} ms   "
                  f"target {target} ms  {'pass' if median <= target else 'MISS'}", flush=True)
    finally:
        wrong = case.finish()
        shutil.rmtree(folder, ignore_errors=True)
    for what in wrong:
        print(what)
    sys.stdout.flush()
    os._exit(1 if missed or wrong else 0)


if __name__ == "__main__":
    main()

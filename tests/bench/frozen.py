#!/usr/bin/python3
"""frozen.py - how soon requests pass over a node that stands still: five nodes on loopback, one of them stopped (SIGSTOP) for
3 s, again and again. For each of the others: the time from the stop to the end of its last request that took longer than
250 ms. Prints the median and the 99th percentile, and fails if a request failed or a node was declared dead.

    /usr/bin/python3 tests/bench/frozen.py [ROUNDS]        20 rounds by default; HEDGEROW_BUILD (.build)
"""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mesh"))
import harness  # noqa: E402
import test_partition  # noqa: E402

TARGET_MS = 500


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    folder = tempfile.mkdtemp(prefix="hedgerow-frozen-")
    case = harness.Case(folder, [os.path.abspath(os.environ.get("HEDGEROW_BUILD", ".build"))], True)
    times, requests, failures = [], 0, []
    try:
        nodes = case.mesh(5, case.origin().url)
        for turn in range(rounds):
            load, avoided = test_partition.freeze(nodes, nodes[turn % 5], 3.0)
            times += avoided
            requests += load.done
            failures += load.failures
        deaths = harness.total(nodes, "gossip_deaths")
    finally:
        wrong = case.finish()
        shutil.rmtree(folder, ignore_errors=True)
    times = sorted(time * 1000 for time in times)
    p99 = times[min(len(times) - 1, len(times) * 99 // 100)]
    print(f"row 2  {rounds} stops, {requests} requests, {len(failures)} failed, {deaths} deaths declared")
    print(f"row 2  avoided after: median {times[len(times) // 2]:.0f} ms, p99 {p99:.0f} ms, most {times[-1]:.0f} ms"
          f"   target {TARGET_MS} ms  {'pass' if p99 <= TARGET_MS else 'MISS'}")
    for what in failures[:5] + wrong:
        print(what)
    sys.stdout.flush()
    os._exit(1 if failures or deaths or wrong else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""owner_dies.py - what viewers notice when the node that fetches for all is killed (SIGKILL) in mid-body: five nodes on
loopback, one object of 100 MB that the origin sends at 25 MB/s, a viewer at each of the others. Prints the longest time that
any of them was without a byte from then on, what the origin and the nodes sent again, and fails if an answer failed or had a wrong byte.

    /usr/bin/python3 tests/bench/owner_dies.py [ROUNDS]     3 rounds by default; HEDGEROW_BUILD (.build), HEDGEROW_MEMORY
                                                            (2GiB: with less the body passes through a window)
"""
import asyncio
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mesh"))
import client  # noqa: E402
import harness  # noqa: E402
import test_single_flight  # noqa: E402

LENGTH, RATE, LEAF = 100_000_000, 25_000_000, 65536
STALL_MS = 700


class Viewer(test_single_flight.Viewer):
    """One that notes the longest time without a byte."""
    last = longest = 0.0

    def body(self, data):
        now = time.monotonic()
        if self.last:
            self.longest = max(self.longest, now - self.last)
        self.last = now
        super().body(data)


async def watch(nodes, owner, asker, target, seed):
    loop = asyncio.get_running_loop()
    viewers = [(await loop.create_connection(lambda: Viewer(LENGTH, seed), *node.http))[1] for node in nodes]
    for node, viewer in zip(nodes, viewers):
        viewer.transport.write(client.request_bytes(node.http, target))
    await asyncio.gather(*(viewer.first for viewer in viewers))
    asker.close()
    await asyncio.sleep(LENGTH / RATE / 2)
    owner.kill()
    for viewer in viewers:
        viewer.longest = 0.0
    done = await asyncio.gather(*(viewer.whole for viewer in viewers), return_exceptions=True)
    return max(viewer.longest for viewer in viewers), [one for one in done if isinstance(one, Exception)]


def fetcher(nodes, target):
    """The node that fetches |target|, which somebody has just asked for."""
    before = [node.status()["bytes"]["origin"] for node in nodes]
    asker = client.Connection(nodes[0].http)
    asker.send(client.request_bytes(nodes[0].http, target))
    at = harness.wait_until(lambda: next((i for i, node in enumerate(nodes)
                                          if node.status()["bytes"]["origin"] > before[i]), -1) + 1, "a fetch") - 1
    return nodes[at], asker


def turn(folder, number):
    case = harness.Case(folder, [os.path.abspath(os.environ.get("HEDGEROW_BUILD", ".build"))], True)
    seed = f"turn{number}"
    target = f"/bytes/{LENGTH}?seed={seed}&etag=%22one%22&rate={RATE}&part={LEAF}"
    try:
        origin = case.origin()
        nodes = case.mesh(5, origin.url, flags=("--memory", os.environ.get("HEDGEROW_MEMORY", "2GiB"), "--workers", "1"))
        owner, asker = fetcher(nodes, target)
        others = [node for node in nodes if node is not owner]
        stall, failures = asyncio.run(watch(others, owner, asker, target, seed))
        edges = [node for node in others if not node.counter("resumed")]
        again = origin.body_bytes[target] - LENGTH, sum(node.counter("bytes_peer_in") - LENGTH for node in edges)
        streams = origin.count(target), len(edges)
    finally:
        wrong = case.finish()
    return stall * 1000, again, streams, [repr(failure) for failure in failures] + wrong


def main():
    rounds, failed = int(sys.argv[1]) if len(sys.argv) > 1 else 3, []
    for number in range(rounds):
        folder = tempfile.mkdtemp(prefix="hedgerow-owner-dies-")
        try:
            stall, again, streams, wrong = turn(folder, number)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        failed += wrong
        print(f"row 20  {len(wrong)} errors, {streams[0]} fetches; stall at most {stall:.0f} ms   target {STALL_MS} ms  "
              f"{'pass' if stall <= STALL_MS and not wrong else 'MISS'}")
        print(f"row 20  again from the origin {again[0] / LEAF:.2f} leaves, between nodes {again[1] / LEAF:.2f}   target 1 "
              f"a stream  {'pass' if again[0] <= LEAF and again[1] <= streams[1] * LEAF else 'MISS'}", flush=True)
    for what in failed[:5]:
        print(what)
    sys.stdout.flush()
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()

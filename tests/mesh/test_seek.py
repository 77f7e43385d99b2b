"""Ranges of a body that is far too large to be kept."""
import random
import time

import bodies
import client
from harness import equal, needs, soak

LENGTH, LEAF = 5_000_000_000, 65536
SEED = "seek"


def seek(node, target, first, length):
    """One range, each byte checked; returns the seconds until its first byte."""
    checker, began, came = bodies.Checker(first + length, SEED, start=first), time.monotonic(), []

    def take(data):
        came.append(came[0] if came else time.monotonic())
        checker.feed(data)
    answer = client.fetch(node.http, target, headers=[("Range", f"bytes={first}-{first + length - 1}")], on_body=take)
    equal((answer.status, answer.get("Content-Range")), (206, f"bytes {first}-{first + length - 1}/{LENGTH}"),
          f"the answer for {first} at {node.name}")
    checker.end()
    return came[0] - began


@needs("hedgerow", release=True, timeout=120)
def test_feat_C15_D3_seeks_cost_the_leaves_they_ask_for(case):
    """C15, D3: 200 seeks in a body of 5 GB, every fourth to where a viewer of another node has been: the right bytes, the
    origin sends what the distinct leaves hold and at most a tenth more, and no node grows by 64 MiB."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url)
    target = f"/bytes/{LENGTH}?seed={SEED}&etag=%22v1%22&cc=max-age=3600"
    draw, leaves, been, waits = random.Random(5), set(), [], []
    before = [node.memory_bytes() for node in nodes]
    for i in range(1000 if soak() else 200):
        if i % 4 == 3:
            first, length = draw.choice(been)
        else:
            length = draw.randrange(LEAF, 8 * LEAF)
            first = draw.randrange(LENGTH - length)
            been.append((first, length))
        leaves.update(range(first // LEAF, (first + length - 1) // LEAF + 1))
        waits.append(seek(nodes[i % len(nodes)], target, first, length))
        sent, want = origin.body_bytes[target], len(leaves) * LEAF
        # Looked at each time, with room for what is read ahead of one: who fetches it all is found out at once.
        assert sent <= 1.1 * want + (4 << 20), f"{sent} bytes from the origin after {i + 1} seeks into {want} bytes"
    assert sent <= 1.1 * want, f"{sent} bytes from the origin for leaves of {want}"
    for node, size in zip(nodes, before):
        equal(node.status()["requests"]["error"], 0, f"errors of {node.name}")
        assert node.memory_bytes() - size < 64 << 20, f"{node.name} has grown from {size} to {node.memory_bytes()} bytes"
    waits.sort()
    print(f"{len(leaves)} leaves, {sent / want:.3f} times their bytes from the origin; "
          f"first bytes within {waits[len(waits) * 95 // 100] * 1000:.1f} ms (95 %)")

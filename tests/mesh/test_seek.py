"""Ranges, of bodies that are far too large to be kept among others: what they cost, and what they bring."""
import random
import time

import bodies
import client
from harness import Slow, equal, needs, quick, soak, total
from scripted import Scripted

LENGTH, LEAF = 5_000_000_000, 65536
SEED = "seek"


def seek(node, target, first, length, whole=LENGTH):
    """One range of a body of |whole| bytes, each byte checked; returns the seconds until its first byte."""
    checker, began, came = bodies.Checker(first + length, SEED, start=first), time.monotonic(), []

    def take(data):
        came.append(came[0] if came else time.monotonic())
        checker.feed(data)
    answer = client.fetch(node.http, target, headers=[("Range", f"bytes={first}-{first + length - 1}")], on_body=take)
    equal((answer.status, answer.get("Content-Range")), (206, f"bytes {first}-{first + length - 1}/{whole}"),
          f"the answer for {first} at {node.name}")
    checker.end()
    return came[0] - began


@needs("hedgerow", release=True, timeout=120)
def test_feat_C15_D3_seeks_cost_the_leaves_they_ask_for(case):
    """C15, D3: 200 seeks in a body of 5 GB, every fourth to where a viewer of another node has been: the right bytes,
    the origin sends what the distinct leaves hold and at most a tenth more, and no node grows by 64 MiB."""
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
        now = node.memory_bytes()
        assert now - size < 64 << 20, f"{node.name} has grown from {size} to {now} bytes"
    waits.sort()
    print(f"{len(leaves)} leaves, {sent / want:.3f} times their bytes from the origin; "
          f"first bytes within {waits[len(waits) * 95 // 100] * 1000:.1f} ms (95 %)")


@needs("hedgerow")
def test_feat_R17_a_range_costs_its_leaves(case):
    """R17: 1 MiB from within a cold body of 10 GiB, at one node, then the MiBs beside and across it at another: no more
    leaves the origin than the leaves they touch; when the ETag changes, every leaf is fetched anew, and none of the old
    is sent."""
    length, mib, tag = 10 << 30, 1 << 20, ["v1"]

    def answer(head):
        fields = dict(line.lower().split(": ", 1) for line in head.decode().strip().split("\r\n")[1:])
        first, last = map(int, fields["range"].removeprefix("bytes=").split("-"))
        body = b"".join(bytes(piece) for piece in bodies.pieces(last + 1, tag[0], start=first))
        sent.append(len(body))
        return [f'HTTP/1.1 206 Partial Content\r\nETag: "{tag[0]}"\r\nCache-Control: max-age=10\r\n'
                f"Content-Length: {len(body)}\r\nContent-Range: bytes {first}-{last}/{length}\r\n\r\n".encode() + body]
    sent, origin = [], Scripted({"*": answer})
    case.cleanups.append(origin.close)
    nodes = case.mesh(2, origin.url)
    middle, began = 5 << 30, time.monotonic()
    for i, (node, first, want) in enumerate(((0, middle, mib), (1, middle, mib), (1, middle + mib, 2 * mib),
                                             (0, middle + mib // 2, 2 * mib), (0, middle - 1, 2 * mib + LEAF))):
        check_range(nodes[node], first, mib, length, "v1")
        quick(time.monotonic() - began, 9, "while what is kept is fresh")
        assert sum(sent) <= want, f"{sum(sent)} bytes from the origin after range {i + 1}, not {want}"
    tag[0] = "v2"
    time.sleep(10.3)                    # what is kept of it is stale now
    check_range(nodes[0], middle, mib, length, "v2")
    assert sum(sent) <= want + mib + 2 * LEAF, f"{sum(sent)} bytes from the origin with the new ETag"


def check_range(node, first, count, length, seed):
    checker = bodies.Checker(first + count, seed, start=first)
    answer = client.fetch(node.http, "/large", headers=[("Range", f"bytes={first}-{first + count - 1}")],
                          on_body=checker.feed)
    equal((answer.status, answer.get("Content-Range"), answer.get("ETag")),
          (206, f"bytes {first}-{first + count - 1}/{length}", f'"{seed}"'), f"the answer for {first} at {node.name}")
    checker.end()


@needs("hedgerow")
def test_rob_R1_many_ranges_cost_no_more_than_the_body(case):
    """R1: a thousand ranges, overlapping, backwards, open, empty and beyond all numbers, of what is kept and of what is
    not: the answer is 200, 206 with eight parts at most, or 416, and never more than twice the body."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    length = 100000
    many = {
        "ascending": ",".join(f"{i}-{i}" for i in range(0, 4000, 4)),
            "overlapping": ",".join(f"{i}-" for i in range(1000)),
        "backwards": ",".join(f"{i}-{i}" for i in range(2000, 0, -2)), "open": ",".join(["0-"] * 1000),
            "the end": ",".join(["-1"] * 1000),
        "touching": ",".join(f"{i}-{i}" for i in range(1000)), "nothing": "-0", "nothing twice": "-0,-0", "whole": "0-",
            "ten": "0-0," * 9 + "5-5",
        "eight": ",".join(f"{i}000-{i}099" for i in range(8)), "nine": ",".join(f"{i}000-{i}099" for i in range(9)),
        "overflow": "0-99999999999999999999,1-18446744073709551616", "beyond": "18446744073709551615-",
            "wraps": "-18446744073709551616",
    }
    for where, query in (("what is not kept", "cc=no-store"), ("what is", "cc=max-age=60")):
        for what, ranges in many.items():
            target = f"/bytes/{length}?seed=r&etag=%22v1%22&{query}"
            answer = client.fetch(node.http, target, headers=[("Range", "bytes=" + ranges)])
            assert answer.status in (200, 206, 416), f"{what} of {where}: {answer.status}"
            assert len(answer.body) <= 2 * length, f"{what} of {where}: {len(answer.body)} bytes"
            parts = answer.body.count(b"Content-Range: ")
            assert parts <= 8, f"{what} of {where}: {parts} parts"
            if answer.status == 200:
                equal(answer.body, bodies.body(length, "r"), f"{what} of {where}")


@needs("hedgerow")
def test_rob_R2_a_byte_of_a_large_body_costs_a_leaf(case):
    """R2: one byte of a cold GiB, from its start, its middle and its end: no more than one leaf leaves the origin for
    it; for the last byte, where nobody has said yet where that is, and for two bytes, no more than two."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    length = 1 << 30
    for i, (value, first, leaves) in enumerate((("0-0", 0, 1), (f"{length // 2}-{length // 2}", length // 2, 1),
                                                (f"{length - 1}-", length - 1, 1),
                                                (f"{length - 1}-{length + 5}", length - 1, 1),
                                                (f"{LEAF - 1}-{LEAF - 1}", LEAF - 1, 1), ("-1", length - 1, 2))):
        target = f"/bytes/{length}?seed=one{i}&etag=%22v1%22&cc=max-age=60"
        answer = client.fetch(node.http, target, headers=[("Range", "bytes=" + value)])
        equal((answer.status, answer.get("Content-Range")), (206, f"bytes {first}-{first}/{length}"), value)
        equal(answer.body, b"".join(bytes(piece) for piece in bodies.pieces(first + 1, f"one{i}", start=first)),
              f"the byte of {value}")
        sent = origin.body_bytes[target]
        assert sent <= leaves * LEAF, f"{sent} bytes from the origin for {value}"
        equal(origin.count(target), leaves, f"requests at the origin for {value}")
    target = f"/bytes/{length}?seed=two&etag=%22v1%22&cc=max-age=60"
    equal(client.fetch(node.http, target, headers=[("Range", f"bytes=0-0,{length - 1}-")]).status, 206, "two bytes")
    assert origin.body_bytes[target] <= 2 * LEAF, f"{origin.body_bytes[target]} bytes from the origin for two"


@needs("hedgerow", timeout=120)
def test_feat_R17_neighbouring_leaves_come_by_one_request(case):
    """R17: 1 MiB of a cold body of 10 GiB costs the origin 17 leaves in one request, two where they have other owners;
    who comes after that, at any node, costs nothing. 64 MiB in a row cost 64 MiB, and a request for each 64 leaves."""
    origin, whole, mib = case.origin(), 10 << 30, 1 << 20
    nodes = case.mesh(3, origin.url)
    target = f"/bytes/{whole}?seed={SEED}&etag=%22v1%22&cc=max-age=3600"
    seek(nodes[0], target, 5000 * mib + 100, mib, whole)
    equal(origin.body_bytes[target], 17 * LEAF, "bytes from the origin for 1 MiB")
    assert origin.count(target) <= 2, f"{origin.count(target)} requests at the origin for 1 MiB"
    for node in nodes:
        seek(node, target, 5000 * mib + 65536, mib - 65536, whole)
    equal(origin.body_bytes[target], 17 * LEAF, "bytes from the origin after the neighbours")
    origin.forget()
    seek(nodes[1], target, 1024 * mib, 64 * mib, whole)
    cost, over = (origin.count(target), origin.body_bytes[target]), total(nodes, "peers_passed_over")
    if over and cost != (16, 64 * mib):
        raise Slow(f"an owner that answered late was passed over {over} times, and another one asked the origin: {cost}")
    equal(cost, (16, 64 * mib), "requests and bytes for 64 MiB")
    seek(nodes[2], target, 1024 * mib, mib, whole)


@needs("hedgerow", release=True)
def test_feat_R17_a_leaf_is_seen_as_it_comes(case):
    """R17: of an origin that sends 40,000 bytes a second, 1.6 s for a leaf, first bytes of a range are at a viewer of
    any node within half a second. The best of a few counts, since a busy machine holds up any."""
    origin, whole = case.origin(), 10_000_000
    for node in case.mesh(3, origin.url):
        waited = []
        while len(waited) < 6 and min(waited, default=1) >= 0.5:
            target = f"/slow/{whole}?seed={SEED}&etag=%22v1%22&cc=max-age=3600&rate=40000&at={node.name}{len(waited)}"
            waited.append(seek(node, target, 65536 * 70, 30000, whole))
        assert min(waited) < 0.5, f"first bytes after {waited} s at {node.name}"


@needs("hedgerow")
def test_feat_R17_a_whole_costs_what_ranges_left(case):
    """R17: of 3 MiB of which 1 MiB was fetched for a range, a plain GET at any node costs the origin the other two,
    asked for on condition that nothing has changed."""
    origin, mib = case.origin(), 1 << 20
    nodes = case.mesh(3, origin.url)
    for at, node in enumerate(nodes):
        target = f"/bytes/{3 * mib}?seed={SEED}&etag=%22v1%22&cc=max-age=3600&at={at}"
        seek(node, target, mib, mib, 3 * mib)
        for other in nodes:
            equal(other.get(target).body, bodies.body(3 * mib, SEED), f"the body at {other.name}")
        equal((origin.count(target), origin.body_bytes[target]), (3, 3 * mib), "requests at the origin and bytes")
        equal([r.headers.get("if-range") for r in origin.requests if r.target == target], [None, '"v1"', '"v1"'],
              "on which condition")

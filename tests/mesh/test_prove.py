"""Provenance: who fetched the bytes of a URL, as whoever has a copy can show and whoever knows the authority can check."""
import json
import os

import client
from harness import equal, needs
from scripted import Scripted


def big():
    return bytes((i * 31 + i // 65536) & 255 for i in range(200_000))


class Origin:
    """A page of one leaf and one of four."""

    def __init__(self):
        self.bodies = {"/small": b"the page", "/big": big()}
        self.scripted = Scripted({"*": self.answer})
        self.url, self.close = self.scripted.url, self.scripted.close

    def answer(self, head):
        body = self.bodies[head.split(b" ", 2)[1].decode()]
        return [b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nETag: \"1\"\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body), body]


def prove(case, node, url, *words, code=0):
    """hedgerow prove, asked of a node: what it prints with --json."""
    done = case.run("prove", url, "--json", "--node-file", case.checker, "--admin", "{}:{}".format(*node.admin), "--http",
                    "{}:{}".format(*node.http), *words, code=code)
    return json.loads(done.stdout) if done.stdout else done.stderr


@needs("hedgerow")
def test_feat_M13_a_third_node_proves_who_fetched_it(case):
    """M13: whichever node is asked for the proof names the same fetcher, origin and time, and the client's bytes are
    checked by the command itself, from the authority on; a byte altered in them, or another mesh's authority, and it says so
    and ends with 1."""
    origin = Origin()
    case.cleanups.append(origin.close)
    nodes = case.mesh(3, origin.url)
    case.checker = case.admit("checker", "eu/fra")
    for path, body in origin.bodies.items():
        for node in nodes:
            equal(node.get(path).body, body, f"{path} at {node.name}")
        said = [prove(case, node, f"http://example.com{path}") for node in nodes]
        fetchers = {(one["fetcher"]["name"], one["fetched_at"], one["origin"]) for one in said}
        equal((len(fetchers), {one["holds"] for one in said}), (1, {True}), f"{path}: who fetched it")
        equal([one["held_by"] for one in said], [node.name for node in nodes], "who was asked")
        equal((said[0]["origin"].rstrip("/"), said[0]["length"]), (origin.url.rstrip("/"), len(body)), path)
        third = next(node for node in nodes if node.name != said[0]["fetcher"]["name"])
        copy = os.path.join(case.folder, "copy")
        for at in (None, 0, len(body) // 2, len(body) - 1):
            altered = bytearray(body)
            if at is not None:
                altered[at] ^= 1
            with open(copy, "wb") as file:
                file.write(altered)
            one = prove(case, third, path, "--body", copy, code=0 if at is None else 1)
            equal((one["holds"], one.get("failed")), (at is None, None if at is None else "the bytes are those of the body"),
                  f"{path}: altered at {at}")
    case.checker, ours = case.admit("checker", authority="other"), case.checker
    equal(prove(case, nodes[0], "/small", code=1)["failed"], "the fetcher's certificate is by the mesh's authority", "a stranger's")
    case.checker = ours
    assert "no whole copy" in prove(case, nodes[0], "/never", "--body", copy, code=1)
    shown = case.run("prove", "/small", "--node-file", ours, "--admin", "{}:{}".format(*nodes[2].admin), "--http",
                     "{}:{}".format(*nodes[2].http)).stdout
    assert "these 8 bytes are what it fetched" in shown and "NOT" not in shown, shown
    equal(client.fetch(nodes[0].admin, "/prove").status, 400, "of nothing")

"""An admitted node whose frames lie (tests/liar): only signatures can give it away."""
import json
import time

import bodies
import client
from harness import Node, equal, needs

LENGTH = 40
BEFORE = 40     # bits of a frame's own header: its type and stream, which no signature covers


class Liar(Node):
    """Its lies are ordered on its standard input (tests/liar/main.c)."""
    tool, has_input = "liar", True

    def drain(self):
        """Nothing: what it says behind the ready line are answers."""

    def tell(self, command):
        self.process.stdin.write((command + "\n").encode())
        self.process.stdin.flush()
        answer = json.loads(self.line())
        assert "error" not in answer, f"{command}: {answer['error']}"
        return answer


class Trusting(Node):
    """A node that takes any signature."""
    tool = "trusting"


class Taken(AssertionError):
    """A lie was not refused."""


class Table:
    """A liar, and a node that asks it and is lied to; what is right it can always have from the origin."""

    def __init__(self, case, victim=Node, distrust="1us"):
        self.origin = case.origin()
        self.liar = case.node("liar", self.origin.url, kind=Liar)
        self.victim = case.node("victim", self.origin.url, zone="eu/ams", seeds=[self.liar.mesh], kind=victim,
                                timers={"distrust": distrust})
        case.wait_agreed([self.liar, self.victim])
        self.connections = {}
        self.number = 0

    def ask(self, node, target):
        """Thousands of questions are asked here: on one connection each."""
        if node not in self.connections:
            self.connections[node] = client.Connection(node.http, timeout=20)
        answer = self.connections[node].request(target)
        equal((answer.status, answer.get("X-Kept")), (200, "yes"), f"{target} at {node.name}")
        return answer

    def next_target(self):
        """A target whose first owner is the liar, which has it now; and its right body."""
        while True:
            self.number += 1
            target = f"/bytes/{LENGTH}?seed=s{self.number}&header=X-Kept:yes"
            if len(self.ask(self.liar, target).hops()) == 1:    # it asked the origin itself
                return target, bodies.body(LENGTH, f"s{self.number}")

    def lie(self, frame, bit):
        """One bit of one frame is flipped. Returns what was told; raises Taken when it was not refused."""
        patience = time.monotonic() + 30
        while time.monotonic() < patience:
            target, body = self.next_target()
            refused = self.victim.counter("transfers_rejected")
            self.liar.tell(f"flip {frame} {bit}")
            sent = self.origin.total
            answer = self.ask(self.victim, target)
            told = self.liar.tell("told")
            if answer.body != body:
                raise Taken(f"bit {bit} of {frame} ({told['field']}): a viewer got a wrong body")
            if told["bits"] > 0:
                break
            # The liar was not asked: it is not the owner, or they had just hung up. Each lie costs a connection, and
            # who makes thousands of them is kept waiting for the next (engine_accept).
            time.sleep(0.005)
        else:
            raise AssertionError(f"the liar is never asked for a {frame}")
        # The age is measured anew by each holder; nobody signs it.
        if told["told"] and told["field"] != "age":
            what = f"bit {bit} of {frame} ({told['field']})"
            if self.victim.counter("transfers_rejected") != refused + 1:
                raise Taken(f"{what}: transfers.rejected is {self.victim.counter('transfers_rejected')}, not {refused + 1}")
            equal(self.origin.total, sent + 1, f"{what}: fetches for the right body")
            equal(self.ask(self.victim, target).body, body, f"{what}: what the node kept")
        return told


def flip_all(table, frame):
    """Flips each bit of a frame behind its own header. Returns {field: flips}."""
    seen, bit = {}, BEFORE
    while True:
        told = table.lie(frame, bit)
        if not told["told"]:
            return seen
        seen[told["field"]] = seen.get(told["field"], 0) + 1
        bit += 1


@needs("hedgerow", "liar", release=True, timeout=300)
def test_no_flipped_bit_is_taken(case):
    """M9: an admitted node flips each bit of what it sends of a small object, before it seals it: key, status, fields,
    length, hash, signer, signature, leaf. Each is refused and counted, never kept, and the body is right all the same."""
    table = Table(case)
    leaf = flip_all(table, "leaf")
    equal(leaf, {"index": 32, "encoding": 8, "length": 32, "bytes": 8 * LENGTH}, "bits of the leaf")
    head = flip_all(table, "head")
    print(f"leaf: {leaf}\nhead: {head}")
    for field in ("form", "head.key", "head.generation", "head.status", "head.fetched", "head.fields", "head.length",
                  "signer", "signature", "length", "leaf"):
        assert head.get(field, 0) > 0, f"no bit of {field} was flipped"
    lies, rejected = sum(leaf.values()) + sum(head.values()), table.victim.status()["transfers"]["rejected"]
    assert lies - head.get("age", 0) <= rejected <= lies, f"transfers.rejected: {rejected} of {lies} lies"
    equal(table.victim.counter("sessions_broken"), 0, "sessions broken")


@needs("hedgerow", "liar", "trusting", timeout=120)
def test_a_node_that_takes_any_signature_is_found_out(case):
    """The test above, against a node built with HEDGEROW_BREAK_VERIFY: it must fail, or it proves nothing."""
    table = Table(case, Trusting)
    taken = []
    for bit in range(BEFORE, 1500, 61):
        try:
            table.lie("head", bit)
        except (Taken, AssertionError) as error:
            taken.append(str(error))
            table.connections.clear()
    assert any("signature" in text for text in taken) and any("head.fields" in text for text in taken), taken


@needs("hedgerow", "liar")
def test_who_lied_is_not_asked_for_a_while(case):
    """G5: one lie, and the liar is asked no more; the operator sees who it is. It lies to this node alone, so
    nothing else is held against it: it stays a member and an owner."""
    table = Table(case, distrust="60s")
    table.lie("leaf", BEFORE + 80)
    sent = table.liar.counter("asks_in")
    for _ in range(20):
        target, body = table.next_target()
        answer = table.ask(table.victim, target)
        equal(answer.body, body, target)
    equal(table.liar.counter("asks_in"), sent, "asks that reached the liar")
    status = table.victim.status()
    assert "member_lies" in [alarm["name"] for alarm in status["alarms"]], status["alarms"]
    member = {m["name"]: m for m in status["mesh"]["members"]}["liar"]
    assert 0 < member["distrusted_s"] <= 60 and member["state"] == "alive", member
    assert "lied: not asked for" in case.run("status", "--admin", "{}:{}".format(*table.victim.admin)).stdout, "hedgerow status"

"""What the authority says to a running mesh: who is revoked, and who admits."""
import os
import signal
import threading
import time

import bodies
from harness import Node, equal, needs, quick, wait_until
from test_lifecycle import Download

WITHIN = 5.0    # seconds from handing in to the last node's following


def folder(case):
    return case.authorities["authority"]


def publish(case, *words):
    """A command of the authority that writes a roll; returns its file."""
    out = os.path.join(case.folder, f"roll-{len(os.listdir(case.folder))}")
    case.run("mesh", words[0], folder(case), *words[1:], "--out", out)
    return out


def announce(case, node, roll, code=0):
    return case.run("mesh", "announce", roll, "--admin", "{}:{}".format(*node.admin), "--token-file",
                    os.path.join(node.data, "admin.token"), code=code)


def number(node):
    return node.status()["authority"]["number"]


def gone(node, name):
    status = node.status()
    return name not in node.members(status) and status["authority"]["number"] > 0


def refusal(node, reason, by, name=None):
    return any(r["reason"] == reason and r["by"] == by and (name is None or r["name"] == name)
               for r in node.status()["refusals"])


REVOKED = "the certificate was revoked"


@needs("hedgerow")
def test_m10_a_revoked_node_is_cut_off_everywhere(case):
    """M10: within 5 s of handing the roll in at one node no node has the revoked one as a member or in its ring, its
    transfers under way have ended, and it says itself that it is out; viewers of the others notice nothing."""
    origin = case.origin()
    nodes = case.mesh(4, origin.url, zones=("eu/a", "eu/b", "eu/c", "eu/d"))
    victim, others = nodes[2], [nodes[0], nodes[1], nodes[3]]
    downloads = []
    for i in range(30):     # through every other node, so many that the victim owns some of them
        downloads.append(Download(origin, others[i % 3], f"live{i}"))
    wait_until(lambda: victim.metrics()["hedgerow_serves_open"] > 0, "the victim serves a neighbour")

    roll = publish(case, "revoke", victim.name)
    began = time.monotonic()
    announce(case, others[0], roll)
    for node in others:
        wait_until(lambda n=node: gone(n, victim.name), f"{node.name} is without {victim.name}", timeout=WITHIN)
    wait_until(lambda: victim.metrics()["hedgerow_serves_open"] == 0, "its transfers end", timeout=WITHIN)
    wait_until(lambda: victim.metrics()["hedgerow_sessions_open"] == 0, "its sessions end", timeout=WITHIN)
    ready = victim.admin_get("/readyz")
    assert ready.status == 503 and b"revoked" in ready.body, (ready.status, ready.body)
    assert "revoked" in victim.log(), victim.log()
    took = time.monotonic() - began
    quick(took, WITHIN, "all of that")
    epochs = {node.status()["ring"]["epoch"] for node in others}
    equal(len(epochs), 1, "rings of the others")
    for node in others:
        entry = node.status()["authority"]["revoked"][0]
        equal((entry["name"], entry["drop_objects"]), (victim.name, True), f"the roll at {node.name}")
    for download in downloads:
        equal(download.finish(), None, "the end of a download that was under way")
    time.sleep(2)           # it goes on trying
    for node in others:
        assert victim.name not in node.members(), node.members()
        for i in range(10):
            equal(node.get(f"/bytes/2000?seed=after{i}").status, 200, "a request afterwards")


@needs("hedgerow")
def test_m10_a_revoked_node_cannot_come_back(case):
    """M10: not by a restart (it knows, and ends with 78), not with its memory gone (it is refused by name, on both
    sides of it), and not through a node that was down when it was revoked."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url, zones=("eu/a", "eu/b", "eu/c"))
    stays, away, victim = nodes
    away.kill()
    announce(case, stays, publish(case, "revoke", victim.name))
    wait_until(lambda: b"revoked" in victim.admin_get("/readyz").body, "the victim knows", timeout=WITHIN)
    victim.ask_to_end()
    victim.wait_exit()

    node_file = f"{case.folder}/authority-{victim.name}.node"
    again = case.run("run", "--origin", origin.url, "--node-file", node_file, "--data", victim.data, "--http",
                     "127.0.0.1:0", "--mesh", "127.0.0.1:0", "--admin", "127.0.0.1:0", code=78)
    assert "revoked this node" in again.stderr, again.stderr

    port = victim.mesh
    blank = case.node(victim.name, origin.url, node_file=node_file, seeds=[stays.mesh], data=f"{case.folder}/blank",
                      flags=("--mesh", "{}:{}".format(*port)), wait=False)
    wait_until(lambda: refusal(stays, REVOKED, "us", victim.name), "it is refused by name", timeout=10)
    equal(list(stays.members()), [stays.name, away.name], "members")

    # Who was away starts with the victim as its first seed.
    back = case.node(away.name, origin.url, node_file=f"{case.folder}/authority-{away.name}.node", data=away.data,
                     seeds=[port, stays.mesh])
    wait_until(lambda: number(back) == 1 and victim.name not in back.members(), "it has learnt who is out", timeout=10)
    case.wait_agreed([stays, back])
    time.sleep(3)
    for node in (stays, back):
        assert victim.name not in node.members(), node.members()
    # With the victim's memory gone only others can tell it; here it heard it from one of them.
    blank.expected_end = True
    blank.kill()
    assert "revoked" in blank.log(), blank.log()


@needs("hedgerow")
def test_a_roll_is_judged_where_it_is_handed_in(case):
    """POST /authority wants the token and a roll that is news and signed by this mesh's authority; whatever else is
    refused in words, and nothing changes."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    case.admit("fra-2")
    case.admit("far-1", authority="elsewhere")
    first = publish(case, "revoke", "fra-2")
    foreign = os.path.join(case.folder, "foreign")
    case.run("mesh", "revoke", case.authorities["elsewhere"], "far-1", "--out", foreign)
    with open(first, "rb") as file:
        good = file.read()
    altered = os.path.join(case.folder, "altered")
    with open(altered, "wb") as file:
        file.write(good[:-1] + bytes([good[-1] ^ 1]))
    wrong_token = os.path.join(case.folder, "token")
    with open(wrong_token, "w", encoding="ascii") as file:
        file.write("0" * 64 + "\n")

    equal(node.admin_get("/authority").status, 405, "GET")
    said = case.run("mesh", "announce", first, "--admin", "{}:{}".format(*node.admin), "--token-file", wrong_token,
                    code=1).stderr
    assert "401" in said and "admin.token" in said, said
    for roll, words in ((foreign, "another mesh"), (altered, "Not signed"), (wrong_token, "no roll")):
        said = announce(case, node, roll, code=1).stderr
        assert words in said, (words, said)
    equal(number(node), 0, "number")
    announce(case, node, first)
    equal(number(node), 1, "number")
    assert "in force already" in announce(case, node, first, code=1).stderr
    second = publish(case, "revoke", "fra-1", "--keep-objects")
    announce(case, node, second)
    assert "Not news: roll 2" in announce(case, node, first, code=1).stderr
    roll = node.status()["authority"]
    equal((roll["number"], sorted((r["name"], r["drop_objects"]) for r in roll["revoked"])),
          (2, [("fra-1", False), ("fra-2", True)]), "the roll")
    equal(case.run("mesh", "revoke", folder(case), "fra-2", code=1).stderr.count("revoked already"), 1, "again")
    assert "knows no node" in case.run("mesh", "revoke", folder(case), "nobody", code=1).stderr


class Load:
    """Viewers who never pause: each asks one node for known and for new objects until told to stop."""

    def __init__(self, nodes):
        self.failed, self.count, self.stopping = [], 0, False
        self.threads = [threading.Thread(target=self._run, args=(node, i)) for i, node in enumerate(nodes * 2)]
        for thread in self.threads:
            thread.start()

    def _run(self, node, who):
        turn = 0
        while not self.stopping:
            turn += 1
            name = f"common{turn % 20}" if turn % 2 else f"own{who}-{turn}"
            try:
                answer = node.get(f"/bytes/3000?seed={name}")
                if answer.status != 200 or answer.body != bodies.body(3000, name):
                    self.failed.append((node.name, name, answer.status, len(answer.body)))
            except Exception as error:      # whatever it is, a viewer saw it
                self.failed.append((node.name, name, repr(error)))
            self.count += 1
            time.sleep(0.005)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()
        equal(self.failed[:5], [], f"failed requests of {self.count}")
        return self.count


def authorities_of(node):
    return {member["name"]: member["authority"] for member in node.status()["mesh"]["members"]}


@needs("hedgerow", alone=True)
def test_t28_an_authority_is_rotated_under_load(case):
    """T28: a new key, all nodes renewed by SIGHUP, the old key retired: 0 failed requests, 0 restarts, nobody leaves, and
    a node that the new key admits joins; one that only the old key vouches for does not."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url, zones=("eu/a", "eu/b", "eu/c"))
    straggler = case.admit("fra-9", "eu/d")
    pids = [node.process.pid for node in nodes]
    first = nodes[0].status()["authority"]["certificate"]["authority"]
    load = Load(nodes)
    wait_until(lambda: load.count > 100, "load")

    announce(case, nodes[1], publish(case, "rotate"))
    for node in nodes:
        wait_until(lambda n=node: len(n.status()["authority"]["authorities"]) == 2, "two live authorities", timeout=5)
    young = case.node("young", origin.url, "eu/d", seeds=[nodes[2].mesh])       # the new key's
    retire = publish(case, "retire")
    said = announce(case, nodes[0], retire, code=1).stderr
    assert all(node.name in said for node in nodes) and "--force" in said, said
    for node in nodes:
        case.run("mesh", "admit", folder(case), "--renew", f"authority-{node.name}.node")
        node.signal(signal.SIGHUP)
    nodes.append(young)
    for node in nodes:
        wait_until(lambda n=node: first not in authorities_of(n).values() and len(authorities_of(n)) == 4,
                   lambda n=node: f"{n.name} has all new certificates: {authorities_of(n)}", timeout=15)
    announce(case, nodes[0], retire)
    for node in nodes:
        wait_until(lambda n=node: number(n) == 2, "the roll", timeout=5)
    time.sleep(2)
    assert load.stop() > 300, load.count
    case.wait_agreed(nodes)
    equal([node.process.pid for node in nodes[:3]], pids, "processes")
    for node in nodes[:3]:
        assert node.running and "was renewed" in node.log(), node.log()
        status = node.status()
        equal((len(status["authority"]["authorities"]), status["mesh"]["size"]), (1, 4), "at the end")
        assert status["authority"]["certificate"]["authority"] != first
        equal(status["refusals"], [], "refusals")

    late = case.node("fra-9", origin.url, node_file=straggler, seeds=[nodes[0].mesh], wait=False)
    unsound = "the certificate is not sound"
    wait_until(lambda: refusal(nodes[0], unsound, "us", "fra-9"), "it is refused by name", timeout=10)
    wait_until(lambda: "was retired" in late.log(), lambda: f"it knows why: {late.log()}", timeout=5)
    equal(len(nodes[0].members()), 4, "members")
    late.expected_end = True
    late.kill()


@needs("hedgerow")
def test_a_node_that_slept_through_a_rotation_comes_back(case):
    """Its certificate is by the old key, which is still live; the others are by the new one, which it has never heard
    of: it learns of it from the first peer it meets, and joins."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url, zones=("eu/a", "eu/b", "eu/c"))
    sleeper = nodes.pop()
    sleeper.kill()
    announce(case, nodes[0], publish(case, "rotate"))
    for node in nodes:
        wait_until(lambda n=node: number(n) == 1, "the roll", timeout=5)
        case.run("mesh", "admit", folder(case), "--renew", f"authority-{node.name}.node")
        node.signal(signal.SIGHUP)
    for node in nodes:
        wait_until(lambda n=node: len(set(authorities_of(n).values())) == 2, "renewed but for the sleeper", timeout=10)
    node_file = f"{case.folder}/authority-{sleeper.name}.node"
    nodes.append(case.node(sleeper.name, origin.url, node_file=node_file, data=sleeper.data, seeds=[nodes[1].mesh]))
    case.wait_agreed(nodes)
    equal(number(nodes[-1]), 1, "the roll of who slept")


@needs("hedgerow")
def test_a_renewed_certificate_is_taken_on_sighup_or_refused_in_words(case):
    """SIGHUP with the same file, another node's, an older one and a damaged one changes nothing and says why."""
    origin = case.origin()
    one, two = case.mesh(2, origin.url)
    path = os.path.join(case.folder, f"authority-{one.name}.node")
    with open(path, "rb") as file:
        old = file.read()

    def again(content, words):
        if content is not None:
            with open(path, "wb") as file:
                file.write(content)
        before = len(one.log(100000))
        one.signal(signal.SIGHUP)
        wait_until(lambda: words in one.log(100000)[before:], lambda: f"{words!r} in {one.log()[-500:]}", timeout=5)

    again(None, "nothing has changed")
    other = case.admit("stranger", "eu/x")
    with open(other, "rb") as file:
        again(file.read(), "other keys")
    again(b"damaged", "is no node file")
    again(old, "nothing has changed")
    case.run("mesh", "admit", folder(case), "--renew", path, "--days", "30")
    again(None, "was renewed, serial 4")
    again(old, "is older")
    for node in (one, two):
        wait_until(lambda n=node: [m["serial"] for m in n.status()["mesh"]["members"] if m["name"] == one.name] == [4],
                   f"{node.name} has the new certificate", timeout=10)
    equal(one.status()["authority"]["certificate"]["serial"], 4, "the serial in use")


@needs("hedgerow", "liar")
def test_m10_void_certificates_are_refused_by_name_on_both_sides(case):
    """M10: expired, not yet valid, over-weight, of another mesh: no session, no member; both sides list who it was and
    why."""
    origin = case.origin()
    node = case.node("fra-1", origin.url)
    day = 86400
    now = int(time.time())
    strangers = {
        "the certificate has expired": case.admit("old", flags=("--not-after", str(now - day))),
        "the certificate is not valid yet": case.admit("young", flags=("--not-before", str(now + day))),
        "the certificate claims too large a weight": case.admit("heavy"),
        "another mesh": case.admit("far", authority="elsewhere"),
    }
    for turn, (reason, file) in enumerate(strangers.items()):
        class Stranger(Node):
            tool = "liar"
            env = {"HEDGEROW_LIAR_AS": file}
            if "weight" in reason:
                env |= {"HEDGEROW_LIAR_WEIGHT": "10001", "HEDGEROW_LIAR_AUTHORITY": f"{case.folder}/authority/authority"}
        name = os.path.basename(file).split("-", 1)[1].removesuffix(".node")
        stranger = case.node(f"start-{turn}", origin.url, seeds=[node.mesh], kind=Stranger, timers={"join-wait": "2s"})
        for side, by, of in ((node, "us", name), (stranger, "them", "fra-1")):
            # Of another mesh nobody gets to see a certificate.
            wait_until(lambda s=side, b=by, o=of: refusal(s, reason, b, "" if "mesh" in reason else o),
                       lambda s=side: f"{s.name} says {reason}: {s.status()['refusals']}", timeout=10)
        equal((list(node.members()), len(stranger.members())), (["fra-1"], 1), "members")
        said = case.run("status", "--admin", "{}:{}".format(*node.admin)).stdout
        assert reason in said, said
        stranger.kill()


@needs("hedgerow")
def test_a_drained_node_owns_nothing_and_stays(case):
    """hedgerow drain: not ready, weight 0 and no place in any ring, a member all the same, and it serves those who still
    come; --off takes all of it back."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url, zones=("eu/a", "eu/b", "eu/c"))
    drained = nodes[1]

    def call(*words):
        return case.run("drain", *words, "--admin", "{}:{}".format(*drained.admin), "--token-file",
                        os.path.join(drained.data, "admin.token"))

    call()
    ready = drained.admin_get("/readyz")
    assert ready.status == 503 and b"drained" in ready.body, ready.body
    for node in nodes:
        node.wait_status(lambda s: [m["ring_share"] for m in s["mesh"]["members"] if m["name"] == drained.name] == [0],
                         "the drained one owns nothing", timeout=20)
        equal(node.members()[drained.name], "alive", "its state")
    for i in range(20):
        equal(drained.get(f"/bytes/2000?seed=drained{i}").status, 200, "a viewer who still comes")
    equal(drained.status()["node"]["drained"], True, "/status")
    call("--off")
    wait_until(lambda: drained.admin_get("/readyz").status == 200, "ready again", timeout=5)
    equal(drained.status()["node"]["drained"], False, "/status")
    case.wait_agreed(nodes, timeout=90)

"""How an origin tells our nodes from strangers: a secret that goes along, and a list of where they are."""
import json
import os
import signal
import threading
import time

import client
from harness import ZONES, equal, needs, wait_until
from test_origins import Filed, cause

OLD, NEW = "an old secret 7f3a", "the new secret c4e1"


def secret_file(node_data, name="edge"):
    os.makedirs(os.path.join(node_data, "secrets"), exist_ok=True)
    return os.path.join(node_data, "secrets", name)


def put(path, *lines, mode=0o600):
    """As an editor that means well: whole, or not at all."""
    with open(path + ".new", "w", encoding="ascii") as out:
        out.write("".join(f"{line}\n" for line in lines))
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def site(origin, **more):
    """All that can be forwarded is, and the field is even named as a part of the key."""
    return {"name": "site", "hosts": "*.test", "origins": [{"id": "o", "url": origin.url, **more}],
            "behaviours": [{"path": "/named/*", "origin": "o", "cache": {"headers": ["X-Origin-Secret"]}},
                           {"path": "*", "origin": "o", "request": {"headers": "all"}}]}


def ask(node, path, **options):
    return client.fetch(node.http, path, headers=[("Host", "a.test"), ("X-Origin-Secret", "guessed")], **options)


def sent(origin, path):
    return [request.headers.get("x-origin-secret") for request in origin.requests if request.target == path]


@needs("hedgerow")
def test_feat_S12_a_secret_that_viewers_never_see_nor_say(case):
    """S12: the node's secret goes along with each request of whatever method, and none where none is wanted; a viewer's own
    passes neither way; no answer, log, status or metric has it."""
    origin = case.origin()
    path = secret_file(os.path.join(case.folder, "fra-1"))
    put(path, OLD)
    node = Filed(case, "fra-1", [site(origin, secret="edge"), {**site(origin), "name": "plain", "hosts": "plain.example"}])
    answers = [ask(node, "/bytes/10"), ask(node, "/bytes/11", method="POST"), ask(node, "/named/bytes/1"), ask(node, "/bytes/10")]
    equal([sent(origin, at) for at in ("/bytes/10", "/bytes/11", "/named/bytes/1")], [[OLD]] * 3, "what the origin saw")
    for at in ("/bytes/12", "/named/bytes/2"):
        answers.append(client.fetch(node.http, at, headers=[("Host", "plain.example"), ("X-Origin-Secret", "guessed")]))
        equal(sent(origin, at), [None], "without a secret of ours a viewer's does not pass either")
    node.wait_access_log(6)
    seen = [repr(answer.headers) + repr(answer.body) for answer in answers]
    seen += [json.dumps(node.status()), node.admin_get("/metrics").body.decode(), json.dumps(node.access_log()), node.log(),
             node.admin_get("/distributions").body.decode()]
    for text in seen:
        assert OLD not in text, text


@needs("hedgerow")
def test_feat_S12_a_secret_rotates_with_overlap(case):
    """S12: two nodes are given a new secret one after the other, while requests go on, without a restart: no request has
    anything but the old or the new one, and once both have the new one all have that."""
    origin = case.origin()
    names = ("fra-1", "ams-1")
    paths = [secret_file(os.path.join(case.folder, name)) for name in names]
    for path in paths:
        put(path, OLD)
    nodes = [Filed(case, name, [site(origin, secret="edge")]) for name in names]
    ended, failed = threading.Event(), []

    def load(node):
        i = 0
        while not ended.is_set():
            i += 1
            if ask(node, f"/bytes/10?{node.name}={i}").status != 200:
                failed.append(i)
            time.sleep(0.02)
    threads = [threading.Thread(target=load, args=(node,)) for node in nodes]

    def last(name):
        found = [request for request in list(origin.requests) if f"?{name}=" in request.target]
        return found[-1].headers.get("x-origin-secret") if found else None
    try:
        for thread in threads:
            thread.start()
        wait_until(lambda: [last(name) for name in names] == [OLD, OLD], "both send the old one")
        put(paths[0], OLD, NEW)
        wait_until(lambda: last("fra-1") == NEW, "the first sends the new one by itself", timeout=5)
        equal(last("ams-1"), OLD, "what the second sends meanwhile")
        put(paths[1], OLD, NEW)
        nodes[1].signal(signal.SIGHUP)
        wait_until(lambda: last("ams-1") == NEW, "the second does, too", timeout=5)
        alone = len(origin.requests)
        for path in paths:
            put(path, NEW)
        wait_until(lambda: len(origin.requests) > alone + 100, "a while goes by")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    equal(failed, [], "requests that failed")
    equal({request.headers.get("x-origin-secret") for request in origin.requests}, {OLD, NEW}, "what the origin saw")
    equal({request.headers.get("x-origin-secret") for request in origin.requests[alone:]}, {NEW}, "and in the end")


@needs("hedgerow")
def test_feat_S12_without_the_secret_nothing_is_asked(case):
    """S12: where the file is not there it is 502, with a cause of its own, and the origin hears nothing; once it is there all
    is well, also without a signal; a file that others can read is said; one that is no good leaves what was there."""
    origin = case.origin()
    node = Filed(case, "fra-1", [site(origin, secret="edge")])
    equal(cause(ask(node, "/bytes/10")), (502, "proxy_configuration_error", "origin_secret"), "without a file")
    equal(origin.total, 0, "requests")
    assert "there is no secret" in node.log(), node.log()
    path = secret_file(node.data)
    put(path, OLD, mode=0o644)
    wait_until(lambda: ask(node, "/bytes/11").status == 200, "it is found", timeout=10)
    equal(sent(origin, "/bytes/11"), [OLD], "what was sent")
    wait_until(lambda: "others on this host can read the secret" in node.log(), "it is said")
    put(path)
    node.signal(signal.SIGHUP)
    wait_until(lambda: ask(node, f"/bytes/12?{time.monotonic()}").status == 200 and "is empty" in node.log(), "it is said")
    equal(origin.requests[-1].headers["x-origin-secret"], OLD, "with an empty file")
    assert OLD not in node.log(), node.log()
    os.unlink(path)
    node.signal(signal.SIGHUP)
    wait_until(lambda: ask(node, f"/bytes/13?{time.monotonic()}").status == 502, "without a file again")


@needs("hedgerow")
def test_feat_S12_where_all_members_are(case):
    """S12: each node lists where all members are now, as JSON and as text; who joins or leaves is there or gone within 5 s."""
    origin = case.origin()
    nodes = []

    def start(i):
        node = case.node(f"n-{i}", origin.url, ZONES[i % len(ZONES)], seeds=[n.mesh for n in nodes[:1]],
                         flags=["--mesh", f"127.0.0.{i + 1}:0"])
        nodes.append(node)
        return node

    def text(node):
        answer = node.admin_get("/members/addresses.txt")
        equal((answer.status, answer.get("Content-Type")), (200, "text/plain; charset=utf-8"), "the text")
        return answer.body.decode()

    def all_say(numbers, what):
        want = "".join(f"127.0.0.{i + 1}\n" for i in numbers)
        wait_until(lambda: all(text(node) == want for node in nodes), lambda: f"{what}: {[text(n) for n in nodes]}", timeout=5)
    for i in range(3):
        start(i)
        all_say(range(i + 1), f"{i + 1} members")
    found = nodes[2].admin_get("/members/addresses").json()
    equal(found["addresses"], ["127.0.0.1", "127.0.0.2", "127.0.0.3"], "JSON")
    equal({m["name"]: (m["addresses"], m["state"]) for m in found["members"]},
          {f"n-{i}": ([f"127.0.0.{i + 1}"], "alive") for i in range(3)}, "by member")
    nodes.pop(1).ask_to_end()
    all_say([0, 2], "one has left")
    equal([m["name"] for m in nodes[0].admin_get("/members/addresses").json()["members"]], ["n-0", "n-2"], "by member then")

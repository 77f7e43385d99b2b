"""Purges: content goes at every node at once, each node confirms it under its signature, and nobody brings it back."""
import json
import os
import signal
import threading
import time

import client
from harness import equal, needs, quick, total, wait_until
from scripted import Scripted


class Versions:
    """An origin whose every path has the present version as its body, and fields that the test chooses."""

    def __init__(self, fields=""):
        self.version, self.fields, self.by_path = 1, fields, {}
        self.delay, self.status = 0.0, {}
        self.lock = threading.Lock()
        self.counts = {}
        self.scripted = Scripted({"*": self.answer})
        self.url = self.scripted.url
        self.close = self.scripted.close

    def answer(self, head):
        path = head.split(b" ", 2)[1].decode()
        version = self.version          # what the origin has when it is asked, however long it takes to say so
        with self.lock:
            self.counts[path] = self.counts.get(path, 0) + 1
        time.sleep(self.delay)
        body = f"{path} {version}"
        if "vary" in path:
            language = [line for line in head.split(b"\r\n") if line.lower().startswith(b"accept-language:")]
            body += " " + (language[0].decode() if language else "none")
        fields = self.by_path.get(path, self.fields) or "Cache-Control: max-age=600\r\n"
        status = self.status.get(path, "200 OK")
        return [f"HTTP/1.1 {status}\r\nDate: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}\r\n"
                f"{fields}ETag: \"{version}\"\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()]


def call(case, node, *words, code=0):
    """hedgerow purge at a node: what it prints with --json."""
    done = case.run("purge", *words, "--json", "--admin", "{}:{}".format(*node.admin), "--token-file",
                    os.path.join(node.data, "admin.token"), code=code, timeout=60)
    return json.loads(done.stdout) if done.stdout else done.stderr


def post(node, order, token=None, **headers):
    """POST /purge as it is: (status, body)."""
    with open(os.path.join(node.data, "admin.token"), encoding="ascii") as file:
        token = file.read().strip() if token is None else token
    body = order if isinstance(order, bytes) else json.dumps(order).encode()
    fields = [("Content-Length", str(len(body)))] + ([("Authorization", f"Bearer {token}")] if token else [])
    with client.Connection(node.admin) as connection:
        connection.send(client.request_bytes(node.admin, "/purge", "POST", fields) + body)
        answer = connection.read("POST")
        return answer.status, answer.body.decode()


def body_of(node, path, headers=()):
    answer = node.get(path, headers=headers)
    return answer.body.decode()


def warm(nodes, paths, headers=()):
    for path in paths:
        for node in nodes:
            body_of(node, path, headers)


def states(state):
    return {member["name"]: member["state"] for member in state["members"]}


@needs("hedgerow", timeout=180)
def test_feat_I1_one_call_clears_every_node(case):
    """I1: eight nodes that all have a page: after one purge at one of them each answers with what the origin has now,
    at once when the command ends; the command names all eight, each with a signed receipt."""
    origin = Versions()
    case.cleanups.append(origin.close)
    nodes = case.mesh(8, origin.url)
    warm(nodes, ["/page", "/other"])
    for turn in range(3):
        origin.version += 1
        began = time.monotonic()
        state = call(case, nodes[turn], "/page" if turn else "https://Example.com:443/page")
        took = time.monotonic() - began
        equal((state["complete"], state["acknowledged"], set(states(state).values())), (True, 8, {"acknowledged"}), "who")
        quick(took, 5, "until all had confirmed")
        for member in state["members"]:
            assert member["name"] == nodes[turn].name or len(member["receipt"]["signature"]) == 128, member
        for node in nodes:
            equal(body_of(node, "/page"), f"/page {origin.version}", f"turn {turn}: {node.name}")
            equal(body_of(node, "/other"), "/other 1", "what was not purged")
    equal(origin.counts["/page"], 4, "fetches: one for all nodes after each purge")
    for node in nodes:
        status = node.status()["purge"]
        equal((status["position"], status["logs"], len(status["frontier"])), (3, 3, 16), node.name)
    equal(len({node.status()["purge"]["frontier"] for node in nodes}), 1, "frontiers")


@needs("hedgerow")
def test_feat_I3_prefixes_and_everything(case):
    """I3: a prefix takes what begins with it and nothing else, with an asterisk or without; --all takes everything."""
    origin = Versions()
    case.cleanups.append(origin.close)
    nodes = case.mesh(3, origin.url)
    paths = ["/img/a.png", "/img/b/c.png?w=1", "/images", "/im", "/"]
    for words, gone in ((["--prefix", "/img/*"], paths[:2]), (["--prefix", "/img"], paths[:2]),
                        (["--prefix", "/im", "--prefix", "/x"], paths[:4]), (["--all"], paths)):
        warm(nodes, paths)
        before = {path: body_of(nodes[0], path) for path in paths}
        origin.version += 1
        equal(call(case, nodes[1], *words)["complete"], True, words)
        for path in paths:
            for node in nodes:
                want = f"{path} {origin.version}" if path in gone else before[path]
                equal(body_of(node, path), want, f"{words}: {path} at {node.name}")


@needs("hedgerow")
def test_feat_I4_tags(case):
    """I4: tags of Cache-Tag, Surrogate-Key and Cache-Groups, without regard to case; every variant at every node; the
    51st tag of an answer does not count."""
    many = ", ".join(f"t{i}" for i in range(1, 52))
    origin = Versions()
    case.cleanups.append(origin.close)
    common = "Cache-Control: max-age=600\r\n"
    origin.by_path = {"/list": common + "Cache-Tag: Red, blue\r\n", "/words": common + "Surrogate-Key: green RED\r\n",
                      "/groups": common + 'Cache-Groups: "red", "Blue";x=1\r\n',
                      "/vary": common + "Cache-Tag: red\r\nVary: Accept-Language\r\n",
                      "/many": common + f"Cache-Tag: {many}\r\n", "/none": common}
    nodes = case.mesh(3, origin.url)
    languages = [[("Accept-Language", "de")], [("Accept-Language", "fr")]]
    for tag, gone in (("ReD", {"/list", "/words", "/groups", "/vary"}), ("BLUE", {"/list", "/groups"}), ("t50", {"/many"}),
                      ("t51", set()), ("none", set())):
        for headers in languages:
            warm(nodes, origin.by_path, headers)
        before = {path: body_of(nodes[0], path).split()[1] for path in origin.by_path}
        origin.version += 1
        call(case, nodes[2], "--tag", tag)
        for path in origin.by_path:
            for headers in languages:
                for node in nodes:
                    want = str(origin.version) if path in gone else before[path]
                    equal(body_of(node, path, headers).split()[1], want, f"{tag}: {path} at {node.name}")


@needs("hedgerow")
def test_feat_I5_a_soft_purge_leaves_it_stale(case):
    """I5: after a soft purge the first viewer gets the stale copy, the origin is asked once behind it, and then there is
    the new one; a hard purge never serves the old one. Without stale-while-revalidate it is validated first."""
    origin = Versions()
    case.cleanups.append(origin.close)
    origin.by_path = {"/swr": "Cache-Control: max-age=600, stale-while-revalidate=60\r\n"}
    node = case.node("fra-1", origin.url)
    warm([node], ["/swr", "/plain"])
    origin.version, origin.delay = 2, 0.3
    equal(call(case, node, "/swr", "/plain", "--soft")["soft"], True, "the purge")
    answer = node.get("/swr")
    equal((answer.body.decode(), answer.get("X-Cache")), ("/swr 1", "StaleHit from hedgerow"), "the first answer")
    wait_until(lambda: body_of(node, "/swr") == "/swr 2", "the new one")
    equal(origin.counts["/swr"], 2, "fetches")
    equal(body_of(node, "/plain"), "/plain 2", "without leave to serve stale")
    origin.version = 3
    call(case, node, "/swr")
    equal(body_of(node, "/swr"), "/swr 3", "after a hard purge")


@needs("hedgerow")
def test_feat_I6_who_has_confirmed(case):
    """I6: a purge has an id and a state for each node; it is complete only when all have confirmed that were alive; one
    that does not answer is waited for and then named as unreachable; when it wakes it confirms. The last 100 are kept."""
    origin = Versions()
    case.cleanups.append(origin.close)
    nodes = case.mesh(4, origin.url)
    warm(nodes, ["/page"])
    equal(states(call(case, nodes[0], "/page")), {node.name: "acknowledged" for node in nodes}, "all")
    sleeper = nodes[3]
    sleeper.signal(signal.SIGSTOP)
    try:
        state = call(case, nodes[0], "/page", "--wait", "1", code=1)
        equal((state["complete"], states(state)[sleeper.name]), (False, "waiting"), "one sleeps")
        path = "/purge/" + state["id"]
        nodes[0].wait_status(lambda s: nodes[0].members(s)[sleeper.name] == "dead", "the sleeper is taken for dead", 40)
        state = nodes[0].admin_get(path).json()
        equal((state["complete"], states(state)[sleeper.name], state["unreachable"]), (False, "unreachable", 1), "dead")
        # One that was dead already is named, and not waited for.
        later = call(case, nodes[0], "/other")
        equal((later["complete"], states(later)[sleeper.name], later["acknowledged"]), (True, "unreachable", 3), "later")
    finally:
        sleeper.signal(signal.SIGCONT)
    wait_until(lambda: nodes[0].admin_get(path).json()["complete"], "it wakes and confirms", 40)
    equal(nodes[1].admin_get(path).status, 404, "at another node")
    for i in range(110):
        post(nodes[0], {"urls": [f"/{i}"]})
    listed = nodes[0].admin_get("/purge").json()["purges"]
    equal(len(listed), 100, "the last ones")
    equal(nodes[0].admin_get(path).status, 404, "an old one")


@needs("hedgerow")
def test_feat_I7_who_was_away_has_it_before_it_serves(case):
    """I7: a node that was stopped while 300 purges went by, and one that never was there, have all of them before they
    are ready; also when who had called for them is gone."""
    origin = Versions()
    case.cleanups.append(origin.close)
    nodes = case.mesh(3, origin.url)
    file = case.admit("late-4")
    away = nodes[2]
    away.ask_to_end()
    away.wait_exit()
    for i in range(300):
        equal(post(nodes[0], {"urls": [f"/{i}"]})[0], 202, "a purge")
    nodes[1].wait_status(lambda s: s["purge"]["position"] == 300, "the other has them")
    frontier = nodes[1].status()["purge"]["frontier"]
    nodes[0].kill()
    back = case.node(away.name, origin.url, away.zone, node_file=os.path.join(case.folder, f"authority-{away.name}.node"),
                     seeds=[nodes[1].mesh], data=away.data)
    new = case.node("late-4", origin.url, node_file=file, seeds=[nodes[1].mesh])
    for node in (back, new):
        seen = node.status()["purge"]
        equal((seen["frontier"], seen["position"], seen["caught_up"]), (frontier, 300, True), node.name)


@needs("hedgerow")
def test_feat_I7_who_was_stopped_asks_before_it_serves(case):
    """I7: a process that was stopped for seconds while 50 purges went by serves none of what it still has in memory when
    it goes on, from its first answer on."""
    origin = Versions()
    case.cleanups.append(origin.close)
    nodes = case.mesh(3, origin.url)
    paths = [f"/{i}" for i in range(50)]
    warm(nodes, paths)
    sleeper = nodes[1]
    with client.Connection(sleeper.http) as before:
        equal(before.request("/0").body.decode(), "/0 1", "before")
        sleeper.signal(signal.SIGSTOP)
        try:
            time.sleep(3)
            origin.version = 2
            equal(post(nodes[0], {"urls": paths})[0], 202, "the purge")
            before.send(client.request_bytes(sleeper.http, "/0"))   # waits for it in the kernel
            time.sleep(1)
        finally:
            sleeper.signal(signal.SIGCONT)
        equal(before.read("GET").body.decode(), "/0 2", "what was asked meanwhile")
    for path in paths:
        equal(body_of(sleeper, path), f"{path} 2", "afterwards")
    equal(sleeper.counter("wakes"), 1, "times it found to have been stopped")


@needs("hedgerow")
def test_feat_I8_variants_queries_and_errors(case):
    """I8: one path's purge clears its variants, all its queries and a cached error; a purge with a query only that one."""
    origin = Versions()
    case.cleanups.append(origin.close)
    common = "Cache-Control: max-age=600\r\n"
    paths = ["/vary", "/vary?a=1", "/vary?a=2", "/missing"]
    origin.by_path = {path: common + "Vary: Accept-Language\r\n" for path in paths}
    origin.status["/missing"] = "404 Not Found"
    nodes = case.mesh(3, origin.url)
    languages = [[("Accept-Language", "de")], [("Accept-Language", "fr")], []]
    for words, gone in ((["/vary?a=1"], {"/vary?a=1"}), (["/vary"], set(paths[:3])), (["/missing", "/vary?b"], {"/missing"})):
        for headers in languages:
            warm(nodes, paths, headers)
        before = {path: body_of(nodes[0], path).split()[1] for path in paths}
        origin.version += 1
        call(case, nodes[1], *words)
        for path in paths:
            for headers in languages:
                for node in nodes:
                    want = str(origin.version) if path in gone else before[path]
                    equal(body_of(node, path, headers).split()[1], want, f"{words}: {path} at {node.name}")


@needs("hedgerow")
def test_feat_I10_who_may_and_who_did(case):
    """I10: without the token 401; what is not well formed gets a sentence; each node's file says who, what and when, and
    is still there after a restart; the next purge takes the next number."""
    origin = Versions()
    case.cleanups.append(origin.close)
    nodes = case.mesh(2, origin.url)
    for token in ("", "0" * 64):
        equal(post(nodes[0], {"all": True}, token)[0], 401, "without the token")
    for order, said in ((b"x", "no JSON"), ([], "JSON object"), ({}, "Nothing to purge"), ({"url": ["/"]}, "not known"),
                        ({"urls": "/"}, "list of texts"), ({"urls": [1]}, "number 1 is none"),
                        ({"urls": ["a"]}, "does not begin with /"), ({"urls": ["http:///a"]}, "host is not well formed"),
                        ({"urls": ["https://a b/c"]}, "host is not well formed"), ({"urls": ["/a%00"]}, "not well formed"),
                        ({"urls": ["/" + "a" * 20000]}, "too long"), ({"prefixes": ["img"]}, "does not begin with /"),
                        ({"tags": ["a,b"]}, "a tag is"), ({"tags": ["a" * 257]}, "a tag is"), ({"tags": [""]}, "a tag is"),
                        ({"soft": 1, "all": True}, "true or false"), ({"all": True, "who": "a\"b"}, "\"who\""),
                        ({"urls": ["/a"] * 3001}, "More than 3000")):
        status, text = post(nodes[0], order)
        equal((status, said in text), (400, True), f"{str(order)[:50]}: {text}")
    equal(nodes[0].status()["purge"]["position"], 0, "purges")
    equal(post(nodes[1], {"urls": ["/once"], "once": ""})[0], 400, "an empty once")
    first = post(nodes[1], {"urls": ["/once"], "once": "4711"})
    again = post(nodes[1], {"urls": ["/once"], "once": "4711"})
    equal((first[0], again[0], json.loads(first[1])["id"] in again[1]), (202, 409, True), f"sent twice: {again}")
    nodes[0].wait_status(lambda s: s["purge"]["position"] == 1, "one purge")
    call(case, nodes[0], "/a", "--prefix", "/b*", "--tag", "T", "--who", "Ada of the desk")
    for node in nodes:
        path = os.path.join(node.data, "purges.log")
        equal(os.stat(path).st_mode & 0o777, 0o600, "its mode")
        with open(path, encoding="utf-8") as log:
            lines = [json.loads(line) for line in log]
        equal([(line["node"], line["who"], line["soft"], line["targets"], line["position"]) for line in lines],
              [(nodes[1].name, "admin API", False, [{"url": "/once"}], 1),
               (nodes[0].name, "Ada of the desk", False, [{"url": "/a"}, {"prefix": "/b"}, {"tag": "t"}], 2)], node.name)
    said = case.run("purge", "/a", "--admin", "{}:{}".format(*nodes[0].admin), "--token-file",
                    os.path.join(nodes[1].data, "admin.token"), code=1).stderr
    assert "answered 401" in said, said
    assert "what is to go?" in case.run("purge", code=2).stderr
    nodes[0].ask_to_end()
    nodes[0].wait_exit()
    again = case.node(nodes[0].name, origin.url, nodes[0].zone, seeds=[nodes[1].mesh], data=nodes[0].data,
                      node_file=os.path.join(case.folder, f"authority-{nodes[0].name}.node"))
    equal(again.status()["purge"]["position"], 2, "after a restart")
    state = call(case, again, "/a")
    equal((state["complete"], state["id"].rsplit("-", 1)[1]), (True, "2"), "the next")


def purge_method(node, path, *fields):
    """PURGE on the viewers' port: the answer."""
    with client.Connection(node.http) as connection:
        return connection.request(path, "PURGE", fields)


@needs("hedgerow")
def test_feat_I10_the_PURGE_method(case):
    """I10: PURGE on the viewers' port is answered with 405 unless it was allowed; then an address that may, or the token,
    has the URL with all its variants go at all nodes, and each node's file says who. Soft: stale, and validated. Nothing of
    it reaches the origin."""
    origin = Versions("Cache-Control: max-age=600, stale-while-revalidate=60\r\n")
    case.cleanups.append(origin.close)
    off = case.node("off", origin.url, node_file=case.admit("off"))
    by_address = case.node("by-address", origin.url, seeds=[off.mesh], flags=("--purge-from", "10.0.0.0/8,127.0.0.1"))
    by_token = case.node("by-token", origin.url, seeds=[off.mesh], flags=("--purge-from", "10.0.0.0/8,token"))
    nodes = [off, by_address, by_token]
    case.wait_agreed(nodes)
    with open(os.path.join(by_token.data, "admin.token"), encoding="ascii") as file:
        bearer = ("Authorization", "Bearer " + file.read().strip())
    warm(nodes, ["/vary", "/other"])
    for node, fields, status in ((off, (bearer,), 405), (by_token, (), 403), (by_token, (("Authorization", "Bearer x"),), 403),
                                 (by_address, (("Content-Length", "3"),), 405)):
        answer = purge_method(node, "/vary", *fields)
        equal((answer.status, "GET" in answer.get("allow", "GET")), (status, True), f"PURGE at {node.name} with {fields}")
    equal(off.status()["purge"]["position"], 0, "purges")
    for number, (node, fields) in enumerate(((by_address, ()), (by_token, (bearer,))), 1):
        origin.version += 1
        answer = purge_method(node, "/vary", *fields)
        equal(answer.status, 202, f"PURGE at {node.name}: {answer.body}")
        state = f"/purge/{answer.json()['id']}"
        wait_until(lambda: node.admin_get(state).json()["complete"], "all have confirmed")
        for one in nodes:
            equal((body_of(one, "/vary").split()[1], body_of(one, "/other")), (str(origin.version), "/other 1"), one.name)
            with open(os.path.join(one.data, "purges.log"), encoding="utf-8") as log:
                line = json.loads(log.readlines()[number - 1])
            equal((line["node"], line["who"].rsplit(":", 1)[0], line["targets"], line["soft"]),
                  (node.name, "PURGE from 127.0.0.1", [{"url": "/vary"}], False), one.name)
    origin.version += 1
    equal(purge_method(by_address, "/vary", ("Hedgerow-Soft-Purge", "1")).status, 202, "soft")
    equal(by_address.get("/vary").result(), "StaleHit", "what is stale is served on")
    assert all(not head.startswith(b"PURGE") for _, head in origin.scripted.heads), "the origin was asked to purge"

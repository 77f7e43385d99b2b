"""Distributions through three real nodes: whose a host is, what a change does everywhere, and that none of it costs a
request."""
import json
import os
import signal
import time

from certificates import Authority, fetch, localhost
from dists import Load, Site, apply, ask, by_file, command, distribution, rewrite, serving, text
from harness import at_once, equal, needs, quick, wait_until


def statuses(nodes, host, path="/x"):
    return [ask(node, host, path).status for node in nodes]


def within(seconds, condition, what):
    """Waits for it, and fails when it took longer than that."""
    began = time.monotonic()
    wait_until(condition, what, seconds)
    took = time.monotonic() - began
    quick(took, seconds, what)


@needs("hedgerow")
def test_feat_V3_rob_P1_each_tenant_has_its_own_content(case):
    """V3, P1: four tenants with the same paths, exact names within others' wildcards, and one that is switched off: at each
    of three nodes a host has the content of who it belongs to, also from the cache and from peers, however it is spelled;
    all others are 421. Each host's copy is its own: an origin is asked once for each."""
    sites = {name: Site(case, name) for name in ("a", "wild", "deep", "off")}
    nodes = serving(
        case, distribution("a", sites["a"], ["a.example", "www.w.example", "x.deep.w.example"]),
        distribution("wild", sites["wild"], ["*.w.example"]), distribution("deep", sites["deep"], ["*.deep.w.example"]),
        distribution("off", sites["off"], ["off.w.example"], enabled=False))
    rows = (("a.example", "a"), ("www.w.example", "a"), ("x.deep.w.example", "a"), ("other.w.example", "wild"),
            ("xwww.w.example", "wild"), ("y.x.w.example", "wild"), ("y.deep.w.example", "deep"), ("z.y.deep.w.example", "deep"),
            ("y.x.deep.w.example", "deep"), ("deep.w.example", "wild"), ("off.w.example", None), ("w.example", None),
            ("xw.example", None), ("example", None), ("a.example.org", None), ("b.example", None), ("127.0.0.1", None),
            ("x.a.example", None))
    for path in ("/x", "/y?q=1"):
        for turn in range(2):
            for host, owner in rows:
                for node in nodes:
                    status, body = text(node, host, path)
                    if owner:
                        equal((status, body), (200, f"{owner} {path}"), f"{host}{path} at {node.name}")
                    else:
                        equal(status, 421, f"{host}{path} at {node.name}")
                        assert not any(f"{name} {path}" in body for name in sites), body
    for name, site in sites.items():
        equal(site.count("/x"), sum(owner == name for _, owner in rows), f"requests at {name}: one for each host")
    before = sites["a"].count()
    for host in ("A.Example", "a.example.", "a.example:8080", "A.EXAMPLE.:80"):
        equal(text(nodes[1], host, "/x"), (200, "a /x"), host)
    equal(sites["a"].count(), before, "requests of other spellings")


@needs("hedgerow")
def test_feat_A1_a_distribution_is_switched_on_and_off(case):
    """A1: created disabled its host is 421 at all nodes; enabled by one command it is served by all of them within 5 s;
    disabled again it is 421 everywhere, though all have copies; enabled again they are there still."""
    site = Site(case)
    nodes = serving(case, distribution("shop", site, enabled=False))
    equal(statuses(nodes, "shop.example"), [421] * 3, "created disabled")
    for on in (True, False, True):
        began = time.monotonic()
        apply(case, nodes, distribution("shop", site, enabled=on))
        within(5, lambda on=on: statuses(nodes, "shop.example") == [200 if on else 421] * 3, f"enabled: {on}")
        quick(time.monotonic() - began, 5, "from the command on")
    equal(site.count("/x"), 1, "requests for the page")


@needs("hedgerow")
def test_feat_A2_a_distribution_has_a_name_at_once(case):
    """A2: the name below the mesh's domain, which the list tells, is another one for each distribution, is served by all
    nodes as soon as it is applied, without any host of its own, survives a change, and is 421 while it is disabled."""
    sites = {name: Site(case, name) for name in ("a", "b", "off")}
    nodes = serving(case, distribution("a", sites["a"], []), distribution("b", sites["b"]),
                    distribution("off", sites["off"], [], enabled=False), flags=("--dns-domain", "CDN.example."))

    def listed(node):
        lines = [line.split() for line in command(case, node, "list").splitlines()[:-1]]
        return {words[0]: next(word for word in words if word.endswith(".cdn.example")) for words in lines}
    names = listed(nodes[0])
    equal((len(set(names.values())), [listed(node) for node in nodes[1:]]), (3, [names, names]), "names")
    told = json.loads(command(case, nodes[2], "list", "--json"))["distributions"]
    equal({one["name"]: one["assigned"] for one in told}, names, "as JSON")
    for turn in range(2):
        for name in ("a", "b"):
            for host in (names[name], names[name].upper() + ".", names[name] + ":8080"):
                equal([text(node, host, "/x") for node in nodes], [(200, f"{name} /x")] * 3, host)
        for host in (names["off"], "cdn.example", "x." + names["a"], "d" + names["a"][1:].replace("cdn", "other"), "d0.cdn.example"):
            equal(statuses(nodes, host), [421] * 3, host)
        apply(case, nodes, distribution("a", sites["a"], [], comment=str(turn)))
    equal(sites["a"].count(), 1, "requests at a")


@needs("hedgerow")
def test_feat_A4_feat_A6_a_change_is_tried_and_taken_back(case):
    """A4, A6: --dry-run says what would change, and changes nothing; a bad file is refused with its line, its column and
    the nearest name, and changes nothing; a rollback is one command, and has the old origin in force within 5 s."""
    first, second = Site(case, "first"), Site(case, "second")
    never = {"cache": False, "path": "*"}
    nodes = serving(case, distribution("shop", first, behaviours=[{**never, "origin": "first"}]))
    changed = distribution("shop", second, behaviours=[{**never, "origin": "second"}])
    said = apply(case, nodes, changed, words=("--dry-run",))
    assert "second" in said, said
    bad = os.path.join(case.folder, "bad.yaml")
    rewrite(bad, "distributions:\n  - name: shop\n    hosts: [ shop.example ]\n    origns: http://o\n")
    said = command(case, nodes[0], "apply", bad, code=78)
    assert f"{bad}:4:5: " in said and "Did you mean origins?" in said, said
    for node in nodes:
        equal(text(node, "shop.example", "/x"), (200, "first /x"), "what is in force")
    apply(case, nodes, changed)
    within(5, lambda: {text(node, "shop.example", "/x") for node in nodes} == {(200, "second /x")}, "the change")
    began = time.monotonic()
    command(case, nodes[0], "rollback")
    within(5, lambda: {text(node, "shop.example", "/x") for node in nodes} == {(200, "first /x")}, "the rollback")
    quick(time.monotonic() - began, 5, "from the command on")


@needs("hedgerow", release=True, timeout=300)
def test_feat_A5_rob_RS2_a_hundred_reloads_under_load(case):
    """A5, RS2: three nodes under load read their file a hundred times, half on SIGHUP and half by hedgerow reload, each time
    with something else in it: no request fails. With a bad one, under load as well, the old one stays: exit code 1, and
    line and column in what is said, in the log, while the metric counts."""
    site = Site(case)

    def content(turn):
        return {"distributions": [distribution("shop", site, comment=str(turn)),
                                  distribution(f"other-{turn}", site, ["other.example"], enabled=turn % 2 == 0)]}
    nodes = by_file(case, 3, content(0))

    def reload(node, code=0):
        return case.run("reload", "--admin", "{}:{}".format(*node.admin), "--token-file",
                        os.path.join(node.data, "admin.token"), code=code)
    with Load(nodes, "shop.example", "site"):
        for turn in range(1, 101):
            rewrite(nodes[0].file, content(turn))
            node = nodes[turn % 3]
            want = node.counter("config_reloads") + 1
            if turn % 2:
                node.signal(signal.SIGHUP)
                wait_until(lambda: node.counter("config_reloads") == want, f"reload {turn}")
            else:
                assert "in force: 2 distributions" in reload(node).stdout
            equal(ask(node, "other.example", "/x").status, 200 if turn % 2 == 0 else 421, f"after reload {turn}")
        equal(sum(node.counter("config_reloads") for node in nodes), 100, "reloads")
        rewrite(nodes[0].file, "distributions:\n  - name: shop\n    hosts: [ shop.example, shop..example ]\n    origins: http://o\n")
        where = f"{nodes[0].file}:3:28: "
        was = {node.name: ask(node, "other.example", "/x").status for node in nodes}
        for node in nodes:
            said = reload(node, code=1).stderr
            assert where in said and "stays" in said, said
            node.signal(signal.SIGHUP)
            wait_until(lambda: node.counter("config_reload_failures") == 2, "the failures count")
            equal(node.log(2000).count(where), 2, f"lines in {node.name}'s log")
            equal(ask(node, "other.example", "/x").status, was[node.name], "what was in force before")


@needs("hedgerow", release=True, timeout=300)
def test_feat_A5_rob_RS2_twenty_changes_under_load(case):
    """RS2: twenty changes of the mesh's distributions under load, among them such that move a host from one distribution to
    another and change behaviours, origins' terms and the number of distributions: no request fails, at any node."""
    site = Site(case)

    def shop(turn):
        return distribution("shop", [site, {"id": f"spare-{turn}", "url": site.url}], comment=str(turn), behaviours=[
            *({"path": f"/never-{i}/*", "origin": f"spare-{turn}"} for i in range(turn)),
            {"path": "*", "origin": "site", "ttl": {"default": 60 + turn}, "compress": "off" if turn % 2 else ["br", "gzip"]}])
    nodes = serving(case, shop(0))
    with Load(nodes, "shop.example", "site"):
        for turn in range(1, 21):
            apply(case, nodes, shop(turn), distribution(f"more-{turn}", site), at=0)
            equal(statuses(nodes, f"more-{turn}.example"), [200] * 3, f"change {turn}")
    equal({node.status()["config"]["version"] for node in nodes}, {21}, "versions")


@needs("hedgerow", timeout=240)
def test_feat_A8_five_hundred_distributions(case):
    """A8: five hundred distributions, applied at one node: each host answers with its own distribution's content, at all
    nodes, and after one that is started later has them, too."""
    sites = [Site(case, f"s{i}") for i in range(5)]
    nodes = serving(case, *(distribution(f"d{i}", sites[i % 5], [f"d{i}.example", f"*.d{i}.example"]) for i in range(500)))
    nodes.append(case.node("late", nodes[0].origin_url, seeds=[nodes[0].mesh]))

    def look(number):
        node = nodes[number]
        for i in range(500):
            host = f"www.d{i}.example" if (i + number) % 2 else f"d{i}.example"
            equal(text(node, host, f"/{i}"), (200, f"s{i % 5} /{i}"), f"{host} at {node.name}")
        equal(ask(node, "d500.example", "/x").status, 421, "a host of nobody's")
    at_once(4, look)
    for i, site in enumerate(sites):
        equal(site.count(), 200, f"requests at s{i}: one for each host")


@needs("hedgerow")
def test_feat_S6_keys_come_and_go_at_all_nodes(case):
    """S6: a key that is added by distribution apply lets in at all nodes within 5 s, one that is removed lets in no more,
    not even to what lies there; nobody was started anew."""
    site, public = Site(case), {}
    for key, kind in (("K1", "p256"), ("K2", "rsa")):
        case.run("sign", "--new-key", kind, "--out", f"{key}.key")
        with open(os.path.join(case.folder, f"{key}.key.pub"), encoding="ascii") as file:
            public[key] = file.read()

    def films(*keys):
        return distribution("films", site, keys=[{"id": key, "pem": public[key]} for key in keys],
                            key_groups=[{"id": "all", "keys": list(keys)}],
                            behaviours=[{"path": "/open/*", "origin": "site"},
                                        {"path": "*", "origin": "site", "key_groups": ["all"]}])

    def signed(key):
        url = case.run("sign", "http://films.example/a", "--key", f"{key}.key", "--key-id", key, "--expires", "1h").stdout.strip()
        return url.removeprefix("http://films.example")
    paths = {key: signed(key) for key in public}

    def let_in(key):
        return [ask(node, "films.example", paths[key]).status for node in nodes]
    nodes = serving(case, films("K1"))
    pids = [node.process.pid for node in nodes]
    equal((let_in("K1"), let_in("K2")), ([200] * 3, [403] * 3), "K1 alone")
    for keys, want in ((("K1", "K2"), (200, 200)), (("K2",), (403, 200)), (("K1",), (200, 403))):
        began = time.monotonic()
        apply(case, nodes, films(*keys))
        within(5, lambda want=want: (let_in("K1"), let_in("K2")) == ([want[0]] * 3, [want[1]] * 3), f"with {keys}")
        quick(time.monotonic() - began, 5, "from the command on")
        equal(statuses(nodes, "films.example"), [403] * 3, "without a signature")
        equal(statuses(nodes, "films.example", "/open/x"), [200] * 3, "where none is wanted")
    equal([node.process.pid for node in nodes if node.running], pids, "processes")
    equal(site.count("/a"), 1, "requests for the film")


@needs("hedgerow")
def test_feat_S1_V4_the_scheme_is_signed_too(case):
    """S1: a URL that is signed for https lets in over https and not over http, and the other way round, at each of three
    nodes; one for either lets in over both. Copies are shared by both."""
    site, authority = Site(case), Authority(case.folder)
    chain, key = localhost(authority)
    case.run("sign", "--new-key", "p256", "--out", "k.key")
    with open(os.path.join(case.folder, "k.key.pub"), encoding="ascii") as file:
        public = file.read()
    nodes = serving(case, distribution("films", site, keys=[{"id": "K", "pem": public}], key_groups=[{"id": "all", "keys": ["K"]}],
                                       behaviours=[{"path": "*", "origin": "site", "key_groups": ["all"]}]),
                    flags=("--https", "127.0.0.1:0", "--certificate", f"{chain},{key}"))

    def signed(url, *words):
        said = case.run("sign", url, "--key", "k.key", "--key-id", "K", "--expires", "1h", *words).stdout.strip()
        return "/" + said.split("/", 3)[3]
    rows = ((signed("https://films.example/a"), 403, 200), (signed("http://films.example/a"), 200, 403),
            (signed("http://films.example/a", "--resource", "http*://films.example/*"), 200, 200))
    for target, plain, secure in rows:
        for node in nodes:
            got = fetch(node.https, authority.context(), target, headers=[("Host", "films.example")])
            equal((ask(node, "films.example", target).status, got.status), (plain, secure), f"{target} at {node.name}")
    equal(site.count(), 1, "requests at the origin")

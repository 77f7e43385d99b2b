"""What behaviours say, on three real nodes: which origin is asked, with what, what tells copies apart, for how long they
hold, and what takes the place of errors."""
import itertools
import os
import time
import urllib.parse

from dists import HANG, RESET, Site, apply, ask, command, distribution, file_of, mesh_of, serving, text
from harness import equal, needs, wait_until

HOST = "d.example"


def one(case, sites, **fields):
    """A mesh of three that serves one distribution, d."""
    return serving(case, distribution("d", sites, **fields))


def turns(nodes):
    return itertools.cycle(nodes)


@needs("hedgerow")
def test_feat_C4_twenty_five_origins(case):
    """C4: 25 origins of one distribution, each reached by its own pattern, from each node, and by nobody else's; an origin
    that is not there is refused with its place and the nearest name, by the command as by check, and what was in force
    stays."""
    sites = [Site(case, f"web-{i}") for i in range(25)]
    behaviours = [{"path": f"/{i}/*", "origin": f"web-{i}"} for i in range(24)] + [{"path": "*", "origin": "web-24"}]
    nodes = one(case, sites, behaviours=behaviours)
    for i, node in zip(range(25), turns(nodes)):
        path = f"/{i}/x" if i < 24 else "/25/x"
        for at in (node, nodes[0], nodes[1], nodes[2]):
            equal(text(at, HOST, path), (200, f"web-{i} {path}"), f"{path} at {at.name}")
    equal([site.count() for site in sites], [1] * 25, "requests at each")
    wrong = distribution("d", sites, behaviours=[{"path": "/a/*", "origin": "web-99"}, {"path": "*", "origin": "wb-7"}])
    said = apply(case, nodes, wrong, code=78)
    assert "wb-7" in said and 'Did you mean "web-7"?' in said and "behaviours[0].origin" in said, said
    assert "behaviours[1].origin" in case.run("check", "-c", file_of(case, "wrong.json", {"distributions": [wrong]}),
                                              code=78).stderr
    equal(text(nodes[0], HOST, "/3/y"), (200, "web-3 /3/y"), "what was in force")


@needs("hedgerow", timeout=180)
def test_feat_C6_the_second_origin_takes_over(case):
    """C6: the first origin refuses connections, resets them, says nothing in time, or says a status of the list: the second
    answers the same request. What it says besides is passed on. The first is tried first each time, and again as soon as
    it is well; POST goes to it alone, once."""
    rows = ((RESET, True), (HANG, True), ((404, {}, "x"), True), ((500, {}, "x"), True), ((503, {}, "x"), True),
            ((403, {}, "first no"), False), ((502, {}, "first bad"), False), (None, False))
    # A pair of its own for each row: who fails five times in a row is left alone for a while.
    pairs = [(Site(case, "first"), Site(case, "second")) for _ in rows]
    nodes = serving(case, *(distribution(
        f"d{i}", [{"id": site.name, "url": site.url, "response_timeout": "1s", "attempts": 1} for site in pair],
        groups=[{"id": "both", "origins": ["first", "second"], "statuses": [404, 500, 503]}],
        behaviours=[{"path": "*", "group": "both"}]) for i, pair in enumerate(pairs)))
    for (said, over), (first, second), node, number in zip(rows[:-1], pairs, turns(nodes), itertools.count()):
        host, path = f"d{number}.example", "/x"
        first.say = lambda asked, said=said: said
        status, body = text(node, host, path)
        equal((status, body), (200, f"second {path}") if over else (said[0], said[2]), f"with {said}")
        equal((first.count(path) >= 1, second.count(path)), (True, int(over)), f"requests with {said}")
        first.say = lambda asked: None
        equal(text(node, host, path + "-well"), (200, f"first {path}-well"), "when it is well again")
        first.say = lambda asked, said=said: said if said != HANG else RESET
        for method, body in (("POST", b"a=1"), ("PUT", b"b"), ("DELETE", b"")):
            status = ask(node, host, path, method=method, body=body).status
            equal(status, said[0] if isinstance(said, tuple) else 502, f"{method} with {said}")
            equal((first.count(method=method), second.count(method=method)), (1, 0), f"{method}s with {said}")
    (first, second), host = pairs[-1], f"d{len(rows) - 1}.example"
    first.close()
    for node in nodes:
        path = f"/refused-{node.name}"
        equal(text(node, host, path), (200, f"second {path}"), "the first refuses")
        equal(ask(node, host, path, method="POST", body=b"x").status, 502, "a POST")
    equal(second.count(method="POST"), 0, "POSTs at the second")
    Site(case, "first", port=first.port)
    wait_until(lambda: text(nodes[0], host, f"/{time.monotonic()}")[1].startswith("first"), "the first is asked again", 30)


@needs("hedgerow")
def test_feat_C12_the_prefix_is_the_origins_alone(case):
    """C12: with a prefix the origin is asked for it and the path, while the key has the path: another prefix, applied later,
    leaves the copies, and a purge by the viewer's path drops them."""
    site = Site(case)
    behaviours = [{"path": "/production/*", "methods": "get", "ttl": {"default": 60}}, {"path": "*"}]

    def with_prefix(prefix):
        return distribution("d", {"id": "o", "url": site.url + prefix}, behaviours=behaviours)
    nodes = serving(case, with_prefix("/production"))
    for path in ("/a", "/a?b=/c", "/production/a", "/%C3%A4"):
        for node in nodes:
            equal(text(node, HOST, path), (200, f"site /production{path}"), path)
        equal(site.count("/production" + path), 1, f"requests for {path}")
    apply(case, nodes, with_prefix("/v2/x"))
    equal([text(node, HOST, "/a") for node in nodes], [(200, "site /production/a")] * 3, "after another prefix")
    equal(text(nodes[2], HOST, "/b"), (200, "site /v2/x/b"), "what is new")
    case.run("purge", f"http://{HOST}/a", "--admin", "{}:{}".format(*nodes[1].admin), "--token-file",
             os.path.join(nodes[1].data, "admin.token"))
    equal([text(node, HOST, "/a") for node in nodes], [(200, "site /v2/x/a")] * 3, "after the purge")


@needs("hedgerow")
def test_feat_C13_fixed_fields_are_the_owners(case):
    """C13: a fixed field goes along in place of the viewer's, once, with each request; names that belong to the connection,
    to conditions, ranges or the host are refused where the file is read, each with its place."""
    site = Site(case)
    nodes = one(case, {"id": "o", "url": site.url, "headers": {"X-Env": "blue", "User-Agent": "edge/1", "Accept-Language": "de"}})
    for number, node in enumerate(nodes):
        for method in ("GET", "HEAD", "POST"):
            path = f"/{method}-{number}"
            equal(ask(node, HOST, path, method, [("X-Env", "evil"), ("x-env", "twice"), ("user-agent", "v"), ("X-Mine", "1")]).status,
                  200, path)
            seen = site.seen(path)
            equal([seen.get(name) for name in ("x-env", "user-agent", "accept-language", "x-mine")],
                  [["blue"], ["edge/1"], ["de"], ["1"]], path)
    for name in ("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Host", "Range",
                 "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "Content-Length",
                 "Expect", "host", "RANGE"):
        bad = distribution("d", {"id": "o", "url": site.url, "headers": {"X-Fine": "1", name: "x"}})
        done = case.run("check", "-c", file_of(case, "bad.json", {"distributions": [bad]}), code=78)
        assert "bad.json:1:" in done.stderr and f'origins[0].headers: "{name}"' in done.stderr, (name, done.stderr)
    said = apply(case, nodes, distribution("d", {"id": "o", "url": site.url, "headers": {"Range": "bytes=0-1"}}), code=78)
    assert 'headers: "Range"' in said, said


@needs("hedgerow")
def test_feat_C14_redirects_are_kept_and_not_followed(case):
    """C14: a 302 that is fresh for a minute goes to the viewers of all nodes as it is; its origin is asked once, and nobody
    asks where it leads."""
    site = Site(case)
    where = {status: f"{site.url}/elsewhere?s={status}" for status in (301, 302, 307, 308)}
    site.say = lambda asked: (int(asked.target[1:]), {"Location": where[int(asked.target[1:])]}, "") if asked.target != "/" else None
    nodes = one(case, site)
    for status, location in where.items():
        for node in nodes * 2:
            answer = ask(node, HOST, f"/{status}")
            equal((answer.status, answer.get("Location")), (status, location), f"at {node.name}")
    equal(site.count(), len(where), "requests at the origin")


@needs("hedgerow")
def test_feat_C16_methods_by_behaviour_go_straight_to_the_origin(case):
    """C16: three lists of methods; what is outside of a behaviour's is 403, and the origin does not hear of it. What changes
    something goes from the node that was asked straight to the origin, however often, with its body."""
    site = Site(case)
    nodes = one(case, site, behaviours=[{"path": "/get/*", "methods": "get"}, {"path": "/options/*", "methods": "options"},
                                        {"path": "*", "methods": "all"}])
    allowed = {"/get/": ("GET", "HEAD"), "/options/": ("GET", "HEAD", "OPTIONS"),
               "/all/": ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")}
    for folder, methods in allowed.items():
        for node in nodes:
            for method in allowed["/all/"]:
                path = f"{folder}{node.name}-{method}"
                equal(ask(node, HOST, path, method).status, 200 if method in methods else 403, f"{method} {path}")
                asks = None if method == "HEAD" else method     # for what may be kept: by GET
                equal(site.count(path, asks), int(method in methods), f"requests: {method} {path}")
    for node in nodes:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            via = site.seen(f"/all/{node.name}-{method}")["via"]
            equal(len(via[0].split(",")), 1, f"nodes on the way of {method}: {via}")
            before = site.count("/all/same", method)
            equal(ask(node, HOST, "/all/same", method).result() in ("Hit", "PeerHit"), False, method)
            equal(site.count("/all/same", method) - before, 1, f"{method}s at the origin")


@needs("hedgerow")
def test_feat_C17_the_root_stands_for_a_page(case):
    """C17: / is index.html at the origin, with its query, and one copy with it; folders are not."""
    site = Site(case)
    nodes = one(case, site, root="index.html")
    for path, want in (("/", "/index.html"), ("/index.html", "/index.html"), ("/?a=1", "/index.html?a=1"), ("/sub/", "/sub/"),
                       ("/sub", "/sub")):
        for node in nodes:
            status, body = text(node, HOST, path)
            equal((status, body.split(" ")[-1]), (200, want), path)
    equal(site.count("/index.html"), 1, "requests for the page")
    equal(site.count("/"), 0, "requests for the root")


WAYS = ("none", "all", ["a"], {"except": ["a"]})


def requests_of_eight():
    """(query, cookies, fields): in each three values of their own, in different combinations."""
    for i in range(8):
        bits = [i & 1, i >> 1 & 1, i >> 2 & 1]
        yield ({"a": bits[0], "b": bits[1], "c": bits[0] ^ bits[1]}, {"a": bits[1], "b": bits[2], "c": 1},
               {"a": bits[2], "b": 1 - bits[0], "c": bits[0] & bits[2]})


def kept_of(way, values):
    """What of these values tells copies apart, by the words of the table."""
    if way == "none":
        return ()
    if way == "all":
        return tuple(sorted(values.items()))
    if isinstance(way, list):
        return tuple((name, value) for name, value in sorted(values.items()) if name in way)
    return tuple((name, value) for name, value in sorted(values.items()) if name not in way["except"])


@needs("hedgerow")
def test_feat_R5_twelve_policies_by_eight_requests(case):
    """R5: query, cookies and fields, each as none, all, listed or all but: eight requests, each at all of three nodes, are as
    many variants as predicted, the origin being asked once for each, and it is shown what is in the key."""
    site = Site(case)
    policies = [{part: way} for part in ("query", "cookies", "headers") for way in WAYS]
    for policy in policies:     # fields are called X-a; a list has to say so
        way = policy.get("headers")
        if isinstance(way, (list, dict)):
            policy["headers"] = ["X-a"] if isinstance(way, list) else {"except": ["X-a"]}
    none = {"query": "none", "cookies": "none", "headers": "none"}
    nodes = one(case, site, behaviours=[
        *({"path": f"/{i}/*", "cache": {**none, **policy}} for i, policy in enumerate(policies)), {"path": "*"}])
    predicted, seen = [], []
    for i, (part, way) in enumerate((part, way) for part in (0, 1, 2) for way in WAYS):
        told = set()
        for request in requests_of_eight():
            query, cookies, fields = request
            told.add(kept_of(way, request[part]))
            for node in nodes:
                target = f"/{i}/x?{urllib.parse.urlencode(query)}"
                headers = [("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())),
                           *((f"X-{name}", str(value)) for name, value in fields.items())]
                equal(ask(node, HOST, target, headers=headers).status, 200, target)
        predicted.append(len(told))
        asked = [asked for asked in site.asked if asked.target.startswith(f"/{i}/x")]
        seen.append(len(asked))
        if part == 0:
            equal({one_of.target.partition("?")[2] for one_of in asked},
                  {urllib.parse.urlencode(dict(kept)) for kept in told}, f"queries of policy {i}")
        if part == 1:
            equal({one_of.headers.get("cookie", [""])[0] for one_of in asked},
                  {"; ".join(f"{name}={value}" for name, value in kept) for kept in told}, f"cookies of policy {i}")
    equal(seen, predicted, "variants")
    equal(predicted[0::4] + predicted[2::4], [1, 1, 1, 2, 2, 2], "some of the predictions")
    assert all(count > 2 for count in predicted[1::4]), predicted


@needs("hedgerow")
def test_feat_R6_fifty_agents_are_one_variant(case):
    """R6: User-Agent goes to the origin but not into the key: fifty agents at three nodes are one fetch, and the origin saw
    the first of them. A cookie and a parameter go the same way where the behaviour says so."""
    site = Site(case)
    nodes = one(case, site, behaviours=[{"path": "*", "cache": {"query": "none"},
                                         "request": {"headers": ["User-Agent"], "cookies": ["lang"], "query": ["v"]}}])
    for i, node in zip(range(50), turns(nodes)):
        answer = ask(node, HOST, f"/x?v={i}&w={i}", headers=[("User-Agent", f"agent/{i}"), ("Cookie", f"id={i}; lang={i}"),
                                                             ("X-Other", "1")])
        equal((answer.status, answer.body.decode()), (200, "site /x?v=0"), f"agent {i}")
    equal(site.count(), 1, "requests")
    seen = site.seen("/x?v=0")
    equal([seen.get(name) for name in ("user-agent", "cookie", "x-other")], [["agent/0"], ["lang=0"], None], "fields")


@needs("hedgerow")
def test_feat_R7_the_first_pattern_that_fits(case):
    """R7: CloudFront's documented patterns, each its own origin: case counts, * and ? are as there, the first that fits wins,
    and the last is for the rest; 75 of them, and the 76th is refused."""
    patterns = ("/images/sample.gif", "/images/*.gif", "*.gif", "/a??.jpg", "/*.doc*", "/images/*")
    filler = [f"/filler-{i}/*" for i in range(75 - len(patterns) - 1)]
    sites = [Site(case, f"o{i}") for i in range(len(patterns) + 1)]
    behaviours = [{"path": path, "origin": f"o{i}"} for i, path in enumerate(patterns)]
    behaviours += [{"path": path, "origin": "o0"} for path in filler] + [{"path": "*", "origin": f"o{len(patterns)}"}]
    nodes = one(case, sites, behaviours=behaviours)
    rows = (("/images/sample.gif", 0), ("/images/sample2.gif", 1), ("/images/x/y.gif", 1), ("/x.gif", 2), ("/img/a.gif", 2),
            ("/ant.jpg", 3), ("/abe.jpg", 3), ("/an.jpg", 6), ("/apes.jpg", 6), ("/x/ant.jpg", 6), ("/a.doc", 4), ("/b/c.docx", 4),
            ("/a.document", 4), ("/images/a.jpg", 5), ("/images/", 5), ("/images", 6), ("/Images/a.gif", 2), ("/images/a.GIF", 5),
            ("/X.GIF", 6), ("/filler-67/x", 0), ("/other", 6))
    for (path, want), node in zip(rows, turns(nodes)):
        equal(text(node, HOST, path), (200, f"o{want} {path}"), path)
    said = apply(case, nodes, distribution("d", sites, behaviours=[{"path": "/more", "origin": "o0"}, *behaviours]), code=78)
    assert "75" in said, said


@needs("hedgerow")
def test_feat_R8_cells_of_the_ttl_table(case):
    """R8: what the origin says, where the least lifetime is none and where it is a minute: asked once or each time; and with a
    second at the most, a lifetime of a minute ends then."""
    site = Site(case)
    said = {"silent": None, "long": "max-age=300", "zero": "max-age=0", "no-store": "no-store", "no-cache": "no-cache",
            "private": "private", "both": "no-store, max-age=300", "shared": "max-age=0, s-maxage=300"}
    site.say = lambda asked: (200, {"Cache-Control": said[asked.target.split("/")[2]]}, asked.target)
    nodes = one(case, site, behaviours=[
        {"path": "/none/*", "ttl": {"min": 0, "default": 60, "max": 300}},
        {"path": "/minute/*", "ttl": {"min": 60, "default": 60, "max": 300}},
        {"path": "/never/*", "ttl": {"min": 0, "default": 0, "max": 300}},
        {"path": "*", "ttl": {"min": 0, "default": 1, "max": 1}}])
    kept = {"none": ("silent", "long", "shared"), "minute": tuple(said), "never": ("long", "shared")}
    for column, words in kept.items():
        for word in said:
            path = f"/{column}/{word}"
            for node in nodes:
                equal(text(node, HOST, path), (200, path), path)
            equal(site.count(path), 1 if word in words else 3, f"requests for {path}")
    for word in ("silent", "long", "shared"):
        path = f"/short/{word}"
        equal(text(nodes[0], HOST, path), (200, path), path)
        time.sleep(1.1)
        equal(text(nodes[0], HOST, path), (200, path), path)
        wait_until(lambda path=path: site.count(path) == 2, f"{path} is asked for again")


@needs("hedgerow", timeout=180)
def test_feat_R19_stale_while_the_origin_fails(case):
    """R19: while the origin fails with 503, resets or refuses, what has expired is served on at all nodes, and the origin is
    asked a few times, not for each request; a 404 is passed on; with stale-if-error=0 the failure is."""
    site = Site(case)
    site.say = lambda asked: (200, {"Cache-Control": "max-age=1" + (", stale-if-error=0" if "never" in asked.target else "")},
                              f"site {asked.target}")
    nodes = one(case, {"id": "o", "url": site.url, "attempts": 1})
    paths = ("/503", "/reset", "/404", "/never", "/refuse")
    for path in paths:
        for node in nodes:
            equal(text(node, HOST, path), (200, f"site {path}"), path)
    time.sleep(1.1)
    say = {"/503": (503, {}, "bad"), "/reset": RESET, "/404": (404, {}, "gone"), "/never": (503, {}, "bad")}
    before = {path: site.count(path) for path in paths}
    site.say = lambda asked: say[asked.target]
    for _ in range(10):
        for node in nodes:
            equal(text(node, HOST, "/404"), (404, "gone"), "404 is delivered")
    for _ in range(10):
        for node in nodes:
            equal(text(node, HOST, "/503"), (200, "site /503"), "during 503")
    for _ in range(10):
        for node in nodes:
            equal(text(node, HOST, "/reset"), (200, "site /reset"), "during resets")
    for node in nodes:
        assert ask(node, HOST, "/never").status >= 500, "with stale-if-error=0"
    for path in ("/503", "/reset"):
        assert 1 <= site.count(path) - before[path] <= 6, f"{path} was asked for {site.count(path) - before[path]} times"
    site.close()
    for node in nodes * 3:
        equal(text(node, HOST, "/refuse"), (200, "site /refuse"), "while it refuses")
    other = Site(case, "again", port=site.port)
    wait_until(lambda: text(nodes[0], HOST, "/503")[1] == "again /503", "the origin's answer, when it is well", 40, every=0.2)
    assert other.count("/503") >= 1


@needs("hedgerow", timeout=180)
def test_feat_R20_errors_by_rule_and_without(case):
    """R20: each status, silent and with max-age, with and without a rule for it: asked once by three nodes, or each time; a
    purge of the path drops the error."""
    site = Site(case)

    def say(asked):
        status, word = asked.target[1:].split("-")
        return int(status), {"Cache-Control": "max-age=60" if word == "stated" else None}, "error"
    site.say = say
    codes = (400, 403, 404, 405, 412, 414, 415, 416, 500, 501, 502, 503, 504)
    ruled = [code for code in codes if code not in (412, 415)]      # of these no rule can be made
    usual = distribution("usual", site, behaviours=[{"path": "*", "ttl": {"error": 60}}])
    rules = distribution("rules", site, errors=[{"status": code, "ttl": 60} for code in ruled],
                         behaviours=[{"path": "*", "ttl": {"error": 0}}])
    nodes = serving(case, usual, rules)
    silent = (404, 414, 500, 501, 502, 503, 504)
    for host, without in (("usual.example", silent), ("rules.example", [code for code in ruled if code != 416])):
        for code in codes:
            for word in ("silent", "stated"):
                path, before = f"/{code}-{word}", site.count(f"/{code}-{word}")
                for node in nodes:
                    equal(ask(node, host, path).status, code, path)
                once = code != 416 and (word == "stated" or code in without)
                equal(site.count(path) - before, 1 if once else 3, f"requests for {host}{path}")
    case.run("purge", "http://usual.example/404-silent", "--admin", "{}:{}".format(*nodes[0].admin), "--token-file",
             os.path.join(nodes[0].data, "admin.token"))
    before = site.count("/404-silent")
    for node in nodes:
        equal(ask(node, "usual.example", "/404-silent").status, 404, "after the purge")
    equal(site.count("/404-silent") - before, 1, "requests after the purge")


@needs("hedgerow")
def test_feat_R21_pages_come_from_another_origin(case):
    """R21: in place of an error comes a page, by its own behaviour from an origin of its own, with the error's status or the
    one that is said, at each node; without the page the error's own status; the page is asked for once."""
    site, pages = Site(case, "site"), Site(case, "pages")
    site.say = lambda asked: (int(asked.target[1:4]), {}, "bare")
    pages.say = lambda asked: (404, {}, "no page") if "missing" in asked.target else None
    errors = [{"status": 500, "page": "/pages/500.html", "as": 200}, {"status": 404, "page": "/pages/404.html"},
              {"status": 503, "page": "/pages/missing.html", "as": 200}, {"status": 403, "page": "/pages/404.html", "as": 404}]
    nodes = one(case, [site, pages], errors=errors,
                behaviours=[{"path": "/pages/*", "origin": "pages"}, {"path": "*", "origin": "site"}])
    for node in nodes * 2:
        equal(text(node, HOST, "/500"), (200, "pages /pages/500.html"), "a page as 200")
        equal(text(node, HOST, "/404"), (404, "pages /pages/404.html"), "a page with the error's status")
        equal(text(node, HOST, "/403"), (404, "pages /pages/404.html"), "a page with another status")
        equal(ask(node, HOST, "/503").status, 503, "without its page")
        equal(text(node, HOST, "/501"), (501, "bare"), "an error without a rule")
    equal([pages.count(f"/pages/{name}.html") for name in ("500", "404")], [1, 1], "requests for pages")

"""What owners say of the fields of answers: CORS, added and removed fields, edge rules, https alone."""

import certificates
from certificates import Authority, localhost
from harness import equal, needs
from test_config import node_of, reload, write

SITE = "https://shop.example"
KEPT = "cc=max-age=600"


def dists(url, behaviours, more=""):
    return f"distributions:\n  - name: a\n    hosts: [ a.example ]\n    origins: \"{url}\"\n{more}    behaviours:\n{behaviours}"


def ask(node, target, *headers, method="GET", host="a.example"):
    return node.get(target, method=method, headers=[("Host", host), *headers])


def preflight(node, target, origin, method="PUT", *headers):
    return ask(node, target, ("Origin", origin), ("Access-Control-Request-Method", method), *headers, method="OPTIONS")


def cors(answer):
    """What an answer says of who may read, without the fields' common beginning."""
    return {name.lower()[len("access-control-"):]: value for name, value in answer.headers
            if name.lower().startswith("access-control-")}


@needs("hedgerow")
def test_feat_R37_preflights_are_answered_here(case):
    """The origin is not asked, nor is what a viewer without cookies could not show: only the listed sites may, by what is
    listed. Who asks OPTIONS otherwise, or of a path without such a policy, still asks the origin."""
    origin = case.origin()
    node = node_of(case, dists(origin.url, (
        "      - { path: \"/bytes/*\", methods: get, rate: 1, response: { cors: { origins: [ \"https://shop.example\","
        " \"https://*.b.example\" ], methods: [ GET, PUT ], headers: [ X-A ], credentials: true, max_age: 1h } } }\n"
        "      - { path: \"*\" }\n")))
    want = {"allow-origin": SITE, "allow-credentials": "true", "allow-methods": "GET, PUT", "allow-headers": "X-A",
            "max-age": "3600"}
    answer = preflight(node, "/bytes/10", SITE)
    equal((answer.status, answer.body, answer.get("Vary").split(",")[0]), (204, b"", "Origin"), "the preflight")
    got = cors(answer)
    got["allow-methods"] = ", ".join(part.strip() for part in got["allow-methods"].split(","))
    equal({name: value.lower() for name, value in got.items()}, {name: value.lower() for name, value in want.items()},
          "what it says")
    equal(cors(preflight(node, "/bytes/10", "https://x.y.b.example"))["allow-origin"], "https://x.y.b.example", "a wildcard")
    for other in ("https://b.example", "http://shop.example", "null", "https://shop.example.evil"):
        answer = preflight(node, "/bytes/10", other)
        equal((answer.status, cors(answer)), (204, {}), f"of {other}, at whatever rate")
    equal(origin.total, 0, "requests that the origin has seen")
    equal(ask(node, "/bytes/10", method="OPTIONS").status, 403, "OPTIONS, where only GET is answered")
    equal(preflight(node, "/other", SITE).status, 404, "where nothing is said of other sites")
    equal(origin.total, 1, "requests that the origin has seen")
    node.finish()


@needs("hedgerow")
def test_feat_R37_who_may_read_is_said_to_each(case):
    """Of one copy each site hears of itself, in hits, ranges, 304s and errors; and never of another one."""
    origin = case.origin()
    node = node_of(case, dists(origin.url, (
        "      - { path: \"*\", response: { cors: { origins: [ \"https://*.a.example\" ], expose: [ X-N ] } } }\n")))
    target = f"/bytes/5000?{KEPT}&etag=%22x%22"
    for _ in range(4):
        for site in ("https://1.a.example", "https://2.a.example", "https://b.example", None):
            headers = [("Origin", site)] if site else []
            allowed = {"allow-origin": site, "expose-headers": "x-n"} if site and "a.example" in site else {}
            for status, more in ((200, []), (206, [("Range", "bytes=0-9")]), (304, [("If-None-Match", '"x"')]),
                                 (416, [("Range", "bytes=9000-")])):
                answer = ask(node, target, *headers, *more)
                equal((answer.status, {k: v.lower() for k, v in cors(answer).items()}, answer.get("Vary")),
                      (status, allowed, "Origin"), f"{status} to {site}")
    equal(origin.total, 1, "requests that the origin has seen")
    for status in (404, 503):
        equal(cors(ask(node, f"/bytes/9?status={status}", ("Origin", "https://1.a.example")))["allow-origin"],
              "https://1.a.example", f"a {status} of the origin's")
    origin.close()
    answer = ask(node, "/bytes/8", ("Origin", "https://1.a.example"))
    equal((answer.status, cors(answer).get("allow-origin")), (502, "https://1.a.example"), "an error of ours")
    node.finish()


@needs("hedgerow")
def test_feat_R37_override_both_ways(case):
    """What the origin says stays, or does not; what it does not say is added; what is to be removed is not there. In what
    is fetched, in hits, and in a method that no copy answers."""
    origin = case.origin()
    node = node_of(case, dists(origin.url, (
        "      - { path: \"/bytes/1\", response: { cors: { override: true }, headers: { X-A: { value: ours, override: true } },"
        " remove: [ Server, X-B ] } }\n"
        "      - { path: \"/bytes/2\", response: { cors: true, headers: { X-A: ours, X-C: ours }, security: true } }\n"
        "      - { path: \"*\" }\n")))
    says = f"{KEPT}&header=X-A:1&header=X-A:2&header=X-B:1&header=Access-Control-Allow-Origin:https://o.example"
    for i in range(5):
        method = "GET" if i < 4 else "POST"
        answer = ask(node, f"/bytes/1?{says}", ("Origin", SITE), method=method)
        equal((answer.get("X-A"), answer.get("X-B"), answer.get("Server"), cors(answer)),
              ("ours", None, None, {"allow-origin": "*"}), "with override")
        answer = ask(node, f"/bytes/2?{says}", ("Origin", SITE), method=method)
        equal((answer.get("X-A"), answer.get("X-B"), answer.get("X-C"), answer.get("Server"), cors(answer)),
              ("1, 2", "1", "ours", "test-origin", {"allow-origin": "https://o.example"}), "without")
        equal((answer.get("X-Content-Type-Options"), answer.get("X-Frame-Options")), ("nosniff", "SAMEORIGIN"), "security")
        equal(cors(ask(node, f"/bytes/2?{KEPT}", method=method)), {"allow-origin": "*"}, "where the origin says nothing")
        answer = ask(node, f"/bytes/3?{says}", method=method)
        equal((answer.get("X-A"), answer.get("X-C")), ("1, 2", None), "where no policy is")
    equal([ask(node, f"/bytes/1?{says}").result() for _ in range(3)], ["Miss", "Hit", "Hit"], "behind the POST, which drops it")
    node.finish()


@needs("hedgerow")
def test_feat_R37_a_changed_policy_holds_at_once(case):
    """A copy that has been answered from again and again, by each of the workers, says what the file in force says."""
    origin = case.origin()
    text = dists(origin.url, "      - { path: \"*\", response: { headers: { X-A: VALUE } } }\n")
    node = node_of(case, text.replace("VALUE", "one"), flags=["--workers", "3"])
    target = f"/bytes/5000?{KEPT}"

    def said():
        return {ask(node, target).get("X-A") for _ in range(30)}
    equal(said(), {"one"}, "at first")
    for value in ("two", "three"):
        write(case, "alone.yaml", node.listen + text.replace("VALUE", value))
        reload(case, node)
        equal(said(), {value}, "after the reload")
    write(case, "alone.yaml", node.listen + text.replace("response: { headers: { X-A: VALUE } }", "compress: off"))
    reload(case, node)
    equal(said(), {None}, "without a policy")
    equal(origin.total, 1, "requests that the origin has seen")
    node.finish()


@needs("hedgerow")
def test_feat_R37_protected_names_are_refused(case):
    """What frames a message, or is the node's own to say, is neither set nor removed, by policies and by rules."""
    for name in ("Content-Length", "transfer-encoding", "Connection", "Via", "Date", "Age", "X-Cache", "Content-Encoding",
                 "X-Edge-Vary", "X-Request-Id"):
        for kind in (f"response: {{ remove: [ {name} ] }}", f"response: {{ headers: {{ {name}: x }} }}",
                     f"rules: [ {{ set_response: {{ {name}: x }} }} ]", f"rules: [ {{ remove_response: {name} }} ]"):
            path = write(case, "bad.yaml", dists("http://o.example", f"      - {{ path: \"*\", {kind} }}\n"))
            done = case.run("check", "-c", path, code=78)
            assert "the node's own affair" in done.stderr and name.lower() in done.stderr.lower(), (kind, done.stderr)


@needs("hedgerow")
def test_feat_R38_rules_of_requests_and_answers(case):
    """A rewrite comes before the key, a redirect is answered here, rules that lead to each other are refused; what a rule says of an answer
    stands above the policy, and where its condition does not hold nothing of it is said."""
    origin = case.origin()
    node = node_of(case, dists(origin.url, (
        "      - path: \"*\"\n        response: { headers: { X-A: policy, X-B: policy } }\n        rules:\n"
        "          - { path: \"/v1/*\", rewrite: \"/bytes/$1\" }\n"
        "          - { header: { X-Ask: \"yes*\" }, set_response: { X-A: rule } }\n"
        "          - { header: { X-Ask: \"yes*\" }, remove_response: Server }\n"
        "          - { path: \"/old/*\", redirect: \"/new/$1\", status: 308 }\n")))
    for i in range(4):
        answer = ask(node, f"/v1/100?{KEPT}")
        equal((answer.status, answer.get("X-A"), answer.get("Server")), (200, "policy", "test-origin"), "who asks for nothing")
        answer = ask(node, f"/bytes/100?{KEPT}", ("X-Ask", "yes please"))
        equal((answer.status, answer.get("X-A"), answer.get("X-B"), answer.get("Server")), (200, "rule", "policy", None),
              "who asks for it")
    equal(origin.total, 1, "requests that the origin has seen")
    answer = ask(node, "/old/a?b=1&c=%20", ("X-Ask", "yes"))
    equal((answer.status, answer.get("Location"), answer.get("X-A")), (308, "/new/a?b=1&c=%20", "rule"), "the redirect")
    equal(origin.total, 1, "requests that the origin has seen")
    path = write(case, "loop.yaml", dists("http://o.example", (
        "      - { path: \"*\", rules: [ { path: /a, redirect: /b }, { path: /b, redirect: /a } ] }\n")))
    case.run("check", "-c", path, code=78)
    node.finish()


@needs("hedgerow")
def test_feat_R12_options_are_kept_where_wanted(case):
    """By a key of their own, for who asks alike by the fields that count, until purged; elsewhere they go to the origin."""
    origin = case.origin()
    node = node_of(case, dists(origin.url, (
        "      - { path: \"/bytes/1*\", cache: { options: true, headers: [ Origin ] } }\n      - { path: \"*\" }\n")))

    def options(target, *headers):
        return ask(node, target, *headers, method="OPTIONS")
    kept, unkept = f"/bytes/100?{KEPT}", f"/bytes/200?{KEPT}"
    equal([options(kept).result() for _ in range(3)], ["Miss", "Hit", "Hit"], "OPTIONS")
    equal([ask(node, kept).result() for _ in range(3)], ["Miss", "Hit", "Hit"], "GET beside it")
    equal((options(kept).get("Age") is not None, len(options(kept).body)), (True, 100), "its answer")
    equal([options(kept, ("Origin", SITE)).result() for _ in range(2)], ["Miss", "Hit"], "of another site")
    equal([request.method for request in origin.requests], ["OPTIONS", "GET", "OPTIONS"], "what the origin saw")
    for target, headers in ((unkept, ()), (kept, [("Authorization", "Basic eDp5")]), (kept, [("Content-Length", "0")]),
                            ("/bytes/100?cc=no-store", ()), (f"/bytes/100000?{KEPT}", ())):
        before = origin.total
        equal([options(target, *headers).status for _ in range(3)], [200] * 3, f"{target} with {headers}")
        equal(origin.total - before, 3, f"requests that the origin has seen of {target} with {headers}")
    case.run("purge", "--admin", "{}:{}".format(*node.admin), "--token-file", f"{node.data}/admin.token",
             f"http://a.example{kept}")
    equal([options(kept).result() for _ in range(2)], ["Miss", "Hit"], "after a purge")
    node.finish()


@needs("hedgerow")
def test_feat_V5_https_is_answered_redirected_to_or_all_there_is(case):
    """Three modes; the query is kept byte for byte; over https all three answer, and the host is the viewer's."""
    origin, authority = case.origin(), Authority(case.folder)
    chain, key = localhost(authority)
    node = node_of(case, dists(origin.url, (
        "      - { path: \"/bytes/1\", viewer_protocol: redirect }\n      - { path: \"/bytes/2\", viewer_protocol: https-only }\n"
        "      - { path: \"/bytes/3\", viewer_protocol: any }\n      - { path: \"*\" }\n")),
                   flags=["--certificate", f"{chain},{key}", "--https", "127.0.0.1:0"])
    query = f"?{KEPT}&b=%2F%20x&&c=a+b&d"
    for i in range(3):
        for method in ("GET", "HEAD", "POST"):
            answer = ask(node, f"/bytes/1{query}", method=method)
            equal((answer.status, answer.get("Location")), (301, f"https://a.example/bytes/1{query}"), f"{method}, redirect")
            answer = ask(node, f"/bytes/2{query}", method=method)
            equal((answer.status, answer.get("Location")), (403, None), f"{method}, https alone")
        equal(ask(node, f"/bytes/3{query}").status, 200, "any")
        for path in ("/bytes/1", "/bytes/2", "/bytes/3"):
            answer = certificates.fetch(node.https, authority.context(), path + query, headers=[("Host", "a.example")])
            equal((answer.status, len(answer.body)), (200, int(path[-1])), f"{path} over https")
    equal({request.target for request in origin.requests}, {f"/bytes/{i}{query}" for i in (1, 2, 3)}, "what the origin saw")
    equal(origin.total, 3, "requests that the origin has seen")
    node.finish()

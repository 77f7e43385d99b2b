"""What the owner of content may choose: what becomes of cookies, and whether viewers' Cache-Control counts."""
import client
from harness import equal, needs

COOKIE = "/bytes/10?header=Set-Cookie:a=b&cc="


def ask(node, target, *headers):
    return client.fetch(node.http, target, headers=list(headers))


def cookies(case, policy):
    """Three nodes of a mesh with this policy, and what each says of an answer with a cookie, twice."""
    origin = case.origin()
    nodes = case.mesh(3, origin.url, flags=("--set-cookie", policy))
    answers = [ask(node, COOKIE + "max-age=60") for node in nodes for _ in range(2)]
    equal({answer.status for answer in answers}, {200}, "statuses")
    return origin, nodes, [answer.get("Set-Cookie") for answer in answers]


@needs("hedgerow")
def test_feat_R26_strip_takes_the_cookie_out_of_what_is_kept(case):
    """R26: with --set-cookie strip an answer that may be kept is, once for the mesh, and nobody gets its cookie; what is
    one viewer's own passes with it."""
    origin, nodes, seen = cookies(case, "strip")
    equal(seen, [None] * 6, "cookies")
    equal(origin.count(COOKIE + "max-age=60"), 1, "requests for what is kept")
    equal(ask(nodes[0], COOKIE + "private").get("Set-Cookie"), "a=b", "the cookie of an answer for one")
    stale = COOKIE + "max-age=0&etag=x"
    for node in nodes * 2:      # the second time by a 304, which has the cookie, too
        equal(ask(node, stale).get("Set-Cookie"), None, "a cookie of what is validated")


@needs("hedgerow")
def test_feat_R26_keep_gives_everybody_the_cookie(case):
    """With --set-cookie keep the cookie is part of what is kept."""
    origin, _, seen = cookies(case, "keep")
    equal(seen, ["a=b"] * 6, "cookies")
    equal(origin.count(COOKIE + "max-age=60"), 1, "requests for what is kept")


@needs("hedgerow")
def test_viewers_are_obeyed_where_the_owner_says_so(case):
    """RFC 9111 section 5.2.1, with --viewer-cache-control obey: a copy is used if it is good enough for the request, else
    the origin is asked, and its answer takes the copy's place; by default nothing of that counts (R27)."""
    origin = case.origin()
    node = case.node("fra-1", origin.url, flags=("--viewer-cache-control", "obey"))
    target = "/bytes/10?cc=max-age=60"

    def asked(directive, path=target):
        before = origin.count(path)
        answer = ask(node, path, ("Cache-Control", directive))
        return answer, origin.count(path) - before

    equal(asked("only-if-cached")[0].status, 504, "what is not here")
    equal(asked("no-store")[1], 1, "requests for what is not here")
    equal(asked("only-if-cached")[0].status, 504, "what was not to be stored")
    equal(asked("max-age=60")[1], 1, "requests for what is not here")
    for directive, requests in (("only-if-cached", 0), ("max-age=60", 0), ("min-fresh=30", 0), ("no-store", 0),
                                ("no-cache", 1), ("min-fresh=61", 1), ("max-age=0, min-fresh=70", 1), ("foo", 0)):
        answer, seen = asked(directive)
        equal((answer.status, answer.result(), seen), (200, "Miss" if requests else "Hit", requests), directive)
    old = "/bytes/10?cc=max-age=1&header=Age:100&etag=x"
    equal(asked("foo", old)[1], 1, "requests for what comes stale")
    answer, seen = asked("max-stale", old)
    equal((answer.status, answer.result(), seen), (200, "StaleHit", 0), "what may be stale")
    equal(asked("max-stale=9", old)[1], 1, "requests for what is too stale")
    equal(asked("max-stale", old + ",must-revalidate")[1], 1, "requests for what is never served stale")

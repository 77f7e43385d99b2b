"""Viewers sent to edges over HTTP: redirects, regions, and lists for players, by real nodes. What is nearest to whom is
tested where it can be told exactly (tests/unit/test_nearest.c); here an edge that drains is one that others are better than."""
import json
import subprocess

from dists import Site, apply, ask, distribution, serving
from harness import Skip, equal, needs, wait_until
from test_configuration import command, mesh_of

DOMAIN = "cdn.example"


def label_of(case, node):
    told = json.loads(command(case, node, "list", "--json"))["distributions"]
    return told[0]["assigned"].split(".")[0]


def listed(node, host="shop.example"):
    answer = ask(node, host, "/.well-known/hedgerow/edges")
    return [edge["name"] for edge in answer.json()["edges"]] if answer.status == 200 else []


def all_told(nodes):
    """Each knows of all that they are edges."""
    names = {node.name for node in nodes}
    wait_until(lambda: all(set(listed(node)) == names for node in nodes), lambda: str([listed(node) for node in nodes]))


def curl(node, names, path, *words):
    """By curl, which follows redirects: (status, where it ended, body). |names|: {host: node}, as DNS would say it."""
    resolve = []
    for host, at in {"shop.example": node, **names}.items():
        resolve += ["--resolve", f"{host}:{at.http[1]}:{at.http[0]}"]
    try:
        done = subprocess.run(["curl", "-sL", "--max-time", "20", "--max-redirs", "5", *resolve, "-w", "\n%{http_code} %{url_effective}",
                               *words, f"http://shop.example:{node.http[1]}{path}"],
                              check=False, stdout=subprocess.PIPE, timeout=60)
    except FileNotFoundError as error:
        raise Skip("curl is not installed") from error
    equal(done.returncode, 0, f"curl {path}")
    body, _, last = done.stdout.decode().rpartition("\n")
    status, _, url = last.partition(" ")
    return int(status), url, body


@needs("hedgerow")
def test_feat_L2_curl_is_redirected_with_path_query_and_method(case):
    """L2: while an edge drains, curl -L ends at another one with the same path, query, method and body; at the name of an
    edge nobody is redirected, also not by one that drains; the copy under that name is the one under the other."""
    site = Site(case, "shop")
    nodes = serving(case, distribution("shop", site, steering={"redirect": "nearest", "lists": "on"}),
                    flags=("--dns-domain", DOMAIN))
    all_told(nodes)
    label = label_of(case, nodes[0])
    names = {f"{label}--{node.name}.{DOMAIN}": node for node in nodes}
    for node in nodes:
        equal(ask(node, "shop.example", "/near").status, 200, f"{node.name}: nobody is much nearer")
    case.run("drain", "--admin", "{}:{}".format(*nodes[0].admin), "--token-file", f"{nodes[0].data}/admin.token")
    wait_until(lambda: ask(nodes[0], "shop.example", "/x").status == 307, "the edge that drains redirects")
    for path in ("/a/b?q=1&r=%20x", "/a%2Fb//c?x=?/"):
        answer = ask(nodes[0], "shop.example", path)
        place = answer.get("Location")
        equal((answer.status, answer.get("Cache-Control")), (307, "no-store"), path)
        assert place.startswith(f"http://{label}--") and place.endswith(path), place
        status, url, body = curl(nodes[0], names, path)
        assert url.startswith(f"http://{label}--") and url.endswith(path), url
        equal((status, body), (200, f"shop {path}"), path)
        assert f"--{nodes[0].name}." not in url, url
        equal(curl(nodes[0], names, path, "-I")[0], 200, "HEAD")
    before = site.count("/post", "POST")
    status, url, body = curl(nodes[0], names, "/post?a=b", "-d", "some=body")
    equal((status, body), (200, "shop /post?a=b"), "POST")
    equal((site.count("/post?a=b", "POST"), before), (1, 0), "POSTs at the origin")
    count = site.count()
    for host in names:
        for node in nodes:
            equal(ask(node, host, "/near").status, 200, f"{host} at {node.name}")
    equal(site.count(), count, "requests at the origin for what is kept under another name")


@needs("hedgerow")
def test_feat_L6_edges_of_regions_that_are_left_out_are_not_told(case):
    """L6: edges of a region that the owner leaves out are in no list, and send viewers elsewhere, until all others are gone."""
    site = Site(case, "shop")
    nodes = mesh_of(case, 3, flags=("--dns-domain", DOMAIN), zones=("eu/fra", "eu/ams", "us/nyc"))
    apply(case, nodes, distribution("shop", site, steering={"redirect": "nearest", "lists": "on", "regions": {"allow": ["eu"]}}))
    eu, us = nodes[:2], nodes[2]
    wait_until(lambda: all(set(listed(node)) == {node.name for node in eu} for node in nodes), "edges of eu alone")
    answer = ask(us, "shop.example", "/x")
    equal(answer.status, 307, "the edge that is left out")
    assert any(f"--{node.name}." in answer.get("Location") for node in eu), answer.get("Location")
    for node in eu:
        equal(ask(node, "shop.example", "/x").status, 200, node.name)
    for node in eu:
        node.kill()
    wait_until(lambda: listed(us) == [us.name], lambda: f"the one that is left is told: {listed(us)}", timeout=60)
    wait_until(lambda: ask(us, "shop.example", "/x").status == 200, "the one that is left answers")


@needs("hedgerow")
def test_feat_L9_players_are_told_edges_by_each_edge(case):
    """L9: the steering manifest names all edges as pathways that are clones of the base's, in the order of the list, any site's
    player may read it, and no origin is asked; without lists the path is the origin's."""
    site = Site(case, "shop")
    nodes = serving(case, distribution("shop", site, steering={"lists": "on"}), distribution("other", site),
                    flags=("--dns-domain", DOMAIN))
    all_told(nodes)
    for node in nodes:
        answer = ask(node, "shop.example", "/.well-known/hedgerow/steering.json?base=cdn&_HLS_pathway=cdn&_HLS_throughput=1000")
        equal((answer.status, answer.get("Content-Type"), answer.get("Access-Control-Allow-Origin")),
              (200, "application/json", "*"), "the manifest")
        told = answer.json()
        equal(answer.get("Cache-Control"), f"private, max-age={told['TTL']}", "how long it holds")
        equal(told["VERSION"], 1, "VERSION")
        equal([clone["ID"] for clone in told["PATHWAY-CLONES"]] + ["cdn"], told["PATHWAY-PRIORITY"], "pathways")
        equal(sorted(told["PATHWAY-PRIORITY"][:-1]), sorted(one.name for one in nodes), "edges")
        for clone in told["PATHWAY-CLONES"]:
            at = next(one for one in nodes if one.name == clone["ID"])
            host = clone["URI-REPLACEMENT"]["HOST"]
            equal((clone["BASE-ID"], host.rpartition(":")[2]), ("cdn", str(at.http[1])), clone["ID"])
            equal(ask(at, host, "/x").status, 200, f"a segment at {host}")
    equal(site.count("/.well-known/hedgerow/edges"), 0, "lists asked at the origin")
    equal(ask(nodes[0], "other.example", "/.well-known/hedgerow/edges").body, b"shop /.well-known/hedgerow/edges", "without lists")

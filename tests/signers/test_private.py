"""Private content through real nodes: behaviours with key groups, countries and rates, from a configuration file."""
import os
import time

import client
from harness import Node, equal, needs, wait_until
from test_cloudfront import keys
from test_countries import write as write_countries

HOST = "films.example"
FILE = """node:
  listen: {{ http: "127.0.0.1:0", mesh: "127.0.0.1:0", admin: "127.0.0.1:0" }}
  name: fra-7
distributions:
  - name: films
    hosts: [ {host} ]
    origins: [ {{ id: web, url: "{origin}" }} ]
    keys: [ {{ id: {id}, pem: {pem} }} ]
    key_groups: [ {{ id: staff, keys: [ {id} ] }} ]
    countries: {{ block: [ {country} ] }}
    behaviours:
      - {{ path: "/bytes/*", origin: web, key_groups: [ staff ] }}
      - {{ path: "/slow/*", origin: web, key_groups: [ staff ] }}
      - {{ path: "/drip/*", origin: web, rate: {{ requests: 1, burst: 5 }} }}
      - {{ path: "*", origin: web }}
"""


def write(case, origin, public, key_id="K1", country="FR"):
    path = os.path.join(case.folder, "films.yaml")
    with open(public, encoding="ascii") as file:
        pem = '"' + file.read().replace("\n", "\\n") + '"'
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(FILE.format(host=HOST, origin=origin, id=key_id, pem=pem, country=country))
    os.rename(path + ".new", path)
    return path


def ask(node, target, *headers):
    return client.fetch(node.http, target, headers=[("Host", HOST), *headers])


def signed(case, private, target, *words, key_id="K1", until="1h"):
    url = case.run("sign", f"http://{HOST}{target}", "--key", private, "--key-id", key_id, "--expires", until, *words).stdout
    return url.strip().partition(HOST)[2]


@needs("hedgerow", timeout=120)
def test_feat_S1_S2_S4_S6_S8_S10_private_behaviours_of_a_node(case):
    """S1, S2: signed is let in, and shares one copy; S4: what began in time ends; S6: another key after a reload; S8, S10:
    a blocked country gets 403, too many requests 429."""
    made, origin = keys(case), case.origin()
    countries = os.path.join(case.folder, "countries.mmdb")
    write_countries(countries, "::127.0.0.0/104", "DE")
    path = write(case, origin.url, made["rsa"][1])
    with open(path, encoding="ascii") as file:
        text = file.read()
    bad = os.path.join(case.folder, "bad.yaml")
    with open(bad, "w", encoding="ascii") as file:
        file.write(text[:text.index("pem: ")] + "pem: \"-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----\\n\""
                   + text[text.index(" } ]\n    key_groups"):])
    said = case.run("check", "-c", bad, code=78).stderr
    assert f"{bad}: distribution films, key K1 is a damaged public key" in said, said
    node = Node(case, "alone", ["-c", path, "--countries", countries]).wait_ready()

    equal(ask(node, "/bytes/1000").status, 403, "without a signature")
    for until in ("1h", "2h"):
        equal(ask(node, signed(case, made["rsa"][0], "/bytes/1000", until=until)).status, 200, "signed")
    cookies = case.run("sign", f"http://{HOST}/", "--key", made["rsa"][0], "--key-id", "K1", "--expires", "1h", "--resource",
                       f"http://{HOST}/bytes/*", "--cookies").stdout.strip().replace("\n", "; ")
    equal(ask(node, "/bytes/1000", ("Cookie", cookies)).status, 200, "with cookies")
    equal(ask(node, "/bytes/1000?x=1", ("Cookie", cookies)).status, 200, "with cookies")
    equal([request.target for request in origin.requests], ["/bytes/1000", "/bytes/1000?x=1"], "what the origin was asked")
    assert all("CloudFront" not in str(request.headers) for request in origin.requests)

    short = signed(case, made["rsa"][0], "/slow/1200000", until=str(int(time.time()) + 8))
    answer = ask(node, short)           # 12 s
    equal((answer.status, len(answer.body)), (200, 1200000), "what began in time")
    equal(ask(node, short, ("Range", "bytes=5-9")).status, 403, "a range behind the end")

    began = time.monotonic()
    statuses = [ask(node, "/drip/1000").status for _ in range(20)]
    took = time.monotonic() - began     # one more is let in each second
    assert set(statuses) == {200, 429} and 5 <= statuses.count(200) <= 6 + took, (statuses, took)

    old, new = (signed(case, made[kind][0], "/bytes/2000", key_id=key_id) for kind, key_id in (("rsa", "K1"), ("p256", "K2")))
    equal((ask(node, old).status, ask(node, new).status), (200, 403), "before the change")
    write(case, origin.url, made["p256"][1], key_id="K2")
    case.run("reload", "--admin", "{}:{}".format(*node.admin), "--token-file", os.path.join(node.data, "admin.token"))
    wait_until(lambda: ask(node, new).status == 200, "the new key", timeout=5)
    equal(ask(node, old).status, 403, "the old key")
    write(case, origin.url, made["p256"][1], key_id="K2", country="DE")
    case.run("reload", "--admin", "{}:{}".format(*node.admin), "--token-file", os.path.join(node.data, "admin.token"))
    equal((ask(node, new).status, ask(node, "/other").status), (403, 403), "a blocked country")
    node.finish()

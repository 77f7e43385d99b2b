"""The example site, as a viewer opens it in a browser: over https, through three nodes."""
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.parse

import client
import media
from certificates import Authority
from dists import apply, mesh_of
from harness import Process, equal, needs, wait_until
from test_cli import port_base

FILES = {"/", "/style.css", "/app.js", "/sunsetphoto.png", "/mesh.json", "/download.bin"}


def example_origin(case):
    """The example site's own origin, as hedgerow demo runs it: its address, and the list of what it was asked for, which
    grows."""
    base = port_base()
    demo = Process(case, "demo", [case.binary("hedgerow"), "demo", "--nodes", "1", "--port-base", str(base)],
                   env={"TMPDIR": case.folder})
    while not demo.line(60).startswith("  edge-1"):
        pass
    asked = []

    def listen():
        try:
            for line in demo.process.stdout:
                found = re.match(rb"  the origin was asked: (\w+ \S+)", line)
                if found:
                    asked.append(found.group(1).decode())
        except (OSError, ValueError):
            pass                        # it has ended
    threading.Thread(target=listen, daemon=True).start()

    def look():
        try:
            return client.fetch(("127.0.0.1", base + 10), "/style.css?ready").status == 200
        except OSError:
            return False
    wait_until(look, "the example origin answers")
    return ("127.0.0.1", base + 10), asked


def key_of(chain):
    """The SHA-256 of a certificate's public key, as Chromium wants it."""
    pem = subprocess.run(["openssl", "x509", "-in", chain, "-noout", "-pubkey"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True, capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def visit(case, pages, key):
    """Each page's report (site.mjs)."""
    out = os.path.join(case.folder, "site.log")
    options = {"pages": pages, "key": key, "chromium": shutil.which("chromium"), "out": out}
    home = {"HOME": case.folder, "TMPDIR": case.folder}      # a browser leaves things in both
    browser = Process(case, "browser", ["node", os.path.join(media.HERE, "site.mjs"), json.dumps(options)], env=home)
    equal(browser.wait_exit(240), 0, f"the browser's exit code\n{browser.log()}")
    with open(out, encoding="utf-8") as file:
        return json.load(file)


@needs("hedgerow", release=True, timeout=360)
def test_feat_V4_feat_V3_a_browser_opens_the_example_site(case):
    """V3, V4: Chromium opens the example site over https by its name at each of three nodes, which were told of it by one
    command: every file comes, the picture and the script work, 50 MB are fetched, and the origin is asked for each file
    once for each name. A browser that does not know the certificate's key does not open it."""
    media.needs_browser("openssl")
    (host, port), asked = example_origin(case)
    chain, key = Authority(case.folder).issue("site", "DNS:site.example", "DNS:*.site.example")
    nodes = mesh_of(case, 3, flags=("--https", "127.0.0.1:0", "--certificate", f"{chain},{key}"))
    apply(case, nodes, {"name": "site", "hosts": ["site.example", "*.site.example"],
                        "origins": [{"id": "demo", "url": f"http://{host}:{port}"}],
                        "behaviours": [{"path": "*", "viewer_protocol": "redirect"}]})
    names = ("site.example", "site.example", "www.site.example")
    pages = [f"https://{name}:{node.https[1]}/" for name, node in zip(names, nodes)]
    for report in visit(case, pages[:1], ""):
        assert "ERR_CERT_AUTHORITY_INVALID" in report.get("error", ""), report
    for report, node in zip(visit(case, pages, key_of(chain)), nodes):
        who = report["url"]
        equal((report.get("error"), report.get("errors")), (None, []), f"errors of {who}")
        equal((report["title"], report["secure"]), ("Sunset over the mesh", True), who)
        equal((report["picture"], report["served"]), (960, node.name), f"what {who} shows")
        equal(set(report["words"]) <= {"Hit", "PeerHit"}, True, f"the second answers at {who}: {report['words']}")
        assert report["download"].startswith("50 MB"), report["download"]
        got = {urllib.parse.urlsplit(answer["url"]).path for answer in report["answers"]}
        equal(got - {"/favicon.ico"}, FILES, f"what {who} fetched")
        for answer in report["answers"]:
            equal((answer["status"], answer["version"], answer["subject"]), (200, "TLS 1.3", "site"), answer["url"])
    hosts = len(set(names))
    wait_until(lambda: all(asked.count(f"GET {path}") >= hosts for path in FILES), lambda: f"what the origin was asked: {asked}")
    equal({path: asked.count(f"GET {path}") for path in FILES}, dict.fromkeys(FILES, hosts), "requests: one for each host")

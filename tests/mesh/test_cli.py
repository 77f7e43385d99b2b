"""The command line on real files and processes: what each command says and how it ends, the admin address of a node
that runs, and the demo from its start to its last trace."""
import glob
import json
import os
import re
import signal
import socket
import stat
import time

import client
from harness import Node, Process, equal, needs, wait_until

NO_ORIGIN = "http://127.0.0.1:9"


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def says(done, *words):
    for word in words:
        assert word in done.stderr, f"\"{word}\" is not in what it said: {done.stderr}"


claims = []


def port_base():
    """The first of 40 ports that are free now. Tests run side by side, so each claims its range by a name that the
    kernel gives to one process only, and takes back when that ends."""
    for base in range(21000, 29000, 40):
        claim = socket.socket(socket.AF_UNIX)
        probes = []
        try:
            claim.bind(f"\0hedgerow-tests-{base}")
            for port in range(base, base + 40):
                probes.append(socket.create_server(("127.0.0.1", port)))
            claims.append(claim)
            return base
        except OSError:
            claim.close()
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError("no 40 free ports in a row")


@needs("hedgerow")
def test_wrong_flags_are_named_and_end_with_2(case):
    """Unknown and unavailable flags, wrong values, and missing ones: exit 2, and a word of advice."""
    says(case.run(code=2), "Usage: hedgerow COMMAND")
    says(case.run("runn", code=2), "Did you mean \"run\"?")
    says(case.run("run", "--htpp", "x", code=2), "unknown flag --htpp", "Did you mean --http?")
    says(case.run("run", code=2), "--origin is missing")
    says(case.run("run", "--origin", NO_ORIGIN, "--dns", "x", code=2), "--dns", "IP address")
    says(case.run("run", "--origin", NO_ORIGIN, "--dns-domain", "cdn..example", code=2), "--dns-domain", "cdn.example.com")
    says(case.run("run", "--origin", NO_ORIGIN, "--workers", "65", code=2), "--workers 65", "from 1 to 64")
    for flag, value in (("--http", "8080"), ("--http", "example.net:80"), ("--seed", "edge1"), ("--memory", "much"),
                        ("--default-ttl", "soon"), ("--timers", "porbe=1s"), ("--origin", "origin.example.net")):
        says(case.run("run", flag, value, code=2), f"{flag} {value}: ")
    says(case.run("mesh", code=2), "mesh init", "mesh admit")
    says(case.run("mesh", "init", code=2), "mesh init DIR")
    says(case.run("mesh", "admit", "m", "--name", "a", code=2), "--zone is missing")
    says(case.run("status", "--admin", "x", code=2), "--admin x: ")
    says(case.run("demo", "--nodes", "0", code=2), "--nodes 0: ")


@needs("hedgerow")
def test_help_and_version_end_with_0(case):
    """Every command explains itself on standard output."""
    assert re.fullmatch(r"hedgerow \d+\.\d+\.\d+\n", case.run("--version").stdout)
    assert "mesh admit" in case.run("--help").stdout
    for command in (["run"], ["status"], ["mesh", "init"], ["mesh", "admit"], ["demo"]):
        done = case.run(*command, "--help")
        assert done.stdout.startswith(f"Usage: hedgerow {' '.join(command)} "), done.stdout
        equal(done.stderr, "", "standard error")
    assert "origin-response" in case.run("run", "--help").stdout


@needs("hedgerow")
def test_an_authority_admits_each_name_once(case):
    """mesh init and admit: private files, nothing overwritten, a used name only with --renew or --new-keys, all in the
    ledger."""
    home = os.path.join(case.folder, "m")
    made = json.loads(case.run("mesh", "init", home, "--json").stdout)
    equal((mode(home), mode(made["authority"])), (0o700, 0o600), "modes of the authority")
    before = open(made["authority"], "rb").read()
    says(case.run("mesh", "init", home, code=1), "has an authority already")
    equal(open(made["authority"], "rb").read(), before, "the authority's file")

    first = json.loads(case.run("mesh", "admit", home, "--name", "fra-1", "--zone", "eu/fra", "--json").stdout)
    equal((first["serial"], first["file"]), (1, "fra-1.node"), "the first admission")
    node_file = os.path.join(case.folder, "fra-1.node")
    equal(mode(node_file), 0o600, "mode of the node file")
    says(case.run("mesh", "admit", home, "--name", "fra-1", "--zone", "eu/fra", "--out", "b.node", code=1), "--renew")
    assert not os.path.exists(os.path.join(case.folder, "b.node"))
    says(case.run("mesh", "admit", home, "--name", "fra-1", "--new-keys", code=1), "never overwritten")
    second = json.loads(case.run("mesh", "admit", home, "--name", "fra-1", "--new-keys", "--out", "b.node",
                                 "--json").stdout)
    equal((second["serial"], second["zone"]), (2, "eu/fra"), "new keys")
    assert second["id"] != first["id"]
    says(case.run("mesh", "admit", home, "--name", "new", "--zone", "z", "--new-keys", code=1), "never admitted")
    again = json.loads(case.run("mesh", "admit", home, "--renew", "b.node", "--weight", "50", "--json").stdout)
    equal((again["serial"], again["zone"], again["id"], again["file"]), (3, "eu/fra", second["id"], "b.node"),
          "the renewal")
    equal(mode(os.path.join(case.folder, "b.node")), 0o600, "mode of the renewed file")
    says(case.run("mesh", "admit", home, "--renew", "b.node", "--out", "fra-1.node", code=1), "never overwritten")
    says(case.run("mesh", "admit", home, "--renew", "b.node", "--name", "ams-1", code=1), "is the node file of fra-1")
    says(case.run("mesh", "admit", home, "--renew", "none.node", code=78), "none.node")
    says(case.run("mesh", "admit", home, "--renew", "b.node", "--new-keys", code=2), "one of them")
    case.run("mesh", "revoke", home, again["id"])
    says(case.run("mesh", "admit", home, "--renew", "b.node", code=1), "were revoked and stay so")
    says(case.run("mesh", "admit", home, "--name", "-x", "--zone", "z", code=2), "--name -x")
    says(case.run("mesh", "admit", home, "--name", "x", "--zone", "a/b/c", code=2), "--zone a/b/c")
    rows = [line.split("\t") for line in open(os.path.join(home, "ledger")) if not line.startswith("#")]
    equal([row[:3] for row in rows], [[str(n), "fra-1", "eu/fra"] for n in (1, 2, 3)], "the ledger")

    says(case.run("mesh", "admit", os.path.join(case.folder, "none"), "--name", "a", "--zone", "z", code=78), "mesh init")
    open(made["authority"], "r+b").write(b"damage")
    says(case.run("mesh", "admit", home, "--name", "a", "--zone", "z", code=78), "is no authority file, or is damaged")


@needs("hedgerow")
def test_a_wrong_configuration_ends_with_78(case):
    """Node files that are not there, damaged, expired or of another name; seeds without a node file; a taken port; a
    data directory that another node uses: exit 78, and what to do."""
    good = case.admit("fra-1")
    old = os.path.join(case.folder, "old.node")
    case.run("mesh", "admit", os.path.join(case.folder, "authority"), "--name", "old", "--zone", "z", "--out", old,
             "--not-after", "2020-02-03T04:05:06Z")
    bad = os.path.join(case.folder, "bad.node")
    text = open(good).read()
    at = len(text) // 2
    open(bad, "w").write(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:])

    def run(*words, code=78):
        return case.run("run", "--origin", NO_ORIGIN, "--http", "127.0.0.1:0", "--mesh", "127.0.0.1:0", "--admin",
                        "127.0.0.1:0", *words, code=code)
    says(run("--seed", "127.0.0.1:7400"), "--seed needs --node-file")
    says(run("--node-file", "none.node"), "none.node", "hedgerow mesh admit")
    says(run("--node-file", bad), "is no node file, or is damaged")
    says(run("--node-file", old), "expired at 2020-02-03T04:05:06Z", "--renew")
    says(run("--node-file", good, "--name", "other"), "--name other", "fra-1")
    says(run("--node-file", good, "--zone", "eu/ams"), "--zone eu/ams", "eu/fra")
    says(run("--zone", "a/b/c"), "--zone a/b/c")
    open(os.path.join(case.folder, "file"), "w").close()
    says(run("--data", "file"), "--data file")

    taken = socket.create_server(("127.0.0.1", 0))
    address = "127.0.0.1:{}".format(taken.getsockname()[1])
    for flag in ("--http", "--mesh", "--admin"):
        words = ["--origin", NO_ORIGIN]
        for what in ("--http", "--mesh", "--admin"):
            words += [what, address if what == flag else "127.0.0.1:0"]
        says(case.run("run", *words, "--data", f"taken{flag}", code=78), address)
    taken.close()

    node = case.node("ams-1", NO_ORIGIN)
    says(run("--data", node.data), "another node runs")


@needs("hedgerow")
def test_each_start_has_a_higher_boot_number(case):
    """The boot number is there before the node is ready, and goes up; a damaged one is replaced and said so."""
    def start():
        node = case.node("fra-1", NO_ORIGIN, node_file=node_file)
        number = int(open(os.path.join(node.data, "boot")).read())
        node.signal(signal.SIGTERM)
        equal(node.wait_exit(), 0, "exit code")
        return node, number
    node_file = case.admit("fra-1")
    node, first = start()
    equal(start()[1], first + 1, "the second boot number")
    equal((mode(node.data), mode(os.path.join(node.data, "admin.token"))), (0o700, 0o600), "modes of the data")
    open(os.path.join(node.data, "boot"), "w").write("nonsense")
    node, third = start()
    assert abs(third - time.time()) < 60 and "boot was damaged" in node.log(), (third, node.log())


@needs("hedgerow")
def test_the_admin_address_shows_one_node_that_runs_alone(case):
    """Without a node file a node runs alone; /status, /metrics, the probes, the page and hedgerow status agree."""
    origin = case.origin()
    node = Node(case, "alone", ["--origin", origin.url, "--name", "alone", "--zone", "eu/fra", "--http", "127.0.0.1:0",
                                "--mesh", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).wait_ready()
    for _ in range(3):
        equal(node.get("/bytes/1000?seed=a").status, 200, "a request")
    status = node.wait_status(lambda s: s["requests"]["total"] == 3, "three requests")
    equal((status["requests"]["origin"], status["requests"]["hit"]), (1, 2), "where they came from")
    equal((status["bytes"]["viewer"], status["bytes"]["origin"]), (3000, 1000), "bytes")
    equal(status["cache"]["objects"], 1, "objects")
    equal([m["name"] for m in status["mesh"]["members"]], ["alone"], "members")
    equal(status["mesh"]["members"][0]["region"], "eu", "the region")
    equal(status["ring"]["owned_share"], 1.0, "the ring")
    equal(node.counter("requests"), 3, "the metric")
    for path, code in (("/livez", 200), ("/readyz", 200), ("/", 200), ("/nothing", 404)):
        equal(node.admin_get(path).status, code, path)
    page = node.admin_get("/")
    assert page.get("Content-Type").startswith("text/html") and b"Content-Security-Policy" in page.body
    equal(client.fetch(node.admin, "/status", method="POST").status, 405, "POST /status")

    address = "{}:{}".format(*node.admin)
    told = case.run("status", "--admin", address)
    assert "alone" in told.stdout and "eu/fra" in told.stdout and "100.0 %" in told.stdout, told.stdout
    equal(json.loads(case.run("status", "--admin", address, "--json").stdout)["node"]["name"], "alone", "--json")
    node.signal(signal.SIGTERM)
    equal(node.wait_exit(), 0, "exit code")
    says(case.run("status", "--admin", address, code=1), address, "--admin")


@needs("hedgerow", release=True, timeout=180)
def test_the_demo_checks_itself(case):
    """demo --check: every file through every node equals the origin's, neighbours share, nothing is left behind."""
    demo = Process(case, "demo", [case.binary("hedgerow"), "demo", "--check", "--port-base", str(port_base())],
                   env={"TMPDIR": case.folder})
    equal(demo.wait_exit(120), 0, f"exit code; it said {demo.log()}")
    told = demo.process.stdout.read().decode()
    rows = [line.split() for line in told.splitlines() if line.startswith("  /")]
    equal(len(rows), 18, "files times nodes")
    assert all(row[-2:] == ["same", "bytes"] for row in rows), told
    assert any(row[2] == "PeerHit" for row in rows), told
    assert sum(row[2] == "Miss" for row in rows) >= 6, told
    assert re.search(r"18 fetches, \d+ from a neighbour's copy, 0 wrong", told), told
    equal(glob.glob(os.path.join(case.folder, "hedgerow-demo.*")), [], "folders left behind")


@needs("hedgerow")
def test_the_demo_ends_on_ctrl_c_and_leaves_nothing(case):
    """SIGINT ends nodes and origin by pid; a node that was killed before is noted, and the others served on."""
    base = port_base()
    demo = Process(case, "demo", [case.binary("hedgerow"), "demo", "--port-base", str(base)],
                   env={"TMPDIR": case.folder})
    pids = {}
    while len(pids) < 4:
        found = re.match(r"  (edge-\d|origin) .*? (\d+) +http://", demo.line(60))
        if found:
            pids[found.group(1)] = int(found.group(2))
    folder = glob.glob(os.path.join(case.folder, "hedgerow-demo.*"))
    equal([mode(path) for path in folder], [0o700], "the demo's folder")
    equal(client.fetch(("127.0.0.1", base + 3), "/").status, 200, "a page through the third node")
    os.kill(pids["edge-3"], signal.SIGKILL)
    while "edge-3 has ended" not in demo.line():
        pass
    equal(client.fetch(("127.0.0.1", base + 1), "/style.css").status, 200, "a page through the first node")
    demo.signal(signal.SIGINT)
    equal(demo.wait_exit(20), 0, "exit code")
    for name, pid in pids.items():
        wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), f"{name} is gone", 5)
    equal(glob.glob(os.path.join(case.folder, "hedgerow-demo.*")), [], "folders left behind")


@needs("hedgerow")
def test_the_demo_says_which_port_is_taken(case):
    """A taken port ends the demo with 1 and advice, whoever would have listened there; nothing is left running."""
    base = port_base()
    for port in (base + 10, base + 2):
        taken = socket.create_server(("127.0.0.1", port))
        done = case.run("demo", "--port-base", base, code=1, timeout=60)
        says(done, f"127.0.0.1:{port}", "--port-base")
        taken.close()
        probe = socket.create_server(("127.0.0.1", base + 1))   # no node is left there
        probe.close()

"""A node's file: hedgerow check, hedgerow run -c, and what a reload takes and refuses."""
import os
import signal

import client
from harness import Node, equal, needs, wait_until

GOOD = """distributions:
  - name: photos
    hosts: [ photos.example, "*.photos.example" ]
    origins: "{origin}"
"""


def write(case, name, text):
    path = os.path.join(case.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def node_of(case, text, name="alone", flags=()):
    """A node that runs by a file with this text below node:."""
    listen = "node:\n  listen: { http: \"127.0.0.1:0\", mesh: \"127.0.0.1:0\", admin: \"127.0.0.1:0\" }\n  name: fra-7\n"
    path = write(case, f"{name}.yaml", listen + text)
    node = Node(case, name, ["-c", path, *flags]).wait_ready()
    node.file = path
    node.listen = listen
    return node


def reload(case, node, code=0):
    return case.run("reload", "--admin", "{}:{}".format(*node.admin), "--token-file",
                    os.path.join(node.data, "admin.token"), code=code)


@needs("hedgerow")
def test_feat_A6_check_says_all_that_is_wrong(case):
    """0 and a summary; 78 and a line for each fault, with its place; and what is understood, which is a file itself."""
    good = write(case, "good.yaml", GOOD.format(origin="http://o.example"))
    done = case.run("check", "-c", good)
    assert "1 distribution, 2 hosts, 1 origin, 1 behaviour" in done.stdout, done.stdout
    bad = write(case, "bad.yaml", "node: { mmory: 1GiB }\ndistributions:\n  - name: a\n    hosts: [ a..b ]\n    orgins: []\n")
    done = case.run("check", "-c", bad, code=78)
    lines = done.stderr.splitlines()
    equal(len(lines), 3, "faults")
    assert lines[0].startswith(f"{bad}:5:5: ") and "Did you mean origins?" in lines[0], lines
    assert lines[1].startswith(f"{bad}:4:14: "), lines
    assert lines[2].startswith(f"{bad}:3:5: ") and "origins: must be given" in lines[2], lines
    done = case.run("check", "--config", write(case, "node.yaml", "node: { mmory: 1GiB }\n"), code=78)
    assert "node.yaml:1:9: " in done.stderr and "Did you mean memory?" in done.stderr, done.stderr
    for form in ("--show", "--json"):
        shown = case.run("check", "-c", good, form).stdout
        again = write(case, f"shown{form}.yaml", shown)
        equal(case.run("check", "-c", again).stdout.split("digest")[1], case.run("check", "-c", good).stdout.split("digest")[1],
              f"the digest of what {form} printed")
    case.run("check", "-c", os.path.join(case.folder, "nowhere.yaml"), code=78)
    case.run("check", code=2)


@needs("hedgerow")
def test_feat_A6_a_node_runs_by_a_file_or_not_at_all(case):
    """What stands under node: holds, flags count more, and a file with a fault starts nothing."""
    node = node_of(case, GOOD.format(origin="http://127.0.0.1:9"), flags=["--name", "fra-8"])
    equal(node.status()["node"]["name"], "fra-8", "the name of the flag")
    node.finish()
    bad = write(case, "bad.yaml", "node: { data: x }\ndistributions: [ { name: a, hosts: [ \"a b\" ], origins: http://o } ]\n")
    done = case.run("run", "-c", bad, code=78)
    assert f"{bad}:2:38: distributions[0].hosts[0]: " in done.stderr, done.stderr
    assert not os.path.exists(os.path.join(case.folder, "x")), "it has begun to run"
    done = case.run("run", "-c", bad, "--origin", "http://o", code=78)


@needs("hedgerow")
def test_feat_A5_a_bad_file_changes_nothing(case):
    """A reload, by the command and by SIGHUP: a good file is in force, a bad one is an exit code, log lines and a metric."""
    node = node_of(case, GOOD.format(origin="http://127.0.0.1:9"))
    write(case, "alone.yaml", node.listen + GOOD.format(origin="http://127.0.0.1:9") + "  - { name: b, origins: http://o }\n")
    assert "in force: 2 distributions" in reload(case, node).stdout
    write(case, "alone.yaml", node.listen + GOOD.format(origin="ftp://o") + "  - { nme: b, origins: http://o }\n")
    done = reload(case, node, code=1)
    assert "alone.yaml:7:14: distributions[0].origins[0]: \"ftp://o\"" in done.stderr, done.stderr
    assert "Did you mean name?" in done.stderr and "stays" in done.stderr, done.stderr
    equal(node.counter("config_reloads"), 1, "reloads")
    equal(node.counter("config_reload_failures"), 1, "failures")
    node.signal(signal.SIGHUP)
    wait_until(lambda: node.counter("config_reload_failures") == 2, "the second failure counts")
    assert node.log(200).count("alone.yaml:7:14") == 2, node.log(200)
    write(case, "alone.yaml", node.listen.replace("fra-7", "fra-9") + GOOD.format(origin="http://127.0.0.1:9"))
    node.signal(signal.SIGHUP)
    wait_until(lambda: node.counter("config_reloads") == 2, "the good one counts")
    wait_until(lambda: "takes effect when the node is started again" in node.log(200), "what needs a restart is said")
    # Without the token nobody has it read, and without a file there is nothing to be read.
    equal(client.fetch(node.admin, "/reload", method="POST").status, 401, "a POST without the token")
    node.finish()
    plain = Node(case, "plain", ["--origin", "http://127.0.0.1:9", "--http", "127.0.0.1:0", "--mesh", "127.0.0.1:0",
                                 "--admin", "127.0.0.1:0"]).wait_ready()
    assert "without -c FILE" in reload(case, plain, code=1).stderr
    plain.finish()


@needs("hedgerow")
def test_feat_V3_a_host_is_somebodys_or_answered_with_421(case):
    """An unknown host, and one of a distribution that is switched off, get 421, at once after a reload; others do not."""
    text = ("distributions:\n"
            "  - { name: a, hosts: [ a.example, \"*.b.example\" ], origins: \"http://127.0.0.1:9\" }\n"
            "  - { name: off, hosts: [ off.b.example ], enabled: false, origins: \"http://127.0.0.1:9\" }\n")
    node = node_of(case, text)
    hosts = ("a.example", "A.Example.", "x.b.example", "off.b.example", "b.example", "c.example")

    def unknown():
        return [host for host in hosts if node.get("/x", headers=[("Host", host)]).status == 421]
    equal(unknown(), ["off.b.example", "b.example", "c.example"], "nobody's hosts")
    write(case, "alone.yaml", node.listen + text.replace("a.example", "c.example").replace("false", "true"))
    reload(case, node)
    equal(unknown(), ["a.example", "A.Example.", "b.example"], "nobody's hosts after the reload")
    node.finish()

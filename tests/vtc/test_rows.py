"""A test for each NAME.vtc beside this file: varnishtest is the viewers and the origin of one real node, and the judge.
A script connects to ${edge} and listens at ${origin}; ${next} is a request that must never be executed. Its first lines
say what it proves."""
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess

from harness import Skip, needs

NEXT = r"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"     # read with the string that it stands in

HERE = os.path.dirname(os.path.abspath(__file__))


def free_port():
    """A port that the script can listen on, which the node must know before: below those that the system gives to
    whoever asks for any, so that it is free still when the script comes to it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as numbers:
        first = int(numbers.read().split()[0])
    for port in random.sample(range(1024, first), min(100, first - 1024)):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            pass
    raise Skip("no free port was found")


def end(child):
    """Ends varnishtest, and the process of another group that runs its script."""
    with open(f"/proc/{child.pid}/task/{child.pid}/children", encoding="ascii") as children:
        for pid in children.read().split():
            os.killpg(int(pid), signal.SIGKILL)
    child.kill()
    child.wait()


def judged(case, script):
    tool = shutil.which("varnishtest")
    if not tool:
        raise Skip("no varnishtest: it is in Debian's package varnish")
    port = free_port()
    node = case.node("fra-1", f"http://127.0.0.1:{port}")
    log = os.path.join(case.folder, "varnishtest.log")
    with open(log, "wb") as out:
        child = subprocess.Popen(
            [tool, "-v", "-t", "40", "-D", f"edge={node.http[0]} {node.http[1]}", "-D", f"origin=127.0.0.1 {port}",
             "-D", f"next={NEXT}", script], cwd=case.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env={**os.environ, "TMPDIR": case.folder})
        try:
            code = child.wait(50)
        except subprocess.TimeoutExpired:
            code = "nothing"
            end(child)
    if code != 0:
        with open(log, encoding="utf-8", errors="replace") as said:
            lines = said.read().splitlines()
        wrong = [i for i, line in enumerate(lines) if line.startswith("----") or "FAIL" in line or "failed" in line]
        last = (wrong[0] if wrong else len(lines)) + 12
        raise AssertionError("\n".join([f"varnishtest ended with {code}:", *lines[max(0, last - 40):last]]))


def made_of(script):
    with open(script, encoding="utf-8") as text:
        about = " ".join(line.strip("# \n") for line in itertools.takewhile(lambda line: line.startswith("#"), text))

    @needs("hedgerow", timeout=60)
    def test(case):
        judged(case, script)
    test.__name__ = "test_" + os.path.basename(script).removesuffix(".vtc")
    test.__doc__ = about
    return test


for name in sorted(os.listdir(HERE)):
    if name.endswith(".vtc"):
        made = made_of(os.path.join(HERE, name))
        globals()[made.__name__] = made

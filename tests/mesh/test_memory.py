"""Memory: what a node takes in all stays within what it may keep and what is stated beside it, whatever the sizes of
what is asked for, and in whatever order they come and go."""
import json
import os
import subprocess

import client
from harness import Process, equal, needs, soak

BUDGET_MIB = 512 if soak() else 96
STATED = 1.05 * (BUDGET_MIB << 20) + (30 << 20)     # README.md, Limits
MIXED = {300: 4, 1024: 4, 5000: 2, 17000: 2, 65536: 2, 250000: 1}      # shares of the bytes, a size


def tool(case, name):
    return os.path.join(case.builds[0], "tests", name)


def origin(case):
    """The bench's: each answer is as long as its path says."""
    process = Process(case, "origin", [tool(case, "ceiling"), "--stamp"])
    address = client.address_of(json.loads(process.line())["http"])
    process.drain()
    return "http://{}:{}".format(*address)


def ask(case, node, size, times, seed):
    """Begins to ask for things of that size, each once, until they would fill the budget so many times."""
    things = int(times * (BUDGET_MIB << 20) / (size + 400)) + 1
    return subprocess.Popen(
        [tool(case, "load"), "--to", str(node.http[1]), "--path", f"/{size}/{seed}-", "--bytes", str(size), "--stamped",
         "--in-turn", "--targets", str(things), "--requests", str(things), "--connections", "16"],
        stdout=subprocess.PIPE)


def asked(running):
    said = json.loads(running.communicate(timeout=600)[0])
    equal(said["wrong"], 0, said["why"])


def check(node, when):
    held, kept = node.memory_bytes(), node.status()["cache"]["memory_bytes"]
    print(f"{when}: {held / 2**20:.1f} MiB, of which copies {kept / 2**20:.1f} of {BUDGET_MIB}")
    assert kept <= BUDGET_MIB << 20, f"{when}: {kept} bytes of copies"
    assert kept >= 0.8 * (BUDGET_MIB << 20), f"{when}: only {kept} bytes of copies: nothing was tried"
    assert held <= STATED, f"{when}: {held} bytes, more than {STATED:.0f}"


@needs(release=True, alone=True, timeout=600)
def test_rob_ME1_memory_stays_within_the_budget_and_what_is_stated(case):
    node = case.node("a", origin(case), flags=["--memory", f"{BUDGET_MIB}MiB", "--access-log", "/dev/null"])
    asked(ask(case, node, 1024, 1.2, "s"))
    check(node, "filled with 1 KiB")
    asked(ask(case, node, 65536, 1.2, "l"))
    check(node, "then with 64 KiB")
    asked(ask(case, node, 1024, 1.2, "t"))
    check(node, "then with 1 KiB again")
    for turn in range(3):
        share = 1.0 / sum(MIXED.values())
        for running in [ask(case, node, size, part * share, f"m{turn}-") for size, part in MIXED.items()]:
            asked(running)
        check(node, f"turn {turn} of all sizes at once")

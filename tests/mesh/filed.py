"""filed.py - nodes that run by a file (-c), with their distributions in it."""
import json
import os
import signal

from harness import ZONES, Node, wait_until


class Filed(Node):
    """A node that runs by a file; |node| is what stands in it under node:."""

    def __init__(self, case, name, distributions, flags=(), node=None):
        self.file = os.path.join(case.folder, f"{name}.yaml")
        self.under_node = node or {}
        self.write(distributions)
        super().__init__(case, name, ["-c", self.file, *flags, *(word for what in ("http", "mesh", "admin")
                                                                 for word in (f"--{what}", "127.0.0.1:0"))])
        self.wait_ready()

    def write(self, distributions):
        with open(self.file, "w", encoding="ascii") as out:
            json.dump({"node": self.under_node, "distributions": distributions}, out)

    def reload(self, distributions):
        self.write(distributions)
        before = self.counter("config_reloads")
        self.signal(signal.SIGHUP)
        wait_until(lambda: self.counter("config_reloads") == before + 1, "the file is in force")


def mesh_by_file(case, count, distributions, node=None):
    """A mesh of count nodes that agree on the ring."""
    nodes = []
    for i in range(count):
        zone = ZONES[i % len(ZONES)]
        name = f"{zone.split('/')[-1]}-{i + 1}"
        seed = ("--seed", "{}:{}".format(*nodes[0].mesh)) if nodes else ()
        words = ("--node-file", case.admit(name, zone), "--audit", "0", *case.timer_words(), *seed)
        nodes.append(Filed(case, name, distributions, words, node))
    case.wait_agreed(nodes)
    return nodes

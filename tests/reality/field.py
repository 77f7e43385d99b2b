"""field.py - the real side: nodes, viewers and origin, each on a host of its own, as far from each other as a scenario says.

    nodes    198.18.1.N   in zones; `delay-ms` within one, `zone-delay-ms` between two, `jitter-ms` on top
    viewers  198.18.2.1   `viewer-delay-ms` from every node, no jitter
    origin   the place's own namespace, no way from anywhere: its delay is its answers' (`supply.py`)

Far's hosts, but their packets are carried by hedgerow-distance: a process of a few per cent of a core, which wakes to the
microsecond, and not by a thread beside others. What measures or is measured runs with real-time priority, so that other work on
the machine is not in the figures."""
import json
import os
import select
import subprocess
import sys
import time

import far
from harness import Node, Process, Skip, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
VIEWERS = "198.18.2.1"
FIRST = ("chrt", "-r", "1")         # before all else that runs on the machine
SYSCTLS = {"net/ipv4/tcp_congestion_control": "reno", "net/ipv4/tcp_no_metrics_save": "1"}


def tune(inside=None):
    """The namespace's TCP: as the standards have it, and each connection for itself."""
    for name, text in SYSCTLS.items():
        path, words = f"/proc/sys/{name}", ["sh", "-c", f"echo {text} >/proc/sys/{name}"]
        if inside:
            subprocess.run([*inside, *words], check=True)
        else:
            with open(path, "w", encoding="ascii") as out:
                out.write(text)


class Field(far.Far):
    """Far, with another carrier. Call first, before anything has a thread."""

    def __init__(self, case, settings, seed):
        super().__init__(case)
        self.settings, self.seed, self.carrier, self.told = settings, seed, None, None
        self.number = {far.HOME: 0}
        tune()

    def place(self, address, number):
        host = self.host(address, number)
        self.number[address] = number
        tune(host.prefix)
        return host

    def begin(self):
        """All hosts are there: the carrier is told of them, and packets pass."""
        path, s = self.case.binary("distance"), self.settings
        lines = [f"seed {self.seed}"]
        lines += [f"device {fd} {address} {self.number[address]}" for address, fd in self.fds.items()]
        zones, viewers, jitter = int(s["zones"]), int(s["zones"]) + 1, int(s["jitter-ms"] * 1000)
        for one in range(1, zones + 1):
            lines += [f"delay {one} {viewers} {int(s['viewer-delay-ms'] * 1000)} 0"]
            lines += [f"delay {one} {other} {int((s['delay-ms'] if one == other else s['zone-delay-ms']) * 1000)} {jitter}"
                      for other in range(1, one + 1)]
        self.carrier = subprocess.Popen(["chrt", "-f", "2", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        pass_fds=list(self.fds.values()))
        self.carrier.stdin.write(("\n".join([*lines, "begin"]) + "\n").encode())
        self.carrier.stdin.flush()
        assert json.loads(self.carrier.stdout.readline())["ready"]

    def end(self):
        """What passed, as the carrier tells it."""
        if self.told is None:
            self.carrier.stdin.close()
            self.told = json.loads(self.carrier.stdout.readline())
            self.carrier.wait()
        return self.told

    def close(self):
        if self.carrier:
            if self.told is None:
                self.carrier.stdin.close()
            self.carrier.wait()
            self.carrier.stdout.close()
        for host in self.hosts:
            host.holder.kill()
            host.holder.wait()
        for fd in (*self.fds.values(), self.own, self.wake, self.waker):
            os.close(fd)


class Player(Process):
    """viewers.py or supply.py: told by a line, tells a line at the end."""

    def __init__(self, case, name, prefix, told):
        super().__init__(case, name, [*prefix, *FIRST, sys.executable, os.path.join(HERE, f"{name}.py")], stdin=True)
        self.tell(told)
        assert json.loads(self.line(60))["ready"]

    def tell(self, what):
        self.process.stdin.write((json.dumps(what) + "\n").encode())
        self.process.stdin.flush()

    def last(self, timeout):
        """Its last line, when it ends by itself or with its standard input."""
        text = self.line(timeout)
        self.wait_exit()
        return json.loads(text)


def start_nodes(case, field, settings, origin):
    """All nodes, in the simulator's order: n1 is in zone 1, n2 in zone 2 ... The first three are seeds. Each is who it is in the
    simulator: gate.py has left its file."""
    nodes, hosts = [], []
    count, zones = int(settings["nodes"]), int(settings["zones"])
    for i in range(count):
        hosts.append(field.place(f"198.18.1.{i + 1}", 1 + i % zones))
    viewers = field.place(VIEWERS, zones + 1)
    field.begin()
    seeds = [(host.address, 7400) for host in hosts[:3]]
    for i, host in enumerate(hosts):
        kind = type("Housed", (Node,), {"prefix": (*host.prefix, *FIRST)})
        words = ["--http", f"{host.address}:80", "--admin", f"{host.address}:7401", "--mesh", f"{host.address}:7400",
                 "--memory", f"{int(settings['memory'])}", "--workers", "1", "--audit", "0"]
        nodes.append(case.node(f"n{i + 1}", origin, node_file=os.path.join(case.folder, f"n{i + 1}.node"), flags=words, wait=False,
                               kind=kind, seeds=[seed for seed in seeds if seed[0] != host.address]))
    for node in nodes:
        node.wait_ready(60)
    case.wait_agreed(nodes, 60)
    return nodes, viewers


def idle_jiffies():
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(word) for word in stat.readline().split()[1:]]
    return fields[3] + fields[4], sum(fields[:8])


def sums(nodes):
    """The nodes' counters, all together."""
    total = {}
    for node in nodes:
        for name, value in node.metrics().items():
            if name.endswith("_total"):
                total[name[len("hedgerow_"):-len("_total")]] = total.get(name[len("hedgerow_"):-len("_total")], 0) + int(value)
    return total


def play(case, settings, seed, asked):
    """Runs it. Returns {"answers": [[result, status, first, last, lateness]], "origin", "counters", "carrier", ...}."""
    if subprocess.run([*FIRST, "true"], check=False).returncode != 0:
        raise Skip("processes cannot be given real-time priority (chrt)")
    field = Field(case, settings, seed)
    sizes = {}
    for _, uri, size, _ in asked:
        sizes[int(uri[3:])] = size
    sizes = [sizes[key] for key in sorted(sizes)]
    supply = Player(case, "supply", (), {"settings": settings, "seed": seed, "sizes": sizes})
    nodes, host = start_nodes(case, field, settings, f"http://{far.HOME}:80")
    addresses = {str(i + 1): f"198.18.1.{i + 1}" for i in range(len(nodes))}
    viewers = Player(case, "viewers", host.prefix, {"seed": seed, "sizes": sizes, "addresses": addresses, "requests": asked})
    time.sleep(settings["warmup"] / 4)      # sessions between nodes, and their first measurements of each other
    before, idle = [node.cpu_s() for node in nodes], idle_jiffies()
    viewers.tell(time.monotonic() + 2)
    found = viewers.last(asked[-1][0] + 60)
    now = idle_jiffies()
    found["idle_pct"] = 100 * (now[0] - idle[0]) / max(1, now[1] - idle[1])
    found["cpu_s"] = sum(node.cpu_s() for node in nodes) - sum(before)
    found["counters"], found["epoch"] = sums(nodes), nodes[0].status()["ring"]["epoch"]
    supply.process.stdin.close()
    found["origin"] = supply.last(20)
    for node in nodes:
        node.ask_to_end()
    for node in nodes:
        node.wait_exit()
    found["carrier"] = field.end()
    return found

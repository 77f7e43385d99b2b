"""rows.py - what rivals.py measures: one class a kind of measurement, ROWS in the order they are run. A turn starts a
server, measures, stops it, and returns a sample: a number a column. It raises when a figure would be worth nothing: a
wrong answer, or a hit that was none."""
import collections
import json
import os
import re
import shutil
import signal
import subprocess
import time

import servers
import client  # noqa: E402  (servers.py says where it is)

CONNECTIONS = 64
IDLE_CONNECTIONS = min(servers.CONNECTIONS_WANTED, servers.CONNECTIONS_MAX - 50)
OBJECTS = 50000
MEBI = 1 << 20
WARM_PASSES = 8         # a cache that writes to disk behind its answers may need some
PEER_OBJECTS = 128      # twice as many as are asked for at once: no two wait for the same

COLUMNS = [("cpu", "CPU-s / 1,000", "{:.4f}"), ("user", "user", "{:.4f}"), ("system", "system", "{:.4f}"),
           ("per_second", "requests/s", "{:,.0f}"), ("busy", "of a core", "{:.0%}"), ("p50_us", "p50 us", "{:,.0f}"),
           ("p99_us", "p99 us", "{:,.0f}"), ("generator", "generator CPU-s / 1,000", "{:.4f}")]


class Target(collections.namedtuple("Target", "column beside limit at_most")):
    """|column| of ours, divided by that of |beside| or alone, against |limit|."""

    def what(self):
        names = {"cpu": "CPU per request", "per_second": "requests per second", "bytes": "bytes", "seconds": "seconds",
                 "calls": "system calls"}
        return names[self.column] + (f" / {self.beside}'s" if self.beside else "")


def at_most(column, limit, beside=None):
    return Target(column, beside, limit, True)


def load(bench, port, *words, **more):
    """One run of the generator; what it says. Raises when an answer was wrong."""
    done = subprocess.run(load_command(bench, port, *words), stdout=subprocess.PIPE, timeout=600, check=False, **more)
    return load_result(done.stdout)


def load_command(bench, port, *words):
    return [bench.tool("load"), "--to", str(port), *map(str, words)]


def load_result(line):
    said = json.loads(line or b'{"wrong": 1, "why": "the generator failed"}')
    if said["wrong"]:
        raise RuntimeError(f"{said['wrong']} wrong answers, {said['why']}")
    return said


def origin_count(bench):
    return int(client.fetch(("127.0.0.1", bench.origin_port), "/count").body)


def compare(bench, running, path):
    """Byte by byte with what the origin says."""
    got = client.fetch(running.address, path)
    want = client.fetch(("127.0.0.1", bench.origin_port), path)
    if (got.status, got.body) != (200, want.body):
        raise RuntimeError(f"{path}: {got.status}, {len(got.body)} bytes that are not the origin's {len(want.body)}")


def measure(bench, running, words, from_origin=0):
    """Runs the generator and returns the sample. |from_origin|: how much of it may reach the origin, 0 or 1 of 1."""
    asked, before = origin_count(bench), running.cpu()
    said = load(bench, running.port, *words)
    user, system = (after - old for after, old in zip(running.cpu(), before))
    reached = origin_count(bench) - asked
    if reached != from_origin * said["requests"]:
        raise RuntimeError(f"{reached} of {said['requests']} requests reached the origin")
    if user + system > 1.1 * said["seconds"]:
        raise RuntimeError("the server left its core")
    thousands = said["requests"] / 1000
    return {"cpu": (user + system) / thousands, "user": user / thousands, "system": system / thousands,
            "busy": (user + system) / said["seconds"], "generator": said["cpu_seconds"] / thousands,
            **{name: said[name] for name in ("per_second", "p50_us", "p99_us")}}


def warm(bench, running, words, count):
    """Asks for each of |count| things until none comes from the origin any more: twice at least."""
    for _ in range(WARM_PASSES):
        asked = origin_count(bench)
        load(bench, running.port, *words, "--in-turn", "--requests", max(count, CONNECTIONS))
        if origin_count(bench) == asked:
            break
        time.sleep(0.1)


class Row:
    columns = COLUMNS
    rounds_max = 1000

    def __init__(self, name, title, targets=()):
        self.name, self.title, self.fixed_targets = name, title, list(targets)

    def kinds(self):
        return servers.KINDS

    def targets(self, kinds):
        del kinds
        return self.fixed_targets


class Hits(Row):
    """|count| objects of |size| bytes that are all in the cache, at random. |best|: no rival may cost less."""

    def __init__(self, name, title, size, targets, count=1, best=False):
        super().__init__(name, title, targets)
        self.size, self.count, self.best = size, count, best

    def targets(self, kinds):
        more = [at_most("cpu", 1.0, kind.name) for kind in kinds if self.best and kind.rival]
        return self.fixed_targets + more

    def turn(self, bench, kind):
        with bench.server(kind, self.name) as running:
            words = ["--path", f"/{self.size}/o", "--bytes", self.size, "--targets", self.count]
            if kind.cached:
                words.append("--stamped")
                warm(bench, running, words, self.count)
                compare(bench, running, f"/{self.size}/o{self.count - 1}")
            return measure(bench, running, words + ["--seconds", bench.options.seconds])


class Workers(Hits):
    """Two workers beside one: both on the server's one core, so that what is seen is the cost of a hit and not of the
    machine's other work."""

    def kinds(self):
        return servers.WORKERS


class Misses(Row):
    """1 KiB, each asked for once; the origin is on the generator's core."""
    size = 1024

    def kinds(self):
        return [kind for kind in servers.KINDS if kind.cached]

    def turn(self, bench, kind):
        words = ["--path", f"/{self.size}/m", "--bytes", self.size, "--in-turn", "--stamped"]
        with bench.server(kind, self.name) as running:
            few = 2000
            load(bench, running.port, *words, "--targets", few, "--first", bench.fresh(few), "--requests", few)
            many = int(200000 * bench.options.seconds)
            return measure(bench, running, words + ["--targets", many, "--first", bench.fresh(many), "--seconds",
                                                    bench.options.seconds], from_origin=1)


class Peers(Row):
    """Hits that lie at a neighbour; the CPU is that of both nodes."""
    size = 256 << 10

    def kinds(self):
        return servers.PEERS

    def paths(self, bench, running):
        """Objects that lie behind the server that is asked, and are not kept by it."""
        found = []
        for number in range(8 * PEER_OBJECTS):
            path = f"/{self.size}/p{number}"
            client.fetch(running.owner_address, path)
            client.fetch(running.address, path)
            asked = origin_count(bench)
            answer = client.fetch(running.address, path)
            if origin_count(bench) == asked and answer.result() != "Hit":
                found.append(path)
            if len(found) == PEER_OBJECTS:
                return found
        raise RuntimeError(f"only {len(found)} objects are peer hits")

    def turn(self, bench, kind):
        with bench.server(kind, self.name) as running:
            listed = servers.write(bench.folder, "peers.list", "\n".join(self.paths(bench, running)) + "\n")
            words = ["--list", listed, "--bytes", self.size, "--in-turn", "--stamped"]
            warm(bench, running, words, PEER_OBJECTS)
            with open(listed, encoding="ascii") as file:
                compare(bench, running, file.readline().strip())
            return measure(bench, running, words + ["--seconds", bench.options.seconds])


class OfBest(Row):
    """Only best configurations, of servers that cache."""
    with_ceiling = False

    def kinds(self):
        return [kind for kind in servers.KINDS if kind.best and (kind.cached or self.with_ceiling)
                and kind.name not in ("hedgerow-nolog", "ceiling-libev")]


class Idle(OfBest):
    columns = [("bytes", "bytes a connection", "{:,.0f}")]
    rounds_max = 3
    with_ceiling = True

    def turn(self, bench, kind):
        with bench.server(kind, self.name) as running:
            words = ["--path", "/1024/i", "--bytes", 1024]
            load(bench, running.port, *words, "--requests", 10, "--connections", 1)
            before = running.pss()
            command = load_command(bench, running.port, *words, "--connections", IDLE_CONNECTIONS, "--hold")
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator:
                load_result(generator.stdout.readline())
                time.sleep(2)       # for buffers to be given back
                held = running.pss() - before
                generator.stdin.close()
            return {"bytes": held / IDLE_CONNECTIONS}


def disk_used(folder):
    return sum(os.stat(os.path.join(place, file), follow_symlinks=False).st_blocks * 512
               for place, _, files in os.walk(folder) for file in files)


class Objects(OfBest):
    columns = [("bytes", "bytes of memory an object", "{:,.0f}"), ("disk", "and on disk", "{:,.0f}")]
    rounds_max = 3

    def turn(self, bench, kind):
        folder = bench.place(self.name, kind)
        shutil.rmtree(folder, ignore_errors=True)
        with bench.server(kind, self.name) as running:
            words = ["--path", "/1024/c", "--bytes", 1024, "--targets"]
            warm(bench, running, words + [1], 1)
            memory, disk = running.memory_used(), disk_used(folder)
            asked = origin_count(bench)
            warm(bench, running, words + [OBJECTS], OBJECTS)
            if origin_count(bench) - asked < OBJECTS - 1:
                raise RuntimeError("not all objects came from the origin")
            used = running.memory_used() - memory
            disk = 0 if kind.name == "hedgerow" else disk_used(folder) - disk       # ours is the access log
            return {"bytes": used / OBJECTS, "disk": disk / OBJECTS}


class Start(OfBest):
    columns = [("seconds", "seconds", "{:.3f}")]
    with_ceiling = True

    def turn(self, bench, kind):
        shutil.rmtree(bench.place(self.name, kind), ignore_errors=True)
        with bench.server(kind, self.name) as running:
            return {"seconds": running.started_s}


class Calls(OfBest):
    """System calls a 1 KiB hit, as strace counts them."""
    columns = [("calls", "calls a hit", "{:.2f}")]
    rounds_max = 1
    with_ceiling = True

    def kinds(self):
        return super().kinds() if shutil.which("strace") else []

    def turn(self, bench, kind):
        with bench.server(kind, self.name) as running:
            words = ["--path", "/1024/o", "--bytes", 1024, "--targets", 1]
            if kind.cached:
                warm(bench, running, words, 1)
            counted = os.path.join(bench.folder, "calls.txt")
            attach = [word for pid in running.pids() for word in ("-p", str(pid))]
            command = ["strace", "-qq", "-c", "-f", "-o", counted, *attach]
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
                time.sleep(1)
                said = load(bench, running.port, *words, "--requests", 5000)
                tracer.send_signal(signal.SIGINT)
            with open(counted, encoding="ascii") as table:
                total = re.search(r"^100\.00\s+\S+\s+\d*\s+(\d+)\s.*total$", table.read(), re.M)
            if not total:
                raise RuntimeError("strace counted nothing")
            return {"calls": int(total.group(1)) / said["requests"]}


ROWS = [
    Hits("1k", "1 KiB hits", 1024, [at_most("cpu", 1.20, "ceiling-libev"), Target("per_second", "nginx", 1.7, False),
                                    Target("per_second", "varnish", 2.5, False)]),
    Hits("16k", "16 KiB hits", 16384, [at_most("cpu", 1.20, "ceiling-libev")]),
    Hits("256k", "256 KiB hits", 256 << 10, [at_most("cpu", 1.15, "ceiling")], best=True),
    Hits("4m", "4 MiB hits", 4 * MEBI, [at_most("cpu", 1.10, "ceiling")], best=True),
    Hits("random", "100,000 x 4 KiB at random", 4096, [at_most("cpu", 1.5, "ceiling")], count=100000),
    Workers("workers", "1 KiB hits of two workers", 1024, [at_most("cpu", 1.10, "hedgerow-1worker")]),
    Misses("misses", "1 KiB misses", [at_most("cpu", 1.2, "haproxy")]),
    Peers("peers", "256 KiB from a neighbour, both nodes", [at_most("cpu", 2.5, "nginx")]),
    Idle("idle", f"{IDLE_CONNECTIONS:,} idle keep-alive connections", [at_most("bytes", 500)]),
    Objects("objects", f"{OBJECTS:,} cached objects of 1 KiB", [at_most("bytes", 1500)]),
    Start("start", "start to first answer, empty cache", [at_most("seconds", 0.05)]),
    Calls("calls", "system calls a 1 KiB hit", [at_most("calls", 2.1)]),
]

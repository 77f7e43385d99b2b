"""harness.py - real nodes for a test: a throw-away authority, nodes on free ports, fault relays between them, and
an origin. Nothing sleeps for a guess: a test waits for what /status says.

A test is a function test_*(case) in tests/mesh/test_*.py; its doc string says what it proves, and @needs says what it
runs on. Everything that a case starts ends with it, by process id; a node that a sanitizer stopped, or that
does not end when told to, fails the test.
"""
import concurrent.futures
import contextlib
import inspect
import json
import os
import re
import select
import subprocess
import threading
import time

import client
import origin

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ZONES = ("eu/fra", "eu/ams")        # one region: one ring

# What tests shorten, by what for: the timers of `hedgerow run --timers` (hedgerow run --help lists them).
TIMERS = {
    "origin": {"origin-connect": "1s", "origin-response": "1500ms"},
    "drain": {"drain": "20s"},
}
END = 15    # seconds that a process may take to end: sanitizers look for leaks first; a drain would take 30
# How long nodes wait for each other in tests that are not about silence. Where many processes share few cores one of them
# may stand still for longer than the 400 ms after which a peer is taken for silent: another node then asks the origin in
# its place, as it should, and counts of what the origin is asked for would be those of a busy machine.
PATIENT = {"peer-silence": "5s", "peer-dial": "5s"}


class Skip(Exception):
    """The test cannot run here; the reason is its text."""


class Slow(AssertionError):
    """Something took longer than it may. A busy machine holds up any: run.py has the test run again, a few times."""


def needs(*tools, release=False, alone=False, timeout=120, patient=True):
    """What a test runs on: tools ("hedgerow", "relay"); release: it measures time or moves much, so no sanitizers;
    alone: nothing beside it; timeout: seconds after which it has failed; patient: its nodes wait for each other as PATIENT
    says, not as they do by default."""
    def mark(function):
        function.needs = {"tools": tools, "release": release, "alone": alone, "timeout": timeout, "patient": patient}
        return function
    return mark


def soak():
    """Whether tests are to take their long form (run.py --soak)."""
    return os.environ.get("HEDGEROW_SOAK") == "1"


def binary(build, tool):
    return os.path.join(build, "hedgerow") if tool == "hedgerow" else os.path.join(build, "tests", f"hedgerow-{tool}")


def wait_until(condition, what, timeout=30.0, every=0.03):
    """Waits until condition() gives something true, and returns it. Fails, with what was last seen, after timeout."""
    end = time.monotonic() + timeout
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > end:
            detail = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {detail}")
        time.sleep(every)


def equal(got, want, what):
    assert got == want, f"{what}: {got!r}, not {want!r}"


def quick(took, most, what):
    """Raises Slow where that took more than so many seconds."""
    if took > most:
        raise Slow(f"{what}: {took:.3f} s, not {most} s")


def at_once(count, function):
    """Runs function(0) to function(count - 1) in threads of their own; returns their results, or raises the first error."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))


@contextlib.contextmanager
def watched(nodes):
    """Gathers by how many bytes each node grows meanwhile, at most: {name: bytes}."""
    first, over = {node.name: node.memory_bytes() for node in nodes}, threading.Event()
    grown = dict.fromkeys(first, 0)

    def look():
        while not over.wait(0.01):
            for node in nodes:
                grown[node.name] = max(grown[node.name], node.memory_bytes() - first[node.name])
    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield grown
    finally:
        over.set()
        watcher.join()


def total(nodes, counter):
    """The sum of a counter of /metrics over these nodes."""
    return sum(node.counter(counter) for node in nodes)


class Process:
    """One process whose standard output is read line by line and whose standard error goes to a log file."""

    def __init__(self, case, name, command, stdin=False, env=None):
        self.case, self.name = case, name
        self.log_path = os.path.join(case.folder, f"{name}.log")
        with open(self.log_path, "ab") as log:
            log.write(("$ " + " ".join(command) + "\n").encode())
            log.flush()
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                cwd=case.folder, env={**os.environ, **(env or {})})
        self.pending = b""
        self.expected_end = self.asked_to_end = False
        case.processes.append(self)

    def line(self, timeout=20.0):
        """The next line of standard output; fails when the process ends instead."""
        end = time.monotonic() + timeout
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"{self.name} said nothing within {timeout} s\n{self.log()}")
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                code = self.process.wait()
                raise AssertionError(f"{self.name} ended with {code} instead of saying something\n{self.log()}")
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode()

    def drain(self):
        """Nothing reads the rest of standard output; it must not fill the pipe."""
        def read():
            try:
                while self.process.stdout.read(65536):
                    pass
            except (OSError, ValueError):
                pass
        threading.Thread(target=read, daemon=True).start()

    def log(self, last=40):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-last:])

    @property
    def running(self):
        return self.process.poll() is None

    def memory_bytes(self, of="VmRSS"):
        """What the process has in memory now; with VmHWM: at most so far."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(of + ":"))

    def cpu_s(self):
        """Seconds of CPU that the process has used, user and system."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        """SIGKILL: no farewell."""
        self.expected_end = True
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout=30.0):
        self.expected_end = True
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout} s\n{self.log()}") from None

    def ask_to_end(self):
        """The first SIGTERM, if it still runs; finish() waits for what comes of it."""
        if self.running and not self.asked_to_end:
            self.asked_to_end = True
            self.process.terminate()

    def finish(self):
        """Ends it, whatever it does; returns what was wrong with its end, or None."""
        wrong = None
        self.ask_to_end()
        for last in (False, True):
            try:
                self.process.wait(END)
                break
            except subprocess.TimeoutExpired:
                wrong = f"{self.name} did not end within {2 * END if last else END} s of SIGTERM{', or of a second' * last}"
                self.process.kill() if last else self.process.terminate()
        code = self.process.wait()
        if self.asked_to_end and code != 0 and not wrong:
            wrong = f"{self.name} ended with {code} after SIGTERM"
        if not self.asked_to_end and not self.expected_end:
            wrong = f"{self.name} ended by itself with {code}"
        for stream in (self.process.stdout, self.process.stdin):
            if stream:
                try:
                    stream.close()
                except OSError:
                    pass
        found = re.search(r"(ERROR: \w+Sanitizer.*|.*runtime error: .*|.*Assertion .* failed.*)", self.log(10000))
        return f"{self.name}: {found.group(1)}" if found else wrong


class Relay(Process):
    """A fault relay (tests/relay) in front of one mesh port. What it calls up goes to the node, down comes from it."""

    def __init__(self, case, name, seed=1, flags=()):
        super().__init__(case, name, [case.binary("relay"), "--seed", str(seed), "--mesh", "127.0.0.1:0", *flags],
                         stdin=True)
        self.address = client.address_of(json.loads(self.line())["mesh"][0])

    def tell(self, command):
        """One command, such as "loss 20"; returns its answer."""
        self.process.stdin.write((command + "\n").encode())
        self.process.stdin.flush()
        answer = json.loads(self.line())
        assert "error" not in answer, f"{self.name}: {command}: {answer['error']}"
        return answer

    def stats(self):
        return self.tell("stats")


class Node(Process):
    """One hedgerow process, or one of another program (tool) that runs as it does."""
    tool = "hedgerow"
    prefix = ()         # what the command stands behind
    has_input = False
    env = None

    def __init__(self, case, name, flags, data=None):
        self.data = data or os.path.join(case.folder, name)
        super().__init__(case, name, [*self.prefix, case.binary(self.tool), "run", *flags, "--data", self.data],
                         stdin=self.has_input, env=self.env)
        self.http = self.https = self.mesh = self.admin = None

    def wait_ready(self, timeout=20.0):
        """Waits for the ready line, and knows the bound addresses after it."""
        ready = json.loads(self.line(timeout))
        equal(ready["ready"], True, f"{self.name}'s ready line")
        self.http, self.mesh, self.admin = (client.address_of(ready[key]) for key in ("http", "mesh", "admin"))
        self.https = client.address_of(ready["https"]) if "https" in ready else None
        self.dns_at = [client.address_of(one) for one in ready.get("dns", ())]
        self.drain()
        return self

    def get(self, path, **options):
        return client.fetch(self.http, path, **options)

    def admin_get(self, path, timeout=5.0):
        return client.fetch(self.admin, path, timeout=timeout)

    def status(self):
        answer = self.admin_get("/status")
        equal(answer.status, 200, f"{self.name}'s /status")
        return answer.json()

    def metrics(self):
        """{name: value}, labels being part of the name."""
        found = {}
        for line in self.admin_get("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def counter(self, name):
        return int(self.metrics()[f"hedgerow_{name}_total"])

    def wait_status(self, condition, what, timeout=30.0):
        last = {}

        def look():
            last.update(self.status())
            return condition(last)
        wait_until(look, lambda: f"{self.name}: {what}; last seen {json.dumps(last)}", timeout)
        return last

    def members(self, status=None):
        """{name: state} as this node sees them."""
        return {member["name"]: member["state"] for member in (status or self.status())["mesh"]["members"]}

    def access_log(self):
        path = os.path.join(self.data, "access.log")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as log:
            return [json.loads(line) for line in log if line.endswith("\n")]

    def wait_access_log(self, lines, timeout=10.0):
        """The access log once it has this many lines: it is written a moment after the answers."""
        wait_until(lambda: len(self.access_log()) >= lines,
                   lambda: f"{self.name}'s access log has {len(self.access_log())} of {lines} lines", timeout)
        return self.access_log()


class Case:
    """What one test has: a folder, origins, authorities, nodes and relays. Ended by run.py. |timers| hold for all its
    nodes, unless one is started with others."""

    def __init__(self, folder, builds, release, timers=None):
        self.folder, self.builds, self.release, self.timers = folder, builds, release, timers or {}
        self.processes, self.origins, self.cleanups = [], [], []
        self.authorities = {}

    def binary(self, tool):
        """The release build's for a test that asks for it, else the last build's (that with sanitizers)."""
        return binary(self.builds[0] if self.release else self.builds[-1], tool)

    def run(self, *words, code=0, timeout=30.0):
        """A command of hedgerow that ends by itself; its exit code must be the given one."""
        done = subprocess.run([self.binary("hedgerow"), *map(str, words)], cwd=self.folder, timeout=timeout, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        assert code is None or done.returncode == code, (
            f"hedgerow {' '.join(map(str, words))} ended with {done.returncode}, not {code}:\n"
            f"{done.stdout}{done.stderr}")
        return done

    def origin(self, **options):
        made = origin.Origin(**options)
        self.origins.append(made)
        return made

    def admit(self, name, zone="eu/fra", authority="authority", flags=()):
        """The node file of a newly admitted node."""
        folder = os.path.join(self.folder, authority)
        if authority not in self.authorities:
            self.run("mesh", "init", folder)
            self.authorities[authority] = folder
        out = os.path.join(self.folder, f"{authority}-{name}.node")
        self.run("mesh", "admit", folder, "--name", name, "--zone", zone, "--out", out, *flags)
        return out

    def timer_words(self, timers=None):
        """The flag that says a node's timers, where there are any to say."""
        timers = {**self.timers, **(timers or {})}
        return ["--timers", ",".join(f"{key}={value}" for key, value in timers.items())] if timers else []

    def node(self, name, origin_url, zone="eu/fra", node_file=None, seeds=(), timers=None, flags=(), relay=None,
             wait=True, kind=Node, data=None):
        """Starts one admitted node on free ports."""
        node_file = node_file or self.admit(name, zone)
        words = ["--origin", origin_url, "--node-file", node_file]
        if "--audit" not in flags:
            words += ["--audit", "0"]       # else chance has the origin asked once more
        for what in ("http", "mesh", "admin"):
            if f"--{what}" not in flags:
                words += [f"--{what}", "127.0.0.1:0"]
        for seed in seeds:
            words += ["--seed", f"{seed[0]}:{seed[1]}"]
        words += self.timer_words(timers)
        if relay:
            words += ["--advertise", "{}:{}".format(*relay.address)]
        started = kind(self, name, words + list(flags), data)
        if wait:
            started.wait_ready()
        return started

    def mesh(self, count, origin_url, zones=ZONES, relays=False, timers=None, flags=(), seed=1):
        """A mesh of count nodes that all see each other and agree on the ring. With relays, each is reached through a
        fault relay of its own (node.relay), which does no harm until it is told to."""
        nodes = []
        for i in range(count):
            zone = zones[i % len(zones)]
            name = f"{zone.split('/')[-1]}-{i + 1}"
            relay = Relay(self, f"relay-{name}", seed + i) if relays else None
            seeds = [nodes[0].relay.address if relays else nodes[0].mesh] if nodes else []
            # The first must be there to be joined through; the others start side by side.
            node = self.node(name, origin_url, zone, seeds=seeds, timers=timers, flags=flags, relay=relay, wait=False)
            node.relay, node.zone = relay, zone
            if not nodes:
                self._ready(node)
            nodes.append(node)
        for node in nodes[1:]:
            self._ready(node)
        self.wait_agreed(nodes)
        return nodes

    @staticmethod
    def _ready(node):
        # A relay learns where its node listens once the node does; until then it holds what comes for it.
        node.wait_ready()
        if node.relay:
            node.relay.tell("target {}:{}".format(*node.mesh))

    @staticmethod
    def wait_agreed(nodes, timeout=30.0):
        """Waits until these nodes see exactly each other alive, all with the same ring that all have a share of."""
        names = {node.name for node in nodes}
        seen = []

        def look():
            seen[:] = [node.status() for node in nodes]
            alive = [{m["name"] for m in status["mesh"]["members"] if m["state"] == "alive"} for status in seen]
            return (all(each == names for each in alive)
                    and len({status["ring"]["epoch"] for status in seen}) == 1
                    and len({status["mesh"]["view_digest"] for status in seen}) == 1
                    and all(status["ring"]["owned_share"] > 0 for status in seen)
                    and abs(sum(status["ring"]["owned_share"] for status in seen) - 1) < 0.001)
        wait_until(look, lambda: "one mesh; last seen " + "; ".join(
            f"{s['node']['name']}: {[(m['name'], m['state']) for m in s['mesh']['members']]} {s['ring']}" for s in seen),
                   timeout, every=0.1)

    def finish(self):
        """Ends everything; returns what was wrong with how things ended."""
        wrong = []
        for cleanup in reversed(self.cleanups):
            cleanup()
        for made in self.origins:
            made.close()
        # All nodes get their signal before any is waited for; relays go last, so that farewells arrive.
        nodes = [process for process in self.processes if not isinstance(process, Relay)]
        for process in nodes:
            process.ask_to_end()
        for process in nodes + [process for process in self.processes if isinstance(process, Relay)]:
            found = process.finish()
            if found:
                wrong.append(found)
        return wrong


def tests_of(module):
    """The module's tests in the order they are written."""
    found = [(name, value) for name, value in vars(module).items()
             if name.startswith("test_") and inspect.isfunction(value)]
    return sorted(found, key=lambda pair: pair[1].__code__.co_firstlineno)

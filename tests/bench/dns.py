#!/usr/bin/python3
"""dns.py - what an answer costs: our node with one thread for DNS beside Debian's knot with one worker and a zone as
large, dnsperf asking both for the same names, in rounds that take turns.

    /usr/bin/python3 tests/bench/dns.py [--rounds 5] [--seconds 3] [--ecs]

needs two cores that do nothing else: the server has one, dnsperf the other. Answers a second, CPU (user and system) of
the server for 1,000,000 answers, and how long a query of our own takes, one at a time beside the load. It ends with 1
when the target was missed.
"""
import argparse
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import servers
import dig  # noqa: E402  (servers.py says where it is)
import harness  # noqa: E402

TARGET = 100_000        # answers a second and core
NAMES = 1000
KNOT = "/usr/sbin/knotd"
DOMAIN, ZONE = "cdn.bench.example", "bench.example"


class Ours:
    name = "hedgerow"

    def __init__(self, case, folder, cores, options):
        self.case, self.folder, self.cores, self.options = case, folder, cores, options

    def start(self):
        shutil.rmtree(self.folder + "/node", ignore_errors=True)
        # As many answers as one asks for, by way of the limits that a node has always.
        words = ["-c", os.path.join(self.folder, "served.json"), "--http", "127.0.0.1:0", "--mesh", "127.0.0.1:0",
                 "--admin", "127.0.0.1:0", "--dns", "127.0.0.1:0", "--dns-domain", DOMAIN, "--dns-zone", ZONE,
                 "--dns-rate", "1000000", "--workers", "1", "--zone", "eu/fra"]
        os.sched_setaffinity(0, {self.cores[0]})
        try:
            node = harness.Node(self.case, "node", words, data=self.folder + "/node")
        finally:
            os.sched_setaffinity(0, {self.cores[1]})
        node.wait_ready(60)
        node.ours = True
        return servers.Running([node], node.dns_at[0][1], 0)


class Knot:
    name = "knot"

    def __init__(self, case, folder, cores, options):
        self.case, self.folder, self.cores, self.options = case, folder, cores, options

    def start(self):
        folder = self.folder + "/knot"
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        port = servers.free_port()
        servers.write(folder, "zone", f"$ORIGIN {ZONE}.\n@ 300 SOA ns hostmaster 1 600 120 86400 60\n@ 300 NS ns\nns A 127.0.0.1\n"
                      + "".join(f"n{i} 60 A 127.0.0.1\n" for i in range(NAMES)))
        config = servers.write(folder, "knot.conf", f"""server:
  listen: 127.0.0.1@{port}
  rundir: {folder}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {folder}
zone:
  - domain: {ZONE}
    file: {folder}/zone
    zonefile-load: whole
""")
        process = harness.Process(self.case, "knot", ["taskset", "-c", str(self.cores[0]), KNOT, "-c", config])
        process.ours = False
        process.drain()
        harness.wait_until(lambda: dig.udp(("127.0.0.1", port), dig.query("n1." + ZONE), timeout=0.2, tries=1), process.log, 30)
        return servers.Running([process], port, 0)


class Sampler:
    """One query at a time, on the generator's core, while dnsperf asks: how long each took."""

    def __init__(self, port, ecs):
        self.address, self.ecs, self.took = ("127.0.0.1", port), ecs, []

    def run(self, seconds):
        end = time.monotonic() + seconds
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.settimeout(1)
            asked.connect(self.address)
            while time.monotonic() < end:
                began = time.perf_counter()
                asked.send(dig.query(f"n{random.randrange(NAMES)}.{ZONE}"))
                asked.recv(2048)
                self.took.append(time.perf_counter() - began)
                time.sleep(0.002)

    def p99_us(self):
        return sorted(self.took)[int(len(self.took) * 0.99)] * 1e6


def cpu_s(running):
    """Seconds that all threads have run, to the nanosecond: of few answers, clock ticks would tell nothing."""
    total = 0
    for pid in running.pids():
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as stat:
                total += int(stat.read().split()[0])
    return total / 1e9


def turn(kind, queries, options):
    running = kind.start()
    try:
        address = ("127.0.0.1", running.port)
        found = dig.ask(address, "n1." + ZONE)
        assert found.rcode == dig.NOERROR and found.addresses(), f"{kind.name} answers {found.message!r}"
        command = ["dnsperf", "-s", "127.0.0.1", "-p", str(running.port), "-d", queries, "-c", "16", "-q", "200", "-T", "1"]
        if options.ecs:
            command += ["-E", "8:" + "00011800c63364"]        # 198.51.100.0/24
        subprocess.run(command + ["-l", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        before, spent = running.cpu(), cpu_s(running)
        load = subprocess.Popen(command + ["-l", str(options.seconds)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        sampler = Sampler(running.port, options.ecs)
        sampler.run(options.seconds)
        said = load.communicate()[0].decode()
        spent = cpu_s(running) - spent
        user, system = (after - old for after, old in zip(running.cpu(), before))
        done = int(re.search(r"Queries completed:\s+(\d+)", said).group(1))
        lost = int(re.search(r"Queries lost:\s+(\d+)", said).group(1))
        codes = re.search(r"Response codes:\s+(.*)", said).group(1)
        assert codes.startswith("NOERROR") and "(100.00%)" in codes, f"{kind.name}: {codes}"
        seconds = float(re.search(r"Run time \(s\):\s+([\d.]+)", said).group(1))
        return {"per_second": done / seconds, "cpu": spent / done * 1e6, "user": user / max(user + system, 0.01),
                "busy": spent / seconds, "lost": lost / max(1, done + lost), "p99": sampler.p99_us()}
    finally:
        wrong = running.stop()
        if wrong:
            raise RuntimeError("; ".join(wrong))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--ecs", action="store_true", help="each query names the viewer's network (RFC 7871)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cores = sorted(os.sched_getaffinity(0))[:2]
    missing = [what for what, there in (("dnsperf", shutil.which("dnsperf")), ("knot", os.path.exists(KNOT))) if not there]
    if len(cores) < 2 or "dnsperf" in missing:
        sys.exit(f"dns.py: two cores and dnsperf are needed; missing: {missing}")
    if missing:
        print(f"skip knot: {KNOT} is not there, Debian's package knot")
    folder = tempfile.mkdtemp(prefix="dns-bench-")
    case = harness.Case(folder, [os.path.join(harness.ROOT, os.environ.get("HEDGEROW_BUILD", ".build"))], True)
    os.sched_setaffinity(0, {cores[1]})
    try:
        servers.write(folder, "served.json", '{"distributions": [{"name": "b", "hosts": ["*.' + ZONE + '"], "origins": '
                      '[{"id": "o", "url": "http://127.0.0.1:9"}]}]}')
        queries = servers.write(folder, "queries", "".join(f"n{random.randrange(NAMES)}.{ZONE} A\n" for _ in range(20000)))
        kinds = [kind(case, folder, cores, options) for kind in (Ours, Knot) if kind is Ours or not missing]
        load, seen = os.getloadavg()[0], {kind.name: [] for kind in kinds}
        for number in range(options.rounds):
            for kind in kinds if number % 2 == 0 else kinds[::-1]:
                seen[kind.name].append(turn(kind, queries, options))
    finally:
        case.finish()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{options.rounds} rounds of {options.seconds} s; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    print("| server | answers/s | of a core | answers/s and core | CPU-s / 1,000,000 | of it user | lost | p99 us |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    middle = {name: {key: statistics.median(one[key] for one in all_of) for key in all_of[0]} for name, all_of in seen.items()}
    for name, m in middle.items():
        print(f"| {name} | {m['per_second']:,.0f} | {m['busy']:.0%} | {1e6 / m['cpu']:,.0f} | {m['cpu']:.2f} | {m['user']:.0%} | "
              f"{m['lost']:.3%} | {m['p99']:,.0f} |")
    ours = 1e6 / middle["hedgerow"]["cpu"]
    good = ours >= TARGET
    print(f"\nrow L2  answers a second and core: {ours:,.0f}, target >= {TARGET:,}: {'pass' if good else 'MISS'}")
    if "knot" in middle:
        ratio = statistics.median(a["cpu"] / b["cpu"] for a, b in zip(seen["hedgerow"], seen["knot"]))
        print(f"        CPU per answer / knot's: {ratio:.2f}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

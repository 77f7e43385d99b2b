#!/usr/bin/python3
"""disk.py - what a real node takes with much in it: how soon it is ready with a million objects on its disk, and how much
memory it has under load of many sizes. Prints medians with pass or MISS.

    /usr/bin/python3 tests/bench/disk.py [start|rss] [ROUNDS]      both, 3 rounds by default; HEDGEROW_BUILD (.build)

start: bench_store makes the files (about 600 MB in the temporary folder), the kernel forgets their pages before each
start, and the time is from the start of the process to the line that says it is ready. rss: six loads at once, of 300
bytes to 1 MiB, of more than memory holds, alone and with a disk; the most that the node ever had.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mesh"))
import client  # noqa: E402
import harness  # noqa: E402

MEBI = 1 << 20
THINGS, START_S = 1000000, 2.0
MEMORY = 64 * MEBI
RSS_MAX = MEMORY * 105 // 100 + 30 * MEBI
SIZES = {300: 150000, 1024: 60000, 4096: 15000, 20000: 3000, 100000: 600, MEBI: 100}     # and of how many things
LOAD_S = 15


def verdict(good):
    return "pass" if good else "MISS"


def forget_pages(folder):
    for name in os.listdir(folder):
        descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def starts(case, build, rounds):
    data = os.path.join(case.folder, "million")
    os.makedirs(data)
    said = json.loads(subprocess.run([f"{build}/tests/bench_store", data, str(THINGS)], stdout=subprocess.PIPE, check=True).stdout)
    print(f"store: {said['things']:,} objects known again in {said['recovered_s']} s, {said['cpu_s']} of CPU "
          f"(<= {said['target_s']}) {said['is']}; load average {os.getloadavg()[0]:.1f}")
    file, took, cpu = case.admit("million"), [], []
    for _ in range(rounds):
        forget_pages(os.path.join(data, "store"))
        began = time.monotonic()
        node = case.node("million", "http://127.0.0.1:9", node_file=file, data=data,
                         flags=["--disk", str(said["limit"]), "--memory", "64MiB"])
        took.append(time.monotonic() - began)
        cpu.append(node.cpu_s())
        harness.equal(node.status()["cache"]["disk_objects"], THINGS, "objects on the disk")
        node.kill()
    middle = statistics.median(took)
    print(f"node: ready with {THINGS:,} objects on its disk in {middle:.2f} s, {max(took):.2f} at the most, "
          f"{statistics.median(cpu):.2f} of CPU (<= {START_S}) "
          f"{verdict(middle <= START_S)}")
    shutil.rmtree(data)
    return middle <= START_S


def load_all(build, port, seed):
    """The six loads; what any of them found wrong."""
    words = [f"{build}/tests/load", "--to", str(port), "--seconds", str(LOAD_S), "--connections", "16", "--seed", str(seed)]
    running = [subprocess.Popen(words + ["--path", f"/{size}/s", "--bytes", str(size), "--targets", str(count)],
                                stdout=subprocess.PIPE) for size, count in SIZES.items()]
    return [said for said in (json.loads(each.communicate()[0]) for each in running) if said["wrong"]]


def memory(case, build, rounds):
    good = True
    for name, flags in (("alone", []), ("disk", ["--disk", "1GiB"])):
        peaks = []
        for turn in range(rounds):
            origin = harness.Process(case, "origin", [f"{build}/tests/ceiling"])
            port = client.address_of(json.loads(origin.line())["http"])[1]
            origin.drain()
            node = case.node(f"{name}{turn}", f"http://127.0.0.1:{port}", flags=[
                "--memory", str(MEMORY), "--viewers-per-address", "500", "--access-log", "/dev/null", *flags])
            wrong = load_all(build, node.http[1], turn)
            assert not wrong, wrong
            cache = node.status()["cache"]
            assert cache["memory_bytes"] > MEMORY * 9 // 10, "the cache has not filled up"
            peaks.append((node.memory_bytes("VmHWM"), cache["evictions"]))
            node.kill()
            origin.kill()
        peak, evictions = statistics.median(each for each, _ in peaks), statistics.median(each for _, each in peaks)
        print(f"rss, {name}: {peak / MEBI:.1f} MiB at the most with --memory 64MiB, after {evictions:,.0f} evictions "
              f"(<= {RSS_MAX / MEBI:.1f}) {verdict(peak <= RSS_MAX)}", flush=True)
        good &= peak <= RSS_MAX
    return good


def main():
    words = sys.argv[1:]
    rounds = next((int(word) for word in words if word.isdigit()), 3)
    build = os.path.join(harness.ROOT, os.environ.get("HEDGEROW_BUILD", ".build"))
    folder = tempfile.mkdtemp(prefix="disk-")
    case, good = harness.Case(folder, [build], True), True
    try:
        if "rss" not in words:
            good &= starts(case, build, rounds)
        if "start" not in words:
            good &= memory(case, build, rounds)
    finally:
        case.finish()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

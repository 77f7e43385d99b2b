"""The disk tier (--disk): what is cached outlives the process, however that ended, and a disk that fails, is full or slow
costs no viewer more than a miss."""
import os
import random
import signal
import stat
import subprocess
import threading
import time

import bodies
import client
from harness import Node, Skip, equal, needs, quick, soak, wait_until

SIZE = 20000


def target_of(i, size=SIZE):
    return f"/bytes/{size}?seed=d{i}"


def get(node, i, size=SIZE):
    """Fetches thing |i|, compares it with what the origin has, and says where it came from."""
    answer = client.fetch(node.http, target_of(i, size), timeout=30)
    equal(answer.status, 200, f"thing {i}")
    assert answer.body == bodies.body(size, f"d{i}"), f"thing {i} is not what the origin has"
    return answer.get("X-Cache").split()[0]


class Lone:
    """One node with a disk that can be ended and started again on the same data."""

    def __init__(self, case, origin, disk="64MiB", memory="4MiB", flags=()):
        self.case, self.origin = case, origin
        self.flags = ["--disk", disk, "--memory", memory, *flags]
        self.file = case.admit("fra-1")
        self.data = os.path.join(case.folder, "data-1")

    def start(self, wait=True, flags=()):
        self.node = self.case.node("fra-1", self.origin.url, node_file=self.file, data=self.data,
                                   flags=[*self.flags, *flags], wait=wait)
        return self.node

    def stop(self):
        self.node.signal(signal.SIGTERM)
        equal(self.node.wait_exit(20), 0, "exit code")

    def store(self):
        return os.path.join(self.data, "store")

    def segments(self):
        return sorted(name for name in os.listdir(self.store()) if name.startswith("seg-"))


def written(node):
    """Waits until all that is to be written was, and says how many things that are."""
    last = [-1, -1]

    def quiet():
        last.append(int(node.counter("disk_written_bytes")))
        return last[-1] == last[-2] == last[-3] and node.status()["cache"]["disk_pending"] == 0
    wait_until(quiet, "the disk is quiet", every=0.1)
    return node.status()["cache"]["disk_objects"]


def on_disk(node):
    """How many things are there, those that are on their way not counted."""
    cache = node.status()["cache"]
    return cache["disk_objects"] - cache["disk_pending"]


@needs("hedgerow")
def test_rob_RS1_a_restart_is_warm(case):
    """RS1: after a clean restart what was in memory and on the disk is hit as before, without the origin; hits from the disk
    say so, and are hits of memory from then on."""
    origin = case.origin()
    lone = Lone(case, origin)
    node = lone.start()
    for i in range(400):                # 8 MB through 4 MiB of memory
        get(node, i)
        if i % 4 == 0:
            equal(get(node, i), "Hit", f"thing {i} again")
    order = [random.Random(7).randrange(400) for _ in range(400)]
    before = sum(get(node, i) == "Hit" for i in order) / len(order)
    lone.stop()
    node = lone.start()
    after = sum(get(node, i) == "Hit" for i in order) / len(order)
    assert after >= before - 0.02, f"{after} of requests hit after the restart, {before} before"
    assert before > 0.3, f"only {before} of requests were hits at all"
    lone.stop()
    node, asked = lone.start(), origin.total
    answer = client.fetch(node.http, target_of(order[-1]))
    assert "hit" in answer.get("Cache-Status") and "detail=disk" in answer.get("Cache-Status"), answer.get("Cache-Status")
    answer = client.fetch(node.http, target_of(order[-1]))
    assert "hit" in answer.get("Cache-Status") and "disk" not in answer.get("Cache-Status"), answer.get("Cache-Status")
    equal(origin.total, asked, "requests at the origin")
    assert node.counter("disk_hits") == 1


@needs("hedgerow")
def test_a_lone_node_knows_its_things_again(case):
    """A node that runs alone draws a new identity at each start, and finds what it kept all the same."""
    origin = case.origin()
    flags = ["--origin", origin.url, "--http", "127.0.0.1:0", "--mesh", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--disk",
             "64MiB"]
    data = os.path.join(case.folder, "alone")
    node = Node(case, "alone", flags, data).wait_ready()
    get(node, 1)
    node.signal(signal.SIGTERM)
    equal(node.wait_exit(20), 0, "exit code")
    node = Node(case, "alone", flags, data).wait_ready()
    equal(get(node, 1), "Hit", "after a restart")


@needs("hedgerow", timeout=900)
def test_rob_K2_a_kill_at_any_time_loses_nothing_written(case):
    """K2: kill -9 under load, again and again: each time the node opens, every hit is what the origin has, and 99 % of what
    was on the disk, not on its way there, still is. Ten kills; a hundred in the long form."""
    origin = case.origin()
    lone = Lone(case, origin)
    rng, kept = random.Random(11), 0
    for turn in range(100 if soak() else 10):
        began = time.monotonic()
        node = lone.start()
        quick(time.monotonic() - began, 5, "a start")
        if turn > 0:
            found = node.status()["cache"]["disk_objects"]
            assert found >= 0.99 * kept, f"{found} things after kill {turn}, {kept} before"
            hits = sum(get(node, i) == "Hit" for i in range(0, 300, 7))
            assert hits > 20, f"{hits} hits of 43"
            equal(node.status()["cache"]["store_corrupt"], 0, "damaged things")
        stopped = threading.Event()

        def load(seed):
            own = random.Random(seed)
            while not stopped.is_set():
                try:
                    get(node, own.randrange(300) if own.randrange(3) else own.randrange(3000))
                except (OSError, client.Broken, AssertionError):
                    return
        threads = [threading.Thread(target=load, args=(turn * 10 + i,), daemon=True) for i in range(4)]
        for thread in threads:
            thread.start()
        if turn == 0:
            wait_until(lambda: on_disk(node) > 300, lambda: f"enough is on the disk: {on_disk(node)}", 120)
        time.sleep(rng.uniform(0.05, 0.6))
        kept = on_disk(node)
        stopped.set() if turn % 2 else None
        node.kill()
        stopped.set()
        for thread in threads:
            thread.join()


@needs("hedgerow", release=True)
def test_rob_K2_feat_C15_a_body_larger_than_memory_outlives_a_kill(case):
    """K2, C15, R16: 64 MiB through a node that has 16: asked for twice they lie on the disk, and after kill -9 the whole and
    ranges of it come from there, not from the origin, while the node grows by no more than a window."""
    size, origin = 64 << 20, case.origin()
    lone = Lone(case, origin, disk="256MiB", memory="16MiB")
    node = lone.start()

    def fetch(first=0, last=size - 1):
        check = bodies.Checker(last + 1, "d0", start=first)
        headers = [("Range", f"bytes={first}-{last}")] if last + 1 - first < size else []
        answer = client.fetch(node.http, target_of(0, size), headers=headers, timeout=60, on_body=check.feed)
        equal(answer.status, 206 if headers else 200, "status")
        check.end()
        return answer.get("X-Cache").split()[0]
    equal([fetch(), fetch()], ["Miss", "Miss"], "the first two")
    wait_until(lambda: written(node) > 128, "all of it is written")
    node.kill()
    node, asked = lone.start(), origin.total
    before, read = node.memory_bytes(), node.counter("disk_read_bytes")
    equal([fetch(40 << 20, (41 << 20) - 1), fetch(size - 10)], ["Hit", "Hit"], "ranges")
    assert node.counter("disk_read_bytes") - read < 4 << 20, "ranges cost more than the pieces they touch"
    equal([fetch(), fetch()], ["Hit", "Hit"], "the whole after a kill")
    equal(origin.total, asked, "requests at the origin")
    assert node.memory_bytes() - before < 16 << 20, f"grew from {before} to {node.memory_bytes()}"


@needs("hedgerow")
def test_what_was_dropped_stays_dropped(case):
    """A URL that a POST has changed is not served from the disk after a kill; nor is what it was before it was replaced."""
    origin = case.origin()
    lone = Lone(case, origin)
    node = lone.start()
    for i in range(20):
        get(node, i)
        get(node, i)
    written(node)
    for i in range(10):
        equal(client.fetch(node.http, target_of(i), method="POST", headers=[("Content-Length", "0")]).status, 200, "POST")
    wait_until(lambda: written(node) == 10, "the drops")
    node.kill()
    node, asked = lone.start(), origin.total
    for i in range(10):
        equal(get(node, i), "Miss", f"dropped thing {i}")
    for i in range(10, 20):
        equal(get(node, i), "Hit", f"thing {i}")
    equal(origin.total, asked + 10, "requests at the origin")


@needs("hedgerow")
def test_rob_F1_no_byte_of_a_request_is_in_a_name(case):
    """F1: the store's directory is ours alone, its files are numbered, and nothing that was asked for is in a name; a link
    in its place is not followed."""
    origin = case.origin()
    lone = Lone(case, origin)
    node = lone.start()
    for path in ("/bytes/10?seed=..%2f..%2fetc", "/bytes/10?seed=passwd", "/bytes/10?seed=%2e%2e"):
        for _ in range(2):
            equal(client.fetch(node.http, path).status, 200, path)
    written(node)
    equal(stat.S_IMODE(os.stat(lone.store()).st_mode), 0o700, "mode of the directory")
    for name in os.listdir(lone.store()):
        assert name == "format" or (name.startswith("seg-") and len(name) == 12), name
        equal(stat.S_IMODE(os.stat(os.path.join(lone.store(), name)).st_mode), 0o600, f"mode of {name}")
    lone.stop()
    os.rename(lone.store(), os.path.join(case.folder, "elsewhere"))
    os.symlink(os.path.join(case.folder, "elsewhere"), lone.store())
    node = lone.start(wait=False)
    equal(node.wait_exit(10), 78, "exit code with a link in the store's place")
    assert "store" in node.log() and "move away what is there" in node.log(), node.log()


@needs("hedgerow")
def test_rob_F2_damaged_segments_are_misses(case):
    """F2: bytes turned and cut in the segments at rest: what lay there is a miss and counted, never served; the rest is
    hit."""
    origin = case.origin()
    lone = Lone(case, origin)
    node = lone.start()
    for i in range(200):
        get(node, i)
        get(node, i)
    lone.stop()
    rng = random.Random(5)
    for name in lone.segments():
        path = os.path.join(lone.store(), name)
        with open(path, "r+b") as file:
            size = os.path.getsize(path)
            for _ in range(8):
                at = rng.randrange(64, max(65, min(size, 900000)))
                file.seek(at)
                byte = file.read(1)
                file.seek(at)
                file.write(bytes([byte[0] ^ 0x40]) if byte else b"")
    os.truncate(os.path.join(lone.store(), lone.segments()[-1]), 300000)
    node = lone.start()
    results = [get(node, i) for i in range(200)]        # compares each body
    assert results.count("Miss") >= 5 and results.count("Hit") >= 50, results
    assert node.status()["cache"]["store_corrupt"] > 0
    equal(client.fetch(node.http, "/bytes/10?seed=lives").status, 200, "a request")


@needs("hedgerow")
def test_rob_DK4_a_directory_that_cannot_be_used_is_told(case):
    """DK4: the store's directory read-only, of another user, a file, of a later version, damaged: exit 78 with the path and
    what to do; --disk-wipe begins anew."""
    origin = case.origin()
    lone = Lone(case, origin)
    node = lone.start()
    get(node, 1)
    get(node, 1)
    lone.stop()
    form = os.path.join(lone.store(), "format")
    with open(form, encoding="ascii") as file:
        text = file.read()

    def refused(*words):
        failed = lone.start(wait=False)
        equal(failed.wait_exit(10), 78, f"exit code: {words}")
        for word in (lone.store(), *words):
            assert word in failed.log(), f"{word!r} is not in {failed.log()}"

    with open(form, "w", encoding="ascii") as file:
        file.write(text.replace("hedgerow-store 1", "hedgerow-store 2"))
    refused("a later version of hedgerow", "--disk-wipe")
    with open(form, "w", encoding="ascii") as file:
        file.write(text.replace("hedgerow-store 1", "hedgerow-store 0"))
    refused("an earlier version of hedgerow", "--disk-wipe")
    with open(form, "w", encoding="ascii") as file:
        file.write("what?")
    refused("damaged", "--disk-wipe")
    node = lone.start(flags=["--disk-wipe"])
    equal(get(node, 1), "Miss", "after --disk-wipe")
    lone.stop()
    equal(get(lone.start(), 1), "Hit", "after another start")
    lone.stop()
    if os.geteuid() == 0:
        os.chown(lone.store(), 12345, 12345)
        refused("belongs to another user", "chown")
        os.chown(lone.store(), 0, 0)
    os.rename(lone.store(), os.path.join(case.folder, "away"))
    with open(lone.store(), "w", encoding="ascii"):
        pass
    refused("move away what is there")


class Mount:
    """A small file system of its own; needs root."""

    def __init__(self, case, folder, size):
        os.makedirs(folder)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=False,
                          stderr=subprocess.DEVNULL).returncode != 0:
            raise Skip("no file system can be mounted here: it takes root")
        case.cleanups.append(lambda: subprocess.run(["umount", "-l", folder], check=False))


@needs("hedgerow")
def test_rob_DK1_a_full_disk_is_lived_with(case):
    """DK1: a file system of 4 MiB under --disk 64MiB: requests are answered as ever, the alarm says what to do, what fits is
    kept, and the node goes on like that; a restart opens what there is."""
    origin = case.origin()
    lone = Lone(case, origin, memory="1MiB")
    Mount(case, lone.data, "4m")
    node = lone.start()
    for i in range(400):
        get(node, i)
        get(node, i)
        if i % 100 == 0:
            time.sleep(0.2)
    status = node.wait_status(lambda s: any(a["name"] == "disk_failing" for a in s["alarms"]), "the alarm")
    assert any("make room" in a["text"] for a in status["alarms"]), status["alarms"]
    equal(node.admin_get("/readyz").status, 200, "ready")
    time.sleep(2.2)
    for i in range(400, 500):
        get(node, i)
        get(node, i)
        time.sleep(0.01)
    assert written(node) > 20, "nothing is kept"
    lone.stop()
    node = lone.start()
    equal(sum(get(node, i) == "Hit" for i in range(500)) > 20, True, "hits after a restart")


class Faults:
    """strace on a running node, which has the system calls that |calls| names do what |inject| says."""

    def __init__(self, case, node, calls, *inject):
        words = ["strace", "-f", "-p", str(node.process.pid), "-o", "/dev/null", "-e", "signal=none", "-e", f"trace={calls}"]
        for what in inject:
            words += ["-e", f"inject={what}"]
        self.strace = subprocess.Popen(words, stderr=subprocess.PIPE)
        line = self.strace.stderr.readline().decode()
        if "attached" not in line:
            self.strace.kill()
            raise Skip(f"strace cannot attach here: {line.strip()}")
        case.cleanups.append(self.end)

    def end(self):
        self.strace.terminate()
        self.strace.wait()


@needs("hedgerow", release=True)
def test_rob_K2_a_kill_costs_no_more_than_what_was_pending(case):
    """K2: each write takes five seconds, and the node is killed when it has much to write: what it said was on its way is
    all that is gone, and what it had written before is all there."""
    origin = case.origin()
    lone = Lone(case, origin, memory="32MiB")
    node = lone.start()
    for i in range(60):
        get(node, i)
        get(node, i)
    before = written(node)
    assert before >= 60, f"{before} things are written"
    Faults(case, node, "pwrite64", "pwrite64:delay_enter=5000000")
    for i in range(60, 160):
        get(node, i)
        get(node, i)
    cache = node.status()["cache"]
    node.kill()
    node = lone.start()
    found = node.status()["cache"]["disk_objects"]
    assert cache["disk_pending"] > 0, f"nothing is on its way: {cache}"
    assert cache["disk_objects"] - cache["disk_pending"] <= found < cache["disk_objects"], f"{found} things of {cache}"
    equal([get(node, i) for i in range(60)], ["Hit"] * 60, "what was written before")


@needs("hedgerow", release=True)
def test_rob_DK2_a_sync_that_fails_costs_its_segment(case):
    """DK2: each fdatasync fails: the segments are given up, the alarm is on, and viewers do not notice."""
    origin = case.origin()
    lone = Lone(case, origin, memory="1MiB")
    node = lone.start()
    Faults(case, node, "fdatasync", "fdatasync:error=EIO")
    for i in range(100):
        get(node, i)
        get(node, i)
    wait_until(lambda: node.counter("disk_abandoned") > 0, "a segment is given up", timeout=20)
    assert any(a["name"] == "disk_failing" for a in node.status()["alarms"])
    for i in range(100):
        get(node, i)


@needs("hedgerow", release=True)
def test_rob_DK2_a_read_that_fails_is_a_miss(case):
    """DK2: each read of a segment fails once the node is up: what was there is fetched from the origin."""
    origin = case.origin()
    lone = Lone(case, origin)
    node = lone.start()
    for i in range(60):
        get(node, i)
        get(node, i)
    lone.stop()
    node = lone.start()
    Faults(case, node, "pread64", "pread64:error=EIO")
    results = [get(node, i) for i in range(60)]
    equal(results, ["Miss"] * 60, "results")
    assert node.counter("disk_failures") == 60


@needs("hedgerow", release=True, alone=True)
def test_rob_DK3_a_slow_disk_holds_nobody_up(case):
    """DK3: each read of the disk takes four seconds and each write three: hits of memory are answered at once, and what is
    on the disk comes from the origin after half a second."""
    origin = case.origin()
    lone = Lone(case, origin)
    node = lone.start()
    for i in range(60):
        get(node, i)
        get(node, i)
    lone.stop()
    node = lone.start()
    Faults(case, node, "pread64,pwrite64", "pread64:delay_enter=4000000", "pwrite64:delay_enter=3000000")
    get(node, 1000)
    get(node, 1000)
    threads = [threading.Thread(target=get, args=(node, i)) for i in range(20)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    worst = 0
    while any(thread.is_alive() for thread in threads):
        before = time.monotonic()
        equal(get(node, 1000), "Hit", "a hit of memory")
        worst = max(worst, time.monotonic() - before)
    took = time.monotonic() - began
    assert node.counter("disk_late") > 5
    quick(worst, 1, "a hit of memory")
    quick(took, 4, "all of them")

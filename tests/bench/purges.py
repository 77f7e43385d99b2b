#!/usr/bin/python3
"""purges.py - what hits cost while 10,000 URLs a second are purged: two nodes on loopback, hits at one of them, the purges
called for at the other, a thousand URLs an order. Prints the hits' 99th percentile without purges and with them, how many
were purged, and pass or MISS: with purges less than twice as long, none lost.

    /usr/bin/python3 tests/bench/purges.py [SECONDS]       60 by default; HEDGEROW_BUILD (.build)
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mesh"))
import harness  # noqa: E402
import test_purge  # noqa: E402

RATE, EACH = 10_000, 1000


def hits(build, node, seconds):
    """99th percentile of hits, in microseconds, of four connections."""
    done = subprocess.run([os.path.join(build, "tests", "load"), "--to", str(node.http[1]), "--path", "/bytes/1024?cc=max-age=6000&n=",
                           "--targets", "64", "--bytes", "1024", "--connections", "4", "--seconds", str(seconds)],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


class Purger(threading.Thread):
    def __init__(self, node):
        super().__init__(daemon=True)
        self.node, self.sent, self.refused, self.late, self.stopped = node, 0, 0, 0.0, False

    def run(self):
        began = time.monotonic()
        while not self.stopped:
            wait = began + self.sent / RATE - time.monotonic()
            self.late = max(self.late, -wait)
            time.sleep(max(wait, 0))
            order = {"urls": [f"/purged/{self.sent + i}" for i in range(EACH)]}
            self.refused += test_purge.post(self.node, order)[0] != 202
            self.sent += EACH


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    build = os.path.abspath(os.environ.get("HEDGEROW_BUILD", ".build"))
    folder = tempfile.mkdtemp(prefix="hedgerow-purges-")
    case = harness.Case(folder, [build], True)
    try:
        caller, node = case.mesh(2, case.origin().url, flags=("--workers", "1"))
        hits(build, node, 1)
        before = hits(build, node, min(seconds, 10))
        purger = Purger(caller)
        began = time.monotonic()
        purger.start()
        during = hits(build, node, seconds)
        purger.stopped = True
        purger.join()
        rate = purger.sent / (time.monotonic() - began)
        last = [one["id"] for one in caller.admin_get("/purge").json()["purges"]][0]
        harness.wait_until(lambda: caller.admin_get("/purge/" + last).json()["complete"], "the last one is complete")
    finally:
        wrong = case.finish()
        shutil.rmtree(folder, ignore_errors=True)
    good = not during["wrong"] and during["p99_us"] < 2 * before["p99_us"] and rate >= RATE * 0.99 and not purger.refused
    print(f"row I9  {purger.sent} URLs purged in {seconds} s, {rate:.0f} a second, {purger.refused} orders refused")
    print(f"row I9  hits' p99: {before['p99_us']} us without, {during['p99_us']} us with them; "
          f"{before['per_second']:.0f} and {during['per_second']:.0f} hits a second   target < 2 times, 10,000 a second  "
          f"{'pass' if good else 'MISS'}")
    for what in wrong:
        print(what)
    sys.stdout.flush()
    os._exit(0 if good and not wrong else 1)


if __name__ == "__main__":
    main()

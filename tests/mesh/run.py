#!/usr/bin/python3
"""run.py - runs the tests of real processes, a few at a time, each in a process and a folder of its own.

    /usr/bin/python3 tests/mesh/run.py                    all
    /usr/bin/python3 tests/mesh/run.py -k counts          those with "counts" in their name
    /usr/bin/python3 tests/mesh/run.py -k counts --keep   and keep their folders
    /usr/bin/python3 tests/mesh/run.py --tests tests/media    those of another folder

One line a test: "ok NAME (seconds)", "FAIL NAME" behind what it said, or "skip NAME: reason"; then a summary. The
binaries are those of HEDGEROW_BUILD (.build). With two builds, --builds RELEASE,SANITIZED, tests that measure time or
move much use the first and the others the second. What failing tests leave is in BUILD/mesh-logs/NAME.
"""
import argparse
import concurrent.futures
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import harness  # noqa: E402

SKIPPED = 77
TURNS = 3       # how often a test is run that finds nothing wrong but how long something took (harness.Slow)


class Test:
    def __init__(self, layer, module, function):
        self.module, self.function = module, function
        self.name = f"{layer}/{module}.{function.__name__[5:]}"
        need = getattr(function, "needs", {"tools": (), "release": False, "alone": False, "timeout": 60, "patient": True})
        self.tools, self.release, self.alone, self.timeout, self.patient = (
            need[k] for k in ("tools", "release", "alone", "timeout", "patient"))
        if harness.soak():
            self.timeout *= 5


def find(folder, pattern):
    """The tests of a folder; they are named after it."""
    found, layer = [], os.path.basename(folder)
    sys.path[1:1] = [folder, os.path.dirname(folder)] if folder != HERE else []
    for file in sorted(os.listdir(folder)):
        if file.startswith("test_") and file.endswith(".py"):
            module = importlib.import_module(file[:-3])
            found += [Test(layer, file[5:-3], function) for _, function in harness.tests_of(module)]
    return [test for test in found if pattern in test.name]


def run_once(test, folder, builds):
    """Returns the exit code, and whether all that was wrong is how long something took."""
    case = harness.Case(folder, builds, test.release, harness.PATIENT if test.patient else None)
    code, slow = 0, False
    try:
        test.function(case)
    except harness.Skip as reason:
        print(reason)
        code = SKIPPED
    except BaseException as error:
        traceback.print_exc()
        code, slow = 1, isinstance(error, harness.Slow)
    for wrong in case.finish():
        print(f"At the end: {wrong}")
        code, slow = code or 1, False
    sys.stdout.flush()
    return code, slow


def run_here(test, folder, builds):
    """In the test's own process: runs it, says what went wrong, returns the exit code."""
    for turn in range(TURNS):
        place = os.path.join(folder, f"turn-{turn + 1}")
        os.mkdir(place)
        code, slow = run_once(test, place, builds)
        if not slow:
            break
    # Threads of the origin may still wait for somebody; nothing of theirs matters now.
    os._exit(code)


def keep_logs(test, folder, builds):
    """Moves what explains a failure to the build, and returns where that is."""
    layer, _, name = test.name.partition("/")
    place = os.path.join(builds[0], f"{layer}-logs", name)
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for where, _, files in os.walk(folder):
        for file in files:
            if file.endswith(".log"):
                shutil.copy(os.path.join(where, file),
                            os.path.join(place, os.path.relpath(os.path.join(where, file), folder).replace("/", "-")))
    return place


class Runner:
    def __init__(self, folder, builds, keep):
        self.tests, self.builds, self.keep = folder, builds, keep
        self.lock = threading.Lock()
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0}

    def say(self, word, text, before=""):
        with self.lock:
            self.counts[word] += 1
            if before:
                print("\n".join("    " + line for line in before.rstrip().splitlines()))
            print(f"{word} {text}", flush=True)

    def run(self, test):
        build = self.builds[0] if test.release else self.builds[-1]
        for tool in test.tools:
            if not os.access(harness.binary(build, tool), os.X_OK):
                name = "hedgerow" if tool == "hedgerow" else f"hedgerow-{tool}"
                self.say("skip", f"{test.name}: no {name} binary in {os.path.relpath(build)}")
                return
        folder = tempfile.mkdtemp(prefix="hedgerow-mesh-")
        began = time.monotonic()
        try:
            code, output = self.in_process(test, folder)
            took = f"({time.monotonic() - began:.1f} s)"
            if code == 0:
                self.say("ok", f"{test.name} {took}", output if harness.soak() else "")
            elif code == SKIPPED:
                self.say("skip", f"{test.name}: {output.strip().splitlines()[-1] if output.strip() else 'not here'}")
            else:
                place = keep_logs(test, folder, self.builds)
                self.say("FAIL", f"{test.name} {took}", f"{output}\nlogs: {place}")
        finally:
            if self.keep:
                print(f"    kept: {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def in_process(self, test, folder):
        output = os.path.join(folder, "test.log")
        with open(output, "wb") as log:
            child = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), "--tests", self.tests, "--one", test.name, "--folder",
                 folder, "--builds", ",".join(self.builds)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
            try:
                code = child.wait(TURNS * test.timeout)
            except subprocess.TimeoutExpired:
                code = 1
                log.write(f"\nstill running after {TURNS} times {test.timeout} s\n".encode())
            finally:
                # The test's nodes are in its group; none outlives it, whatever happened.
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                child.wait()
        with open(output, encoding="utf-8", errors="replace") as log:
            return code, log.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", metavar="TEXT", default="", help="only tests with TEXT in their name")
    parser.add_argument("-j", metavar="N", type=int, default=3, help="how many at a time (3, and no more)")
    parser.add_argument("--builds", default=os.environ.get("HEDGEROW_BUILD", ".build"), help="RELEASE[,SANITIZED]")
    parser.add_argument("--soak", action="store_true", help="the long form of tests that have one, and what they tell")
    parser.add_argument("--keep", action="store_true", help="keep the tests' folders")
    parser.add_argument("--tests", metavar="DIR", default=HERE, help="whose test_*.py (tests/mesh)")
    parser.add_argument("--list", action="store_true", help="list the tests and what each proves")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.soak:
        os.environ["HEDGEROW_SOAK"] = "1"
    builds = [os.path.abspath(build) for build in options.builds.split(",")]
    tests = find(os.path.abspath(options.tests), options.one or options.k)
    if options.one:
        return run_here(next(test for test in tests if test.name == options.one), options.folder, builds)
    if options.list:
        for test in tests:
            print(f"{test.name}\n    {' '.join((test.function.__doc__ or '').split())}")
        return 0
    if not tests:
        print(f"no test has \"{options.k}\" in its name", file=sys.stderr)
        return 2
    runner = Runner(options.tests, builds, options.keep)
    # Longest first, so that the end is not one long test beside nothing.
    side_by_side = sorted((test for test in tests if not test.alone), key=lambda test: -test.timeout)
    with concurrent.futures.ThreadPoolExecutor(max(1, min(options.j, 3))) as pool:
        list(pool.map(runner.run, side_by_side))
    for test in tests:
        if test.alone:
            runner.run(test)
    counts = runner.counts
    layer = os.path.basename(os.path.abspath(options.tests))
    print(f"{layer}: {counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())

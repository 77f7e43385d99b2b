#!/usr/bin/python3
"""run.py - npm's http-cache-tests against real nodes: one alone, and three of one mesh with requests taking turns.

    /usr/bin/python3 tests/conformance/run.py                       both, against what is kept in passes.txt
    /usr/bin/python3 tests/conformance/run.py --only vary-match -v  one test through one node, with what was sent and seen
    /usr/bin/python3 tests/conformance/run.py --record              writes passes.txt and results.md anew

"ok conformance/NODES/SUITE: N of M" for each of the suite's parts, "FAIL conformance/NODES/ID: why" for each test that
is kept as passed and fails now; those that pass unkept are told. The table goes to BUILD/conformance.md, too. With two
builds, --builds RELEASE,SANITIZED, the nodes are of the second.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "mesh")]
import harness  # noqa: E402
import npm      # noqa: E402

RUNS = {"one": 1, "three": 3}
KINDS = ("required", "optimal", "check")
UNCOUNTED = ("surrogate-control",)      # a field of its own, in none of the published figures
HOST = "conformance.test"
MODULES = os.path.join(HERE, "node_modules")
PASSES, RESULTS = os.path.join(HERE, "passes.txt"), os.path.join(HERE, "results.md")
CLIENT_SECONDS = 120


class Server(harness.Process):
    """The suite's own origin, on a free port."""

    def __init__(self, case):
        env = {f"npm_config_{key}": value for key, value in
               {"protocol": "http", "port": "0", "pidfile": os.path.join(case.folder, "suite.pid")}.items()}
        script = os.path.join(MODULES, "http-cache-tests", "server", "server.mjs")
        super().__init__(case, "suite", ["node", script], env=env)
        self.address = ("127.0.0.1", int(re.search(r":(\d+)/$", self.line()).group(1)))
        self.drain()

    def ask_to_end(self):
        if self.running:
            self.kill()


class Broken(Exception):
    """A run that says nothing about any test; its text is why."""


def say(line):
    print(line, flush=True)


class Stage:
    """Nodes that agree, in front of the suite's server, for as long as `with` lasts."""

    def __init__(self, run, builds):
        self.run, self.builds = run, builds

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="hedgerow-conformance-")
        self.case = harness.Case(self.folder, self.builds, release=False, timers=harness.PATIENT)
        try:
            self.server = Server(self.case)
            self.nodes = self.case.mesh(RUNS[self.run], "http://{}:{}".format(*self.server.address),
                                        flags=("--default-ttl", "heuristic", "--methods", "all,M-SEARCH",
                                               "--set-cookie", "keep"))
        except BaseException as error:
            self.close()
            raise Broken(f"no nodes: {error}") from error
        return self

    def client(self, ids=None, dump=False):
        """{id: what it is and how it went} of these tests, or of all."""
        out = os.path.join(self.folder, "results.json")
        options = {"origin": "{}:{}".format(*self.server.address), "host": HOST, "out": out, "dump": dump,
                   "nodes": ["{}:{}".format(*node.http) for node in self.nodes]}
        if ids is not None:
            options["ids"] = sorted(ids)
        try:
            run = subprocess.run(["node", os.path.join(HERE, "client.mjs"), json.dumps(options)], check=False,
                                 stdin=subprocess.DEVNULL, stdout=None if dump else subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=CLIENT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Broken(f"the client still runs after {CLIENT_SECONDS} s") from None
        if run.returncode != 0:
            raise Broken(f"the client ended with {run.returncode}\n{(run.stdout or b'').decode(errors='replace')}")
        with open(out, encoding="utf-8") as file:
            return json.load(file)

    def close(self):
        wrong = self.case.finish()
        shutil.rmtree(self.folder, ignore_errors=True)
        return wrong

    def __exit__(self, kind, error, trace):
        wrong = self.close()
        if wrong and error is None:
            raise Broken("; ".join(wrong))


def failure(results, name):
    """Why a test has not passed, None if it has. As the suite has it: a test whose needs fail counts as failed."""
    test = results[name]
    for need in test["needs"]:
        if failure(results, need):
            return f"needs {need}, which fails"
    if test["result"] is True:
        return None
    kind, message = test["result"]
    return message if kind == "Assertion" else f"{kind}: {message}"


def failures(results):
    return {name: why for name in results if (why := failure(results, name))}


def needed(results, names):
    """These and all that they need."""
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += results[name]["needs"]
    return found


def read_passes():
    """{run: ids kept as passed}."""
    kept = {run: set() for run in RUNS}
    for line in npm.read(PASSES).splitlines() if os.path.exists(PASSES) else ():
        if line and not line.startswith("#"):
            which, name = line.split()
            for run in RUNS:
                if which in (run, "both"):
                    kept[run].add(name)
    return kept


def write_passes(results, passed):
    with open(PASSES, "w", encoding="utf-8") as file:
        file.write("# Tests of http-cache-tests that pass: through one node, through three, through both.\n"
                   "# Written by run.py --record, in the suite's order.\n")
        for name in results["one"]:
            runs = [run for run in RUNS if name in passed[run]]
            if runs:
                file.write(f"{'both' if len(runs) == 2 else runs[0]} {name}\n")


def suites_of(results):
    """{suite: its ids}, in the suite's order."""
    found = {}
    for name, test in results.items():
        found.setdefault(test["suite"], []).append(name)
    return found


def table(results, failed):
    """The conformance table: {run: results}, {run: {id: why}} -> Markdown."""
    lines = ["| | one node | three nodes |", "| --- | --- | --- |"]
    for kind in KINDS + UNCOUNTED:
        names = {run: [name for name, test in results[run].items()
                       if (test["suite"] if kind in UNCOUNTED else test["kind"]) == kind
                       and (kind in UNCOUNTED or test["suite"] not in UNCOUNTED)] for run in RUNS}
        cells = [f"{sum(name not in failed[run] for name in names[run])} of {len(names[run])}" for run in RUNS]
        lines.append(f"| {kind}{' (in no sum)' if kind in UNCOUNTED else ''} | {' | '.join(cells)} |")
    for kind in KINDS:
        lines += ["", f"## Failing: {kind}", ""]
        for suite, names in suites_of(results["one"]).items():
            mine = [name for name in names if results["one"][name]["kind"] == kind
                    and any(name in failed[run] for run in RUNS)]
            if mine:
                lines += [f"**{suite}**", ""]
            for name in mine:
                whys = {run: failed[run].get(name) for run in RUNS}
                first = whys["one"] or whys["three"]
                where = "" if all(whys.values()) else f" ({'one' if whys['one'] else 'three'} only)"
                lines.append(f"- `{name}`{where}: {first.splitlines()[0]}")
            if mine:
                lines.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def tidy(text):
    """Without what differs in each run: a test's UUID, a request's, a date, a port."""
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID", text)
    text = re.sub(r"\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE", text)
    return re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)


def judge(run, stage, kept):
    """Runs all tests of one run, says how each part went; returns the results and the failures."""
    results = stage.client()
    failed = failures(results)
    worse = [name for name in results if name in kept and name in failed]
    if worse:
        # Ages are counted in seconds: a busy machine can make a test miss one. What fails again has failed.
        again = stage.client(needed(results, worse))
        for name in worse:
            if failure({**results, **again}, name) is None:
                say(f"again: conformance/{run}/{name} failed, then passed by itself: {failed.pop(name)}")
    for suite, names in suites_of(results).items():
        if not any(name in kept and name in failed for name in names):
            passed = sum(name not in failed for name in names)
            say(f"ok conformance/{run}/{suite}: {passed} of {len(names)}")
    for name in results:
        if name in kept and name in failed:
            say(f"FAIL conformance/{run}/{name}: {failed[name]}")
    for name in sorted(kept - set(results)):
        say(f"FAIL conformance/{run}/{name}: kept in passes.txt, and the suite has no such test")
    for name in results:
        if name not in kept and name not in failed:
            say(f"better: conformance/{run}/{name} passes and is not kept; record it")
    return results, failed


def run_all(builds):
    """Both runs against what is kept. Returns the exit code."""
    kept, results, failed, code = read_passes(), {}, {}, 0
    for run in RUNS:
        try:
            with Stage(run, builds) as stage:
                results[run], failed[run] = judge(run, stage, kept[run])
            code = code or any(name in failed[run] for name in kept[run]) or bool(kept[run] - set(results[run]))
        except Broken as why:
            say(f"FAIL conformance/{run}: {why}")
            code = 1
    if len(results) == len(RUNS):
        text = tidy(table(results, failed))
        print(text)
        with open(os.path.join(builds[0], "conformance.md"), "w", encoding="utf-8") as file:
            file.write(text)
    return int(code)


def record(builds, rounds):
    """Keeps what passes in each of some rounds, and tells what passes in only some."""
    kept, results, failed = read_passes(), {}, {run: {} for run in RUNS}
    for run in RUNS:
        times = {}
        for number in range(rounds):
            with Stage(run, builds) as stage:
                results[run] = stage.client()
            for name, why in failures(results[run]).items():
                failed[run][name] = why
                times[name] = times.get(name, 0) + 1
            say(f"{run}, round {number + 1} of {rounds}: {len(results[run]) - len(failures(results[run]))} passed")
        for name in results[run]:
            if 0 < times.get(name, 0) < rounds:
                say(f"unsteady: conformance/{run}/{name} failed {times[name]} of {rounds}: {failed[run][name]}")
    passed = {run: {name for name in results[run] if name not in failed[run]} for run in RUNS}
    for run in RUNS:
        for word, names in (("better", passed[run] - kept[run]), ("worse", kept[run] - passed[run])):
            for name in sorted(names):
                say(f"{word}: conformance/{run}/{name}")
    write_passes(results, passed)
    text = ("# What passes\n\nWritten by `run.py --record`: a test passes when it did in each of its rounds.\n\n"
            + tidy(table(results, failed)))
    with open(RESULTS, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


def look(builds, names, runs, verbose):
    """Some tests alone, told from both sides where that is wished."""
    code = 0
    for run in runs:
        with Stage(run, builds) as stage:
            results = stage.client(names, dump=verbose)
        for name in names:
            test = results.get(name, {"result": ["Unknown", "the suite has no such test"], "kind": "no", "needs": []})
            result, needs = test["result"], ", ".join(test["needs"])
            say(f"{run} {name} ({test['kind']}{'; needs ' + needs if needs else ''}): "
                + ("passes" if result is True else ": ".join(result)))
            code = code or int(result is not True)
    return code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--builds", default=os.environ.get("HEDGEROW_BUILD", ".build"), help="RELEASE[,SANITIZED]")
    parser.add_argument("--only", metavar="ID", action="append", help="this test alone; repeatable")
    parser.add_argument("-v", dest="verbose", action="store_true", help="with --only: all requests and answers")
    parser.add_argument("--nodes", choices=list(RUNS), default="one", help="with --only: through how many (one)")
    parser.add_argument("--record", action="store_true", help="write passes.txt and results.md anew")
    parser.add_argument("--rounds", type=int, default=3, help="how often --record runs each test (3)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    builds = [os.path.abspath(build) for build in options.builds.split(",")]
    if npm.missing():
        say(f"skip conformance: {npm.missing()}")
        return 0
    wrong = npm.install(HERE)
    if wrong:
        say(f"{wrong}\nFAIL conformance/npm")
        return 1
    try:
        if options.only:
            return look(builds, options.only, [options.nodes], options.verbose)
        return record(builds, options.rounds) if options.record else run_all(builds)
    except Broken as why:
        say(f"FAIL conformance: {why}")
        return 1


if __name__ == "__main__":
    sys.exit(main())

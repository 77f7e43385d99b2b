#!/usr/bin/python3
"""run.py - the reality gate: real nodes on hosts far from each other, and the simulator, are asked the same by the same list of
requests, and must agree: hit ratios within one point, median times within ten per cent.

    /usr/bin/python3 tests/reality/run.py --build .build                          20 nodes, three runs of each scenario
    /usr/bin/python3 tests/reality/run.py --scenario tests/reality/small.scn --runs 1

Needs root. Prints a table for each scenario, its figures the medians of its runs, each with a seed of its own; exit code 1
when one is a MISS, 77 where it cannot run."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "mesh")]
import compare  # noqa: E402
import gate  # noqa: E402
import harness  # noqa: E402

SKIPPED = 77
SCENARIOS = [os.path.join(HERE, name) for name in ("ample.scn", "tight.scn")]


def one(options):
    """In a process of its own: its namespaces and all that runs there go with it."""
    case = harness.Case(options.folder, [options.build], True)
    code = 0
    try:
        print(json.dumps(gate.both(case, options.build, options.scenario[0], options.seed)))
    except harness.Skip as reason:
        print(reason)
        code = SKIPPED
    finally:
        wrong = case.finish()
    for text in wrong:
        print(f"at the end: {text}", file=sys.stderr)
    sys.stdout.flush()
    os._exit(code or (1 if wrong else 0))


def runs_of(options, scenario):
    found = []
    for seed in range(options.seed, options.seed + options.runs):
        folder = tempfile.mkdtemp(prefix="hedgerow-reality-")
        done = subprocess.run([sys.executable, os.path.abspath(__file__), "--one", "--folder", folder, "--build", options.build,
                               "--scenario", scenario, "--seed", str(seed)], check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE)
        last = (done.stdout.decode().strip().splitlines() or ["nothing was said"])[-1]
        if done.returncode == SKIPPED:
            print(f"skip reality: {last}")
            sys.exit(SKIPPED)
        if options.keep or done.returncode != 0:
            print(f"    kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        if done.returncode != 0:
            sys.exit(f"the run with seed {seed} failed: {last}")
        found.append(json.loads(last))
        tell(found[-1], seed)
    return found


def tell(run, seed):
    m = run["machine"]
    name = "hits at the edge, %"
    print(f"    seed {seed}: hits at the edge {run['simulated'][name] - run['real'][name]:+.2f} points; {run['other']} requests ended otherwise, "
          f"simulated times of the others off by {', '.join(f'{off:+.1f} % ({result})' for result, off in run['off'].items())}; "
          f"{m['idle_pct']:.0f} % of the machine idle, nodes used {m['nodes_cpu_s']:.1f} s of CPU; requests late "
          f"by {m['late_p99_ms']:.2f} ms (p99), packets by {m['carrier']['latest_us'] / 1000:.2f} ms at most, {m['carrier']['lost']} of "
          f"{m['carrier']['packets']:,} lost; answers of another kind: {m['odds']}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=".build", type=os.path.abspath, help="where hedgerow and hedgerow-sim are (.build)")
    parser.add_argument("--scenario", action="append", help="settings for both sides; may be repeated (ample.scn and tight.scn)")
    parser.add_argument("--runs", type=int, default=3, help="of each scenario, each with the next seed (3)")
    parser.add_argument("--seed", type=int, default=1, help="the first one (1)")
    parser.add_argument("--keep", action="store_true", help="keep the runs' folders")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options)
    missed = False
    for scenario in options.scenario or SCENARIOS:
        name = os.path.basename(scenario)
        print(f"{name}: {options.runs} runs", flush=True)
        found = runs_of(options, scenario)
        rows = compare.rows([run["real"] for run in found], [run["simulated"] for run in found])
        print(compare.table(rows))
        held = all(row[-1] for row in rows)
        print(f"row s  {compare.verdict(name, len(found), rows)}: {'pass' if held else 'MISS'}", flush=True)
        missed = missed or not held
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

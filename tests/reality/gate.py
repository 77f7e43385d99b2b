"""gate.py - one run of the comparison: the same list of requests at real nodes and in the simulator."""
import json
import os
import subprocess

import compare
import field
import workload
from harness import equal


def simulate(build, scenario, seed, asked, folder):
    """The same in the simulator, which leaves a file a node for the real ones. Returns its report, and where its
    answers are."""
    log, answers = os.path.join(folder, "requests.csv"), os.path.join(folder, "answers.csv")
    workload.write_csv(log, asked)
    done = subprocess.run([os.path.join(build, "hedgerow-sim"), "run", "--scenario", scenario, "--seed", str(seed), "--log", log,
                           "--answers", answers, "--node-files", folder, "--json"], check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE)
    report = json.loads(done.stdout)
    assert done.returncode == 0, f"the simulation broke a rule: {report['messages']}"
    return report, answers


def both(case, build, scenario, seed):
    """One run of each side: {"real", "simulated", "other", "off", "machine"}; "other" and "off" are of compare.by_request."""
    settings = workload.read_scenario(scenario)
    asked = workload.requests(settings, seed)
    report, answers = simulate(build, scenario, seed, asked, case.folder)
    found = field.play(case, settings, seed, asked)
    equal(found["epoch"], report["ring_epoch"], "the epoch of the ring")
    odd = [one for one in found["answers"] if one[0] not in compare.OUTCOMES]
    late = compare.at([1000 * one[4] for one in found["answers"]], 0.99)
    machine = {"idle_pct": found["idle_pct"], "nodes_cpu_s": found["cpu_s"], "late_p99_ms": late, "carrier": found["carrier"],
               "connections": found["connections"], "origin": found["origin"], "odd": odd[:5], "odds": len(odd)}
    if os.environ.get("REALITY_KEEP"):
        with open(os.path.join(case.folder, "found.json"), "w", encoding="ascii") as out:
            json.dump(found, out)
    other, off = compare.by_request(found, answers)
    return {"real": compare.real(found), "simulated": compare.simulated(answers, report["figures"]), "other": other, "off": off,
            "machine": machine}

"""gate.py - one run of the comparison: the same list of requests at real nodes and in the simulator."""
import json
import os
import subprocess

import compare
import field
import workload

RINGS = 5


def simulate(build, scenario, seed, asked, folder):
    """The same in the simulator, with RINGS sets of keys for its nodes: which node owns what is chance, on either side. Returns the
    medians of its measures."""
    log, found = os.path.join(folder, "requests.csv"), []
    workload.write_csv(log, asked)
    for ring in range(RINGS):
        found.append(simulate_once(build, scenario, seed, log, ring, os.path.join(folder, f"answers-{ring}.csv")))
    return {name: compare.at([one[name] for one in found if one[name] is not None], 0.5) for name in found[0]}


def simulate_once(build, scenario, seed, log, ring, answers):
    done = subprocess.run([os.path.join(build, "hedgerow-sim"), "run", "--scenario", scenario, "--seed", str(seed), "--log", log,
                           "--answers", answers, "--identities", str(ring), "--json"], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    report = json.loads(done.stdout)
    assert done.returncode == 0, f"the simulation broke a rule: {report['messages']}"
    return compare.simulated(answers, report["figures"])


def both(case, build, scenario, seed):
    """One run of each side: {"real", "simulated", "machine"}."""
    settings = workload.read_scenario(scenario)
    asked = workload.requests(settings, seed)
    simulation = simulate(build, scenario, seed, asked, case.folder)
    found = field.play(case, settings, seed, asked)
    odd = [one for one in found["answers"] if one[0] not in compare.OUTCOMES]
    late = compare.at([1000 * one[4] for one in found["answers"]], 0.99)
    machine = {"idle_pct": found["idle_pct"], "nodes_cpu_s": found["cpu_s"], "late_p99_ms": late, "carrier": found["carrier"],
               "connections": found["connections"], "origin": found["origin"], "odd": odd[:5], "odds": len(odd)}
    if os.environ.get("REALITY_KEEP"):
        with open(os.path.join(case.folder, "found.json"), "w", encoding="ascii") as out:
            json.dump(found, out)
    return {"real": compare.real(found), "simulated": simulation, "machine": machine}

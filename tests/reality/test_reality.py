"""The reality gate's small form: five nodes for some seconds, beside the simulator. The large one is run.py."""
import os

import compare
import gate
from harness import Slow, equal, needs

HERE = os.path.dirname(os.path.abspath(__file__))
# Of five nodes one owns more or less of what is asked for most, by the keys that it was given: that alone is worth some points.
EDGE_POINTS = 8
# On a machine that has other work to do.
MEDIAN_PER_CENT = 20


@needs("hedgerow", "distance", release=True, alone=True, timeout=100, patient=False)
def test_nodes_do_as_the_simulator_says(case):
    """The same requests at five real nodes, on hosts as far from each other as the scenario says, and in the simulator: as many
    requests at the origin and as many answers from the mesh, about as many from copies at the node, and times that are near each
    other, by where answers came from."""
    found = gate.both(case, case.builds[0], os.path.join(HERE, "small.scn"), 1)
    real, simulated = found["real"], found["simulated"]
    print(compare.table(compare.rows([real], [simulated])))
    equal((found["machine"]["odds"], found["machine"]["carrier"]["lost"]), (0, 0), f"odd answers {found['machine']['odd']}, lost packets")
    equal(real["requests answered"], simulated["requests answered"], "requests that were answered")
    equal(real["requests at the origin"], simulated["requests at the origin"], "requests at the origin: one for each object")
    equal(real["objects evicted"], 0, "evictions")
    gap = simulated["hits at the edge, %"] - real["hits at the edge, %"]
    assert abs(gap) <= EDGE_POINTS, f"hits at the edge are {gap:+.1f} points apart"
    for outcome in compare.OUTCOMES:
        name = f"{outcome}: median, ms"
        off = compare.difference(name, real[name], simulated[name])[0]
        if abs(off) > MEDIAN_PER_CENT:
            raise Slow(f"{name}: {real[name]:.1f}, simulated {simulated[name]:.1f}")

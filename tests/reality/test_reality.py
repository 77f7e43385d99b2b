"""The reality gate's small form: five nodes for some seconds, beside the simulator. The large one is run.py."""
import os

import compare
import gate
from harness import Slow, equal, needs

HERE = os.path.dirname(os.path.abspath(__file__))
# Both sides have the same ring, so nearly each request ends alike, where two that come close to one another do not change places.
OTHER_MOST = 7      # of 350 requests
EDGE_POINTS = 1
# On a machine that has other work to do.
MEDIAN_PER_CENT = 20


def beside(case, scenario):
    """Both sides of |scenario|: nearly each answer from the same place, after a time that is near the simulated one."""
    found = gate.both(case, case.builds[0], os.path.join(HERE, scenario), 1)
    real, simulated = found["real"], found["simulated"]
    print(compare.table(compare.rows([real], [simulated])))
    equal((found["machine"]["odds"], found["machine"]["carrier"]["lost"]), (0, 0), f"odd answers {found['machine']['odd']}, lost packets")
    equal(real["requests answered"], simulated["requests answered"], "requests that were answered")
    assert found["other"] <= OTHER_MOST, f"{found['other']} requests ended otherwise than simulated"
    gap = simulated["hits at the edge, %"] - real["hits at the edge, %"]
    assert abs(gap) <= EDGE_POINTS, f"hits at the edge are {gap:+.1f} points apart"
    for outcome in compare.OUTCOMES:
        if abs(found["off"][outcome]) > MEDIAN_PER_CENT:
            raise Slow(f"{outcome}: times are {found['off'][outcome]:+.1f} % off, the median of all")
    return real, simulated


@needs("hedgerow", "distance", release=True, alone=True, timeout=100, patient=False)
def test_nodes_do_as_the_simulator_says(case):
    """The same requests at five real nodes, on hosts as far from each other as the scenario says, and in the simulator, where they
    have the same keys. With memory for all, the origin has as many requests."""
    real, simulated = beside(case, "small.scn")
    equal(real["requests at the origin"], simulated["requests at the origin"], "requests at the origin: one for each object")
    equal(real["objects evicted"], 0, "evictions")


@needs("hedgerow", "distance", release=True, alone=True, timeout=100, patient=False)
def test_nodes_evict_as_the_simulator_says(case):
    """The same with memory for a part of it: what a node keeps, and so its hits, is as simulated."""
    real, simulated = beside(case, "small-tight.scn")
    assert real["objects evicted"] > 20 and simulated["objects evicted"] > 20, "hardly anything was evicted"

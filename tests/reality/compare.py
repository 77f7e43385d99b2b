"""compare.py - what came of the same requests on both sides, side by side."""
import csv
import statistics

OUTCOMES = ("Hit", "PeerHit", "Miss")
# What nodes count themselves: the counter of /metrics, and the simulator's figure.
COUNTS = {"requests at the origin": ("origin_fetches", "origin_fetches"), "objects asked of nodes": ("asks_out", "asks"),
          "asks besides": ("hedges", "hedges"), "second copies": ("copies", "copies"), "objects evicted": ("evictions", "evictions"),
          "joined a fetch": ("collapsed", "collapsed"), "between nodes, bytes": ("bytes_peer_in", "peer_bytes"),
          "... as they travelled": ("bytes_peer_in_wire", "peer_wire_bytes")}
HIT_LIMIT, MEDIAN_LIMIT = 1.0, 10.0     # points; per cent


def at(values, share):
    values = sorted(values)
    return values[int((len(values) - 1) * share)] if values else None


def measures(answers, counts):
    """{name: value} of one side; |answers| are (result, first byte, last byte) in milliseconds, |counts| by COUNTS."""
    count = len(answers)
    found = {"requests answered": count}
    for name, results in (("hits at the edge, %", ("Hit",)), ("hits in the mesh, %", ("Hit", "PeerHit"))):
        found[name] = 100 * sum(1 for result, _, _ in answers if result in results) / max(1, count)
    found.update(counts)
    for name, results in (("all", OUTCOMES), *((outcome, (outcome,)) for outcome in OUTCOMES)):
        of = [answer for answer in answers if answer[0] in results]
        found[f"{name}: median, ms"] = at([last for _, _, last in of], 0.5)
        found[f"{name}: p90, ms"] = at([last for _, _, last in of], 0.9)
        found[f"{name}: first byte, median, ms"] = at([first for _, first, _ in of], 0.5)
    return found


def real(found):
    answers = [(result, 1000 * first, 1000 * last) for result, _, first, last, _ in found["answers"]]
    counts = {name: found["counters"][counter] for name, (counter, _) in COUNTS.items()}
    return measures([one for one in answers if one[0] in OUTCOMES], counts)


def simulated(path, figures):
    with open(path, encoding="ascii", newline="") as lines:
        answers = [(row["result"], int(row["first_byte_us"]) / 1000, int(row["last_byte_us"]) / 1000)
                   for row in csv.DictReader(lines) if row["end"] == "served"]
    return measures(answers, {name: figures[figure] for name, (_, figure) in COUNTS.items()})


def by_request(found, path):
    """(how many requests ended otherwise than simulated, {result: by how many per cent the simulated time of one that ended alike is
    off, the median of all}): where a median of times stands between two groups, these do not."""
    with open(path, encoding="ascii", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: int(row["number"]))
    off = {outcome: [] for outcome in OUTCOMES}
    for (result, _, _, last, _), row in zip(found["answers"], rows, strict=True):
        if result in off and result == row["result"]:
            off[result].append(100 * (int(row["last_byte_us"]) / (1e6 * last) - 1))
    alike = sum(len(values) for values in off.values())
    return len(rows) - alike, {outcome: statistics.median(values) for outcome, values in off.items() if values}


def difference(name, one, other):
    """(how far the simulation is from reality, its unit, the limit or None)."""
    if one is None or other is None:
        return None, "", None
    if name.endswith("%"):
        return other - one, "points", HIT_LIMIT
    limit = MEDIAN_LIMIT if name.endswith(": median, ms") else None
    return (100 * (other - one) / one if one else 0.0), "%", limit


def rows(reality, simulation):
    """[(name, real, simulated, difference, unit, limit, held)] of the medians over runs, where the difference is the median of
    the runs' own."""
    found = []
    for name in reality[0]:
        pairs = [(one[name], other[name]) for one, other in zip(reality, simulation)
                 if one[name] is not None and other[name] is not None]
        if not pairs:
            continue
        gaps = [difference(name, one, other) for one, other in pairs]
        gap, (_, unit, limit) = statistics.median(gap for gap, _, _ in gaps), gaps[0]
        found.append((name, statistics.median(one for one, _ in pairs), statistics.median(other for _, other in pairs), gap, unit, limit,
                      limit is None or abs(gap) <= limit))
    return found


def table(found):
    lines = [f"{'':30}{'real':>12}{'simulated':>12}{'difference':>18}   limit"]
    for name, one, other, gap, unit, limit, held in found:
        told = "" if limit is None else f"{limit:g} {unit}   {'pass' if held else 'MISS'}"
        lines.append(f"{name:30}{one:12.2f}{other:12.2f}{gap:+11.2f} {unit:6}   {told}")
    return "\n".join(lines)


def verdict(name, runs, found):
    """One line: how far apart the two are where there is a limit."""
    points = [abs(gap) for _, _, _, gap, _, limit, _ in found if limit == HIT_LIMIT]
    medians = [abs(gap) for _, _, _, gap, _, limit, _ in found if limit == MEDIAN_LIMIT]
    return (f"{name}, {runs} runs, real beside simulated: hit ratios {max(points):.2f} points apart at most (limit {HIT_LIMIT:g}), "
            f"medians {max(medians):.1f} % (limit {MEDIAN_LIMIT:g})")

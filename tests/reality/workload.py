"""workload.py - what both sides of the comparison share: the scenario's settings, the seeded list of requests, and what the
origin has. Bodies pack as those of the simulator do: a third of the keys not at all, a third to half, a third to little."""
import random
import re

UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
SIZES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
# What a scenario must say, since here it has a meaning on real hosts, too.
NEEDED = ("nodes zones delay-ms zone-delay-ms jitter-ms viewer-delay-ms warmup time requests keys size-min size-max memory "
          "origin-delay-ms origin-jitter-ms origin-rate chunked-pct").split()
MIX = (1 << 64) - 1
OF_CHUNKED, OF_BYTES = 0xB0D9 + 3, 0xB0D9 + 5      # the simulator's draws for a key's ways (sim/body.c)
ORIGIN_PIECE = 16 << 10


def value(text):
    """A setting's value as a number: seconds, bytes, or as it is."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text).groups()
    factor = {**UNITS, **SIZES}.get(unit, 1) if unit else 1
    number = float(number) * factor
    return int(number) if number == int(number) else number


def read_scenario(path):
    """{setting: value} of a scenario without actions."""
    found = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if words and len(words) != 2:
                raise SystemExit(f"{path}:{number}: one setting a line, and no actions: real hosts cannot play them")
            if words:
                found[words[0]] = value(words[1])
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise SystemExit(f"{path}: it must say {', '.join(missing)}: the real side has no defaults for them")
    return found


def mix(x):
    """splitmix64's finaliser, as proto/base/rand.c has it."""
    x = (x + 0x9E3779B97F4A7C15) & MIX
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MIX
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MIX
    return x ^ (x >> 31)


def draw(seed, entity, purpose):
    return mix(mix(mix(mix(seed) ^ entity) ^ purpose))


def requests(settings, seed):
    """[(seconds, uri, bytes, node from 1)], in order of time. Key i is asked 1/i as often as key 1. URIs count keys in the order
    in which they come, since so does a replay: the origin then has the same object for the same key."""
    keys, count, nodes = settings["keys"], settings["requests"], settings["nodes"]
    part = (settings["time"] - settings["warmup"]) / count
    chance = random.Random(seed)
    wanted = chance.choices(range(keys), weights=[1 / (i + 1) for i in range(keys)], k=count)
    doublings = max(0, (settings["size-max"] // settings["size-min"]).bit_length() - 1)
    sizes, names, found = {}, {}, []
    for i, key in enumerate(wanted):
        if key not in names:
            names[key] = len(names) + 1
            low = settings["size-min"] << chance.randrange(doublings + 1)
            sizes[key] = chance.randint(low, min(2 * low - 1, settings["size-max"]))
        found.append((round(part * (i + chance.random()), 6), f"/k/{names[key]}", sizes[key], 1 + chance.randrange(nodes)))
    first = found[0][0]
    return [(round(at - first, 6), *rest) for at, *rest in found]


def write_csv(path, asked):
    with open(path, "w", encoding="ascii") as out:
        out.write("time,uri,bytes,edge\n")
        out.writelines(f"{at:.6f},{uri},{size},n{node}\n" for at, uri, size, node in asked)


def body(seed, key, size):
    """The bytes of a key."""
    kind = draw(seed, key, OF_BYTES) % 3
    chance = random.Random(f"{seed} {key}")
    if kind == 0:
        return chance.randbytes(size)
    letters = bytes((byte & 15) + (0x61 if kind == 1 else 0x41) for byte in range(256))
    words = chance.randbytes((size if kind == 1 else size // 32) + 8).translate(letters)
    if kind == 2:
        words = b"".join(words[at:at + 8] * 32 for at in range(0, len(words), 8))
    return words[:size]


def chunked(settings, seed, key):
    return draw(seed, key, OF_CHUNKED) % 1000000 < settings["chunked-pct"] * 10000

#!/usr/bin/python3
"""rivals.py - our node beside other people's caches, and beside what loopback allows at all (ceiling.c).

    /usr/bin/python3 tests/bench/rivals.py [--rounds 5] [--seconds 2] [--rows 1k,16k] [--servers nginx,ats] [--quick]

The server under test has one core, the generator (load.c) and the origin another. In each round each server takes its
turn, in another order each time: it is started afresh, asked until all is in its cache, and measured. A hit counts
as one when the origin was not asked meanwhile. Figures are medians over the rounds; a comparison is the median of the
rounds' own ratios. Needs a machine that does nothing else, and says how loaded it was. A rival that is not installed is
left out and named. Ends with 1 when a target was missed or a measurement failed.
"""
import argparse
import contextlib
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

import rows
import servers
import harness  # noqa: E402  (servers.py says where it is)


MEMORY, MEMORY_BYTES = "/dev/shm", 8 << 30     # a file system in memory, if it has so much room


class Bench:
    """What all turns share: the cores, the tools, the origin, and a case of the harness that owns each process."""

    def __init__(self, options, folder, files_folder):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            sys.exit("rivals.py: two cores are needed, one for the server and one for the generator")
        self.server_core, self.generator_core = cores[:2]
        self.options, self.folder, self.files_folder = options, folder, files_folder
        self.build = os.path.join(harness.ROOT, os.environ.get("HEDGEROW_BUILD", ".build"))
        self.case = harness.Case(folder, [self.build], True)
        self.node_files, self.first = {}, 0
        os.sched_setaffinity(0, {self.generator_core})
        self.origin, self.origin_port = servers.start_ceiling(self, "origin", ["--stamp"], on_server_core=False)

    def tool(self, name):
        return os.path.join(self.build, "tests", name)

    def node_file(self, name):
        if name not in self.node_files:
            self.node_files[name] = self.case.admit(name)
        return self.node_files[name]

    @contextlib.contextmanager
    def on_core(self, core):
        """What is started inside runs there."""
        os.sched_setaffinity(0, {core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, {self.generator_core})

    def on_server_core(self):
        return self.on_core(self.server_core)

    def on_generator_core(self):
        return self.on_core(self.generator_core)

    def fresh(self, count):
        """The first of |count| numbers that nobody has asked for yet."""
        self.first += count
        return self.first - count

    def place(self, row, kind):
        """The folder of a server: in memory where it keeps objects in files, so that no disk is waited for."""
        return os.path.join(self.files_folder if kind.files else self.folder, row, kind.name)

    @contextlib.contextmanager
    def server(self, kind, row):
        """A server for one turn. What rivals keep in files stays for their next turn of the same row."""
        running = kind.start(self, self.place(row, kind))
        try:
            yield running
        finally:
            wrong = running.stop()
            if wrong:
                raise RuntimeError("; ".join(wrong))

    def close(self):
        self.case.finish()


def chosen(kinds, words):
    """The servers that the words name, each by its name or what stands before its dash; says who is not there."""
    found = []
    for kind in kinds:
        if words and kind.name not in words and kind.name.partition("-")[0] not in words:
            continue
        missing = kind.missing()
        if missing:
            print(f"skip {missing}", flush=True)
        else:
            found.append(kind)
    return found


def describe():
    with open("/proc/cpuinfo", encoding="ascii") as info:
        model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "?")
    print(f"Machine: {model}, {os.cpu_count()} cores, Linux {platform.release()}.")


def run_row(bench, row, kinds):
    """All rounds of one row; returns {name: [sample]}, a sample a round."""
    seen = {kind.name: [] for kind in kinds}
    rounds = min(bench.options.rounds, row.rounds_max)
    before = os.getloadavg()[0]
    for number in range(rounds):
        turn = number % len(kinds)
        for kind in kinds[turn:] + kinds[:turn]:
            try:
                seen[kind.name].append(row.turn(bench, kind))
            except (RuntimeError, AssertionError, OSError) as error:
                print(f"failed: row {row.name}, {kind.name}: {error}", flush=True)
                seen[kind.name].append(None)
    print(f"\n### {row.title}\n\n{rounds} rounds; load average {before:.1f} before, {os.getloadavg()[0]:.1f} after\n")
    for folder in (bench.folder, bench.files_folder):
        shutil.rmtree(os.path.join(folder, row.name), ignore_errors=True)
    return seen


def print_table(row, seen):
    names = [name for name in seen if any(seen[name])]
    median = {name: {column: statistics.median(sample[column] for sample in seen[name] if sample)
                     for column, _, _ in row.columns} for name in names}
    print("| server | " + " | ".join(title for _, title, _ in row.columns) + " |")
    print("|---|" + "--:|" * len(row.columns))
    for name in sorted(names, key=lambda each: median[each][row.columns[0][0]]):
        print(f"| {name} | " + " | ".join(form.format(median[name][column]) for column, _, form in row.columns) + " |")
    print(flush=True)


def judge(row, target, seen):
    """Prints one target's line; False when it was missed."""
    ours, value = seen.get("hedgerow", []), target.column
    if target.beside:
        pairs = [(mine, theirs) for mine, theirs in zip(ours, seen.get(target.beside, [])) if mine and theirs]
        figures = [mine[value] / theirs[value] for mine, theirs in pairs if theirs[value]]
    else:
        figures = [mine[value] for mine in ours if mine]
    if not figures:
        print(f"row {row.name}  {target.what()}: skip, nothing to compare")
        return True
    figure = statistics.median(figures)
    good = figure <= target.limit if target.at_most else figure >= target.limit
    print(f"row {row.name}  {target.what()}: {figure:.3g}, target {'<=' if target.at_most else '>='} {target.limit:g}: "
          f"{'pass' if good else 'MISS'}")
    return good


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rows", default="", help="of " + ",".join(row.name for row in rows.ROWS))
    parser.add_argument("--servers", default="", help="of " + ",".join(kind.name for kind in servers.KINDS)
                        + "; nginx is nginx-debian, too")
    parser.add_argument("--quick", action="store_true", help="two rounds of a second: to see that it works")
    parser.add_argument("--keep", action="store_true", help="leave the folder with configurations and logs")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 2, 1
    options.rows = [word for word in options.rows.split(",") if word]
    options.servers = [word for word in options.servers.split(",") if word]
    unknown = set(options.rows) - {row.name for row in rows.ROWS}
    names = {kind.name for kind in servers.KINDS}
    unknown |= set(options.servers) - names - {name.partition("-")[0] for name in names}
    if unknown or options.rounds < 1 or options.seconds <= 0:
        parser.error(f"unknown: {', '.join(sorted(unknown))}" if unknown else "--rounds and --seconds must be above 0")
    return options


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    memory = MEMORY if os.path.isdir(MEMORY) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES else None
    folders = [tempfile.mkdtemp(prefix="rivals-", dir=place) for place in (None, memory)]
    for folder in folders:
        os.chmod(folder, 0o755)
    good, bench = True, None
    try:
        bench = Bench(options, *folders)
        describe()
        print("Servers: " + "; ".join(filter(None, (f"{kind.name} {kind.version()}".strip() for kind in chosen(
            servers.KINDS, options.servers) if kind.best))) + ".", flush=True)
        for row in rows.ROWS:
            if options.rows and row.name not in options.rows:
                continue
            with contextlib.redirect_stdout(open(os.devnull, "w", encoding="ascii")):
                kinds = chosen(row.kinds(), options.servers)    # who is missing has been said
            if not kinds:
                continue
            seen = run_row(bench, row, kinds)
            print_table(row, seen)
            good &= all(all(samples) for samples in seen.values())
            for target in row.targets(kinds):
                good &= judge(row, target, seen)
    finally:
        if bench:
            bench.close()
        if options.keep:
            print("kept: " + " ".join(folders))
        else:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

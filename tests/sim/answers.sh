#!/bin/sh
# answers.sh SIM [SIM...] - viewers at a distance from their node, and what --answers writes of each request; what --node-files
# writes of each node. Prints "ok NAME" or "FAIL NAME" a test; exit code 1 when one failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-answers.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
asked='--nodes 6 --requests 600 --keys 60 --warmup 4s --time 20s --chunked-pct 0'

fail() {
    sed 's/^/    /' "$work/report"
    echo "FAIL $1"
    failed=1
}

# The same file from each binary; a line for each request, its times beside the report's own.
answers() {
    rm -f "$work/first.csv"
    for sim in "$@"; do
        # shellcheck disable=SC2086
        "$sim" run $asked --viewer-delay-ms 25 --answers "$work/answers.csv" --json >"$work/report" 2>&1 || return
        if [ ! -f "$work/first.csv" ]; then cp "$work/answers.csv" "$work/first.csv"; fi
        cmp "$work/answers.csv" "$work/first.csv" || return
        # shellcheck disable=SC2086
        "$sim" run $asked --answers "$work/near.csv" >"$work/near.report" 2>&1 || return
    done
    /usr/bin/python3 - "$work/report" "$work/answers.csv" "$work/near.csv" <<'END'
import csv, json, sys
report, far, near = sys.argv[1:]
figures = json.load(open(report))["figures"]
rows, beside = (list(csv.DictReader(open(path))) for path in (far, near))
assert len(rows) == 600 == len({row["number"] for row in rows}), len(rows)
for word, figure in (("Hit", "hit"), ("PeerHit", "peer"), ("Miss", "miss")):
    assert sum(row["result"] == word for row in rows) == figures[figure], word
assert sum(int(row["bytes"]) for row in rows) == figures["viewer_bytes"]
last = sorted(int(row["last_byte_us"]) for row in rows)
assert last[(len(last) - 1) // 2] == figures["p50_us"] and last[-1] == figures["max_us"], figures["p50_us"]
# A hit takes a round trip and, by slow start, another one for each flight of twice the last one's size.
for row in rows:
    if row["result"] == "Hit":
        left, trips, window = int(row["bytes"]) + 400, 1, 14480
        while left > window:
            left, trips, window = left - window, trips + 1, 2 * window
        assert (int(row["first_byte_us"]), int(row["last_byte_us"])) == (50000, 50000 * trips), row
assert {row["last_byte_us"] for row in beside if row["result"] == "Hit"} == {"0"}, "without a distance"
END
}

if answers "$@" >>"$work/report" 2>&1; then echo "ok sim/answers"; else fail sim/answers; fi
"$1" run --nodes 1 --requests 0 --time 16s --answers "$work/none/answers.csv" >"$work/report" 2>&1
if [ $? -eq 1 ] && grep -q 'cannot be written' "$work/report"; then echo "ok sim/answers-nowhere"; else fail sim/answers-nowhere; fi

# A file a node, the same from each binary; the run's ring is told for who starts real nodes with them.
node_files() {
    for sim in "$@"; do
        rm -rf "$work/nodes"
        mkdir "$work/nodes" || return
        "$sim" run --nodes 3 --requests 0 --time 16s --json --node-files "$work/nodes" >"$work/nodes/report" || return
        [ "$(head -qn 1 "$work"/nodes/*.node | grep -c '^hedgerow node file v1: n[123] in sim/z[123], ')" -eq 3 ] || return
        grep -q '"ring_epoch":"[0-9a-f]\{16\}"' "$work/nodes/report" || return
        cat "$work"/nodes/*.node >"$work/nodes/all"
        if [ ! -f "$work/all.nodes" ]; then cp "$work/nodes/all" "$work/all.nodes"; fi
        cmp "$work/nodes/all" "$work/all.nodes" || return
    done
}
if node_files "$@" >"$work/report" 2>&1; then echo "ok sim/node-files"; else fail sim/node-files; fi
"$1" run --nodes 1 --requests 0 --time 16s --node-files "$work/none" >"$work/report" 2>&1
if [ $? -eq 1 ] && grep -q 'n1.node cannot be written' "$work/report"; then echo "ok sim/node-files-nowhere"; else fail sim/node-files-nowhere; fi
"$1" run --nodes 3 --requests 0 --time 16s --real-crypto-nodes 2 --node-files "$work" >"$work/report" 2>&1
if [ $? -eq 2 ] && grep -q 'have a stand-in for keys' "$work/report"; then echo "ok sim/node-files-no-keys"; else fail sim/node-files-no-keys; fi
exit $failed

#!/bin/sh
# run.sh SIM [SIM...] - the simulator's seeds: every scenario with a few seeds, and the same
# trace hash from each of the given binaries (gcc's, clang's); from one that is given alone, twice. Seeds after the first
# are run by the first binary alone: that they hold is what they are for.
# Prints "ok NAME" or "FAIL NAME" a run; exit code 1 when one failed.
# SIM_SEEDS: how many seeds a scenario (2). JOBS: how many at a time (2). SIM_FIRST: one more binary, a slow one, for
# the first seeds alone.
set -u
cd "$(dirname "$0")/../.." || exit 1
seeds=${SIM_SEEDS:-2}
jobs=${JOBS:-2}
sims=$*
slow=${SIM_FIRST:-}
first=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-sim.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
each=$sims # by whom a run is done: two processes see it repeated, of one build or of two
if [ $# -eq 1 ]; then each="$sims $sims"; fi
by=$each

# same NAME COMMAND ARGUMENT... one run by each of $by, and the slow one. Prints a line.
same() {
    name=$1 want=
    shift
    for sim in $by $slow; do
        got=
        if "$sim" "$@" >"$work/$name.report" 2>&1; then
            got=$(sed -n 's/^trace \([0-9a-f]\{32\}\) .*/\1/p' "$work/$name.report")
        fi
        if [ -z "$got" ]; then
            sed 's/^/    /' "$work/$name.report"
            echo "FAIL $name"
            return
        fi
        if [ -n "$want" ] && [ "$got" != "$want" ]; then
            echo "    $sim gives trace $got, $first gave $want"
            echo "FAIL $name"
            return
        fi
        want=$got
    done
    echo "ok $name"
}

# check NAME COMMAND ARGUMENT... is the same, beside others: so many at a time. Their lines come in order.
running=
check() {
    mkdir -p "$work/$(dirname "$1")"
    same "$@" >"$work/$1.lines" 2>&1 &
    running="$running $!:$1"
    # shellcheck disable=SC2086
    set -- $running
    if [ $# -ge "$jobs" ]; then finish "$1"; fi
}

# finish PID:NAME waits for one and prints its lines.
finish() {
    wait "${1%%:*}"
    cat "$work/${1#*:}.lines"
    if ! grep -q "^ok ${1#*:}\$" "$work/${1#*:}.lines"; then failed=1; fi
    running=${running#*"$1"}
}

finish_all() {
    for one in $running; do finish "$one"; done
}

fail() {
    sed 's/^/    /' "$work/report"
    echo "FAIL $1"
    failed=1
}

# refused CODE TEXT NAME ARGUMENT... is turned down with this exit code and a message that says so.
refused() {
    code=$1 text=$2 name=$3
    shift 3
    "$first" "$@" >"$work/report" 2>&1
    got=$?
    if [ "$got" -eq "$code" ] && grep -q -- "$text" "$work/report"; then
        echo "ok $name"
    else
        echo "    exit code $got, not $code with \"$text\""
        fail "$name"
    fi
}

refused 2 'say what to do' sim/usage-nothing
refused 2 'unknown command "walk"' sim/usage-command walk
refused 2 '"nodes"?' sim/usage-option run --node 5
refused 2 'needs a value' sim/usage-value run --nodes
refused 2 'from 1 to 1000' sim/usage-range run --nodes 0
printf 'nodes 4\nat 3s crush 2\n' >"$work/wrong.scn"
refused 78 'wrong.scn:2:7: unknown action "crush": "crash"?' sim/scenario-line run --scenario "$work/wrong.scn"
refused 78 'cannot be read' sim/scenario-missing run --scenario "$work/none.scn"
printf 'nodes 3\nkeys 5\nrequests 9\ntime 20s\nexpect hit >= 10\n' >"$work/broken.scn"
refused 1 'BROKEN with seed 6. To see it again: hedgerow-sim run --scenario .*--seed 6' sim/broken-rule \
    run --scenario "$work/broken.scn" --seed 6

printf 'at 3s flash 1 2\n' >"$work/wrong.scn"
refused 78 'wrong.scn:1:7: unknown action "flash"' members/scenario-line members --scenario "$work/wrong.scn"
printf 'nodes 9\nwarmup 5s\ntime 9s\nquiet 0s\nat 8s crash 4\n' >"$work/late.scn"
refused 1 'at the end the views are not right: n4, which is down' members/broken-rule \
    members --scenario "$work/late.scn"

printf 'nodes 3\nnetworks 60\ntime 20s\nat 8s crash 1\nexpect named_dead_ms <= 0\nothers no\n' >"$work/named.scn"
refused 1 'named_dead_ms is [0-9]*, not at most 0' routing/feat_L3_broken-rule routing --scenario "$work/named.scn"
printf 'at 3s leave 2\n' >"$work/wrong.scn"
refused 78 'wrong.scn:1:7: unknown action "leave"' routing/scenario-line routing --scenario "$work/wrong.scn"
# What hunts, shrinks and compares, on runs that hold and on one that is told not to.
held() {
    name=$1
    shift
    if "$@" >"$work/report" 2>&1; then echo "ok $name"; else fail "$name"; fi
}
held hunt/20-seeds "$first" hunt --seeds 20 --from 1
refused 2 'needs --with' bisect/usage bisect --seed 3
refused 2 'two files' diff/usage diff one
refused 2 '"none" is no value' hunt/usage hunt --seeds none
refused 78 'cannot be read' hunt/scenario-missing hunt --scenario "$work/none.scn"
printf 'nodes 6\nkeys 20\nrequests 60\nwarmup 6s\ntime 20s\nloss-pct 1\nat 9s crash 2\nat 12s start 2\nexpect origin_fetches <= 0\n' \
    >"$work/never.scn"
refused 1 'seed 4: BROKEN (h)' hunt/broken hunt --plain --scenario "$work/never.scn" --from 4 --first
refused 1 '^    note kept$' hunt/coverage hunt --plain --nodes 3 --requests 20 --time 20s --seeds 1 --coverage
held shrink/small "$first" shrink --scenario "$work/never.scn" --seed 4 --out "$work/small.scn" --svg "$work/small.svg"
if sed -n 3p "$work/report" | grep -q '(requests)$'; then echo "ok shrink/cheaper-first"; else fail shrink/cheaper-first; fi
if grep -q '^nodes 1$' "$work/small.scn" && grep -q '^requests 1$' "$work/small.scn" &&
    ! grep -q '^at ' "$work/small.scn" && grep -q '</svg>' "$work/small.svg"; then
    echo "ok shrink/is-small"
else
    cp "$work/small.scn" "$work/report"
    fail shrink/is-small
fi
refused 1 'BROKEN' shrink/still-breaks run --scenario "$work/small.scn"
refused 1 'Nothing is broken' shrink/nothing-broken shrink --nodes 3 --requests 5 --time 20s
held bisect/same "$first" bisect --with "$first" --swarm --seed 5
printf '#!/bin/sh\nexec "%s" "$@" --loss-pct 5\n' "$(command -v "$first")" >"$work/other"
chmod +x "$work/other"
refused 1 'They differ in event' bisect/other bisect --with "$work/other" --swarm --seed 5
printf 'time,uri\n1,/a\n1.5,/b\n2,/a\n' >"$work/log"
held bisect/log "$first" bisect --with "$first" --nodes 3 --log "$work/log"
# shellcheck disable=SC2046
refused 2 'more than 64; put those of a node' replay/too-many run $(yes -- "--log $work/log" | head -65)
refused 2 'takes the name of a file' bisect/no-input bisect --with "$first" --log -
refused 2 'cannot be run' bisect/no-program bisect --with "$work/none" --seed 5
"$first" run --nodes 3 --requests 5 --time 20s --trace "$work/a" >/dev/null
sed '40s/.*/something else/' "$work/a" >"$work/b"
refused 0 'no difference' diff/same diff "$work/a" "$work/a"
refused 1 'They differ in event 40:' diff/differs diff "$work/a" "$work/b"

# shellcheck disable=SC2086
sh tests/sim/replay.sh $sims || failed=1

check sim/50-nodes run --nodes 50 --seed 7 --loss-pct 2 --jitter-ms 5
for scenario in sim/scenarios/*.scn; do
    seed=1 slow=${SIM_FIRST:-} by=$each
    while [ "$seed" -le "$seeds" ]; do
        check "sim/$(basename "$scenario" .scn)-$seed" run --scenario "$scenario" --seed "$seed"
        seed=$((seed + 1)) slow= by=$first
    done
done
for scenario in sim/scenarios/members/*.scn; do
    seed=1 slow=${SIM_FIRST:-} by=$each
    while [ "$seed" -le "$seeds" ]; do
        check "members/$(basename "$scenario" .scn)-$seed" members --scenario "$scenario" --seed "$seed"
        seed=$((seed + 1)) slow= by=$first
    done
done
# Which edge viewers are sent to: feat_L1_*, feat_L3_* ... by the row that a story proves. They are long, and all alike: one
# seed, of each build once; sanitizers see the crash.
by=$sims
for story in L3_crash L1_learn L1_alone L1_mixed L1_many L3_drain L4_move L4_move-alone L5_full L6_left-out; do
    check "routing/feat_$story-1" routing --scenario "sim/scenarios/routing/${story#*_}.scn" --seed 1
    slow=
done
by=$first slow=${SIM_FIRST:-}

# page NAME ARGUMENT... writes the report as a page, and the numbers over time: with the trace of a run without them, the
# same bytes each time and by each binary, well-formed, below 1 MB, and nothing in it runs or is fetched.
page() {
    name=$1
    shift
    "$first" run "$@" >"$work/report" 2>&1
    want=$(sed -n 's/^trace //p' "$work/report")
    for sim in $first $sims; do
        "$sim" run "$@" --report "$work/page.html" --csv "$work/page.csv" >"$work/report" 2>&1
        if [ -z "$want" ] || [ "$(sed -n 's/^trace //p' "$work/report")" != "$want" ]; then fail "$name"; return; fi
        if [ ! -f "$work/first.html" ]; then
            cp "$work/page.html" "$work/first.html"
            cp "$work/page.csv" "$work/first.csv"
        fi
        if ! cmp "$work/page.html" "$work/first.html" >"$work/report" 2>&1 ||
            ! cmp "$work/page.csv" "$work/first.csv" >"$work/report" 2>&1; then fail "$name"; return; fi
    done
    /usr/bin/python3 - "$work/first.html" "$work/first.csv" >"$work/report" 2>&1 <<'END' || { fail "$name"; return; }
import csv, os, re, sys, xml.etree.ElementTree
page, table = sys.argv[1:]
assert os.path.getsize(page) < 1000000, "too long"
text = open(page, encoding="utf-8").read()
parts = [p.tag for p in xml.etree.ElementTree.fromstring(text).iter()]
assert "script" not in parts and "link" not in parts and parts.count("svg") > 5, parts
assert not re.search(r"https?:|\b(src|href)=|url\(|@import|\son\w+=", text), "something to fetch or to run"
rows = list(csv.DictReader(open(table)))
assert 20 < len(rows) <= 300 and len({len(row) for row in rows}) == 1, len(rows)
assert all(a["to_ms"] == b["from_ms"] for a, b in zip(rows, rows[1:])), "stretches do not meet"
END
    rm -f "$work/first.html" "$work/first.csv"
    echo "ok $name"
}
# shellcheck disable=SC2086
sh tests/sim/disks.sh $sims || failed=1
all=$sims
page sim/page --nodes 12 --requests 800 --keys 60 --warmup 4s --time 20s
sims=
page sim/page-faults --scenario sim/scenarios/swarm.scn --seed 3
page sim/page-regions --scenario sim/scenarios/far.scn --seed 2
page sim/page-purges --scenario sim/scenarios/purges.scn
refused 2 'unknown setting "report"' sim/page-routing routing --report "$work/page.html"
refused 1 'cannot be written' sim/page-nowhere run --nodes 1 --requests 0 --time 16s --report "$work/none/page.html"

# shellcheck disable=SC2086
sh tests/sim/sweep.sh $first $all || failed=1

# Seeds that once failed: two meshes that never met, since joining ended with the first answer.
check sim/damaged-50 run --scenario sim/scenarios/damaged.scn --seed 50
check sim/loss-73 run --scenario sim/scenarios/loss.scn --seed 73
# A log that went on where only others knew of it, and not all; a fetch that was counted and never made.
check sim/purges-1758 run --scenario sim/scenarios/purges.scn --seed 1758
check sim/purges-2178 run --scenario sim/scenarios/purges.scn --seed 2178
# A log that was begun anew, and confirmed only as far as the one before it.
check sim/purges-3809 run --scenario sim/scenarios/purges.scn --seed 3809
# Drawn: a frame of members for which there was no memory; old pings, all at once; an origin that failed, and was left alone.
check sim/swarm-1092 run --swarm --seed 1092
check sim/hunting-3 run --scenario sim/scenarios/hunting.scn --swarm --seed 3
check sim/hunting-73 run --scenario sim/scenarios/hunting.scn --swarm --seed 73
# Time that went back, where all had come to rest late.
check sim/hunting-41 run --scenario sim/scenarios/hunting.scn --swarm --seed 41
# A node that was short of memory, and began anew with a configuration on its disk.
check sim/swarm-460 run --swarm --seed 460
# A body on its way from a disk, piece by piece, when it was changed.
check sim/swarm-1026 run --swarm --seed 1026
finish_all
sh tests/sim/answers.sh "$@" || failed=1
sh tests/sim/faults.sh "$@" || failed=1
exit $failed

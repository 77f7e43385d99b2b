#!/bin/sh
# run.sh SIM [SIM...] - the simulator's seeds: every scenario with a few seeds, and the same
# trace hash from each of the given binaries (gcc's, clang's) and from the first one twice.
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

# same NAME COMMAND ARGUMENT... one run by each binary, and once more by the first. Prints a line.
same() {
    name=$1 want=
    shift
    for sim in $first $sims $slow; do
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

printf 'nodes 3\nnetworks 9\ntime 20s\nat 8s crash 1\nexpect named_dead_ms <= 0\nothers no\n' >"$work/named.scn"
refused 1 'named_dead_ms is [0-9]*, not at most 0' routing/feat_L3_broken-rule routing --scenario "$work/named.scn"
printf 'at 3s leave 2\n' >"$work/wrong.scn"
refused 78 'wrong.scn:1:7: unknown action "leave"' routing/scenario-line routing --scenario "$work/wrong.scn"

check sim/50-nodes run --nodes 50 --seed 7 --loss-pct 2 --jitter-ms 5
for scenario in sim/scenarios/*.scn; do
    seed=1 slow=${SIM_FIRST:-}
    while [ "$seed" -le "$seeds" ]; do
        check "sim/$(basename "$scenario" .scn)-$seed" run --scenario "$scenario" --seed "$seed"
        seed=$((seed + 1)) slow=
    done
done
for scenario in sim/scenarios/members/*.scn; do
    seed=1 slow=${SIM_FIRST:-}
    while [ "$seed" -le "$seeds" ]; do
        check "members/$(basename "$scenario" .scn)-$seed" members --scenario "$scenario" --seed "$seed"
        seed=$((seed + 1)) slow=
    done
done
# Which edge viewers are sent to: feat_L1_*, feat_L3_* ... by the row that a story proves.
for story in L1_learn L1_alone L1_mixed L1_many L3_crash L3_drain L4_move L4_move-alone L5_full L6_left-out; do
    seed=1 slow=${SIM_FIRST:-}
    while [ "$seed" -le "$seeds" ]; do
        check "routing/feat_$story-$seed" routing --scenario "sim/scenarios/routing/${story#*_}.scn" --seed "$seed"
        seed=$((seed + 1)) slow=
    done
done
slow=${SIM_FIRST:-}
# Seeds that once failed: two meshes that never met, since joining ended with the first answer.
check sim/damaged-50 run --scenario sim/scenarios/damaged.scn --seed 50
check sim/loss-73 run --scenario sim/scenarios/loss.scn --seed 73
# A log that went on where only others knew of it, and not all; a fetch that was counted and never made.
check sim/purges-1758 run --scenario sim/scenarios/purges.scn --seed 1758
check sim/purges-2178 run --scenario sim/scenarios/purges.scn --seed 2178
# A log that was begun anew, and confirmed only as far as the one before it.
check sim/purges-3809 run --scenario sim/scenarios/purges.scn --seed 3809
finish_all
exit $failed

#!/bin/sh
# run.sh SIM [SIM...] - the simulator's seeds: every scenario with a few seeds, and the same
# trace hash from each of the given binaries (gcc's, clang's) and from the first one twice.
# Prints "ok NAME" or "FAIL NAME" a run; exit code 1 when one failed.
# SIM_SEEDS: how many seeds a scenario (3).
set -u
cd "$(dirname "$0")/../.." || exit 1
seeds=${SIM_SEEDS:-3}
sims=$*
first=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-sim.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# hash_of SIM ARGUMENT... runs, keeps the report in $work/report, and prints the trace hash.
hash_of() {
    "$@" >"$work/report" 2>&1 || return 1
    sed -n 's/^trace \([0-9a-f]\{32\}\) .*/\1/p' "$work/report"
}

fail() {
    sed 's/^/    /' "$work/report"
    echo "FAIL $1"
    failed=1
}

# check NAME ARGUMENT... one run by each binary, and once more by the first.
check() {
    name=$1
    shift
    want=
    for sim in $first $sims; do
        if ! got=$(hash_of "$sim" run "$@") || [ -z "$got" ]; then
            fail "$name"
            return
        fi
        if [ -n "$want" ] && [ "$got" != "$want" ]; then
            echo "    $sim gives trace $got, $first gave $want"
            fail "$name"
            return
        fi
        want=$got
    done
    echo "ok $name"
}

check sim/50-nodes --nodes 50 --seed 7 --loss-pct 2 --jitter-ms 5
for scenario in sim/scenarios/*.scn; do
    seed=1
    while [ "$seed" -le "$seeds" ]; do
        check "sim/$(basename "$scenario" .scn)-$seed" --scenario "$scenario" --seed "$seed"
        seed=$((seed + 1))
    done
done
exit $failed

#!/bin/sh
# seeds.sh SIM SCENARIO [COUNT [FIRST]] - a scenario with many seeds, as those of 10,000 schedules of purges, faults and
# fetches between nodes that are run before a release:
#
#     sh sim/seeds.sh .build/hedgerow-sim sim/scenarios/purges.scn 10000
#
# Prints each seed that did not hold, with what was broken, and how many held; exit code 1 when one did not.
# JOBS: how many at a time (2).
set -u
sim=$1
scenario=$2
count=${3:-1000}
first=${4:-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-seeds.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Each job takes every JOBS-th seed and writes to files of its own.
job() {
    seed=$((first + $1)) held=0
    while [ "$seed" -lt $((first + count)) ]; do
        if "$sim" run --scenario "$scenario" --seed "$seed" >"$work/report.$1" 2>&1; then
            held=$((held + 1))
        else
            echo "seed $seed:"
            sed -n '/BROKEN/p; /^ *[0-9]*\.[0-9]* s: /p' "$work/report.$1"
            tail -3 "$work/report.$1" | grep -v trace
        fi
        echo "$held" >"$work/held.$1"
        seed=$((seed + jobs))
    done
}

jobs=${JOBS:-2}
i=0
while [ "$i" -lt "$jobs" ]; do
    job "$i" &
    i=$((i + 1))
done
wait
held=$(cat "$work"/held.* 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
echo "$held of $count seeds held"
[ "$held" -eq "$count" ]

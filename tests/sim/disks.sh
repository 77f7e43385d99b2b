#!/bin/sh
# disks.sh SIM... - disks of simulated nodes, as options, in scenarios, in reports, and the same in each of the given
# binaries. Prints "ok NAME" or "FAIL NAME"; exit code 1 when one failed.
set -u
first=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-disks.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

. "$(dirname "$0")/judge.sh"

# refused CODE TEXT NAME ARGUMENT... is turned down with this exit code and a message that says so.
refused() {
    code=$1 text=$2 name=$3
    shift 3
    "$first" "$@" >"$work/report" 2>&1
    [ $? -eq "$code" ] && grep -q -- "$text" "$work/report"
    judge "$name" $?
}

# same NAME ARGUMENT... holds, with one trace from all.
same() {
    name=$1 want=
    shift
    for sim in $sims; do
        "$sim" run "$@" >"$work/report" 2>&1 && got=$(sed -n 's/^trace \([0-9a-f]\{32\}\) .*/\1/p' "$work/report") &&
            [ -n "$got" ] && [ "${want:-$got}" = "$got" ]
        result=$?
        if [ $result -ne 0 ]; then break; fi
        want=$got
    done
    judge "$name" $result
}
sims=$*

refused 2 'disk is 0 (none), or 8MiB and more' disks/too-small run --disk 1MiB
printf 'disk 8MiB\nat 3s disk-errors 1 101\n' >"$work/wrong.scn"
refused 78 'wrong.scn:2:21: there are 100 per cent at the most' disks/share run --scenario "$work/wrong.scn"
printf 'disk 8MiB\nat 3s disk-full 1\n' >"$work/wrong.scn"
refused 78 'wrong.scn:2:18: how many bytes is missing here' disks/missing run --scenario "$work/wrong.scn"

"$first" run --nodes 3 --requests 60 --keys 9 --time 18s --disk 8MiB --json >"$work/report" 2>&1 &&
    grep -q '"disk_written":[1-9]' "$work/report" && grep -q '"rule":"l"' "$work/report"
judge disks/figures $?
"$first" run --nodes 3 --requests 60 --keys 9 --time 18s --disk 8MiB >"$work/report" 2>&1 &&
    grep -q '^Disks$' "$work/report" && grep -q 'ok    (l)' "$work/report"
judge disks/report $?
"$first" run --nodes 3 --requests 9 --time 18s >"$work/report" 2>&1 && ! grep -q -e '^Disks$' -e '(l)' "$work/report"
judge disks/none $?

# Faults of disks, drawn: a hunt's seeds that have many.
for seed in 3 32; do same "disks/swarm-$seed" --swarm --disk 8MiB --seed $seed; done
# A seed that once failed: a node without seeds came back, and served from its disk what had been purged.
same disks/swarm-1121 --swarm --disk 8MiB --seed 1121
exit $failed

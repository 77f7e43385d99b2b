#!/bin/sh
# faults.sh SIM [SIM...] - faults of every kind bite where they are asked for, nowhere else, and the same in each binary.
# Prints "ok NAME" or "FAIL NAME" a check; exit code 1 when one failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
sim=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-faults.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

. tests/sim/judge.sh

# bites KIND LINE... is a small run with these lines besides, in which that kind of fault bites, no other one does, and all
# holds. With |also| others may.
also=
bites() {
    kind=$1
    shift
    printf 'nodes 5\nzones 2\nrings 1\nwarmup 8s\ntime 16s\nrequests 60\nkeys 20\nsize-max 60000\njitter-ms 0\n' >"$work/one.scn"
    for line in "$@"; do echo "$line" >>"$work/one.scn"; done
    "$sim" run --scenario "$work/one.scn" --json >"$work/report" 2>&1
    /usr/bin/python3 - "$work/report" "$kind" "$also" >"$work/wrong" 2>&1 <<'END'
import json, sys
path, kind, also = sys.argv[1:]
run = json.load(open(path))
bit = {k for k, n in run["faults"].items() if n > 0}
assert run["ok"], run["messages"]
assert kind in bit, "it never bit"
assert bit - {kind} <= set(also.split()), bit
END
    status=$?
    cp "$work/wrong" "$work/report"
    judge "faults/$kind" $status
}

bites loss 'loss-pct 5'
bites burst-loss 'burst-loss-pct 5'
bites delay-spike 'at 9s slow 2 50ms'
bites reorder 'reorder-pct 10'
bites duplicate 'dup-pct 10'
bites replay 'replay-pct 10'
bites bit-flip 'corrupt-pct 1'
bites truncation 'truncate-pct 2'
bites mtu-hole 'at 9s mtu-hole 1,2 3-5 130'
bites partition 'at 9s cut 1,2 3-5' 'at 11s heal'
bites partition-oneway 'at 9s cut-oneway 1,2 3-5' 'at 11s heal'
bites partition-bridge 'at 9s cut 1,2 3-4' 'at 11s heal'
bites reset 'at 9s reset all all'
bites clog 'at 9s clog 1,2 3-5 2s'
bites flap 'at 9s flap 1,2 3-5 300ms 1s'
bites narrow 'at 9s narrow 1,2 64KiB'
bites address-change 'at 9s readdress 3'
bites crash 'at 9s crash 3'
also=files-lost bites vanish 'at 9s vanish 3' 'at 12s start-lost 3'
also=crash bites files-lost 'at 9s crash 3' 'at 12s start-lost 3'
bites pause 'at 9s pause 3 2s'
bites slow-cpu 'at 9s busy 3 5ms'
bites clock-step 'at 9s clock-ahead 3 100s'
bites clock-drift 'at 2s clock-fast 3 5000' 'at 2s clock-slow 4 20000'
bites memory-refused 'at 9s refuse-memory 1-5 1'
also=crash bites mass-join 'at 9s crash 1-3' 'at 10s start 1-3'
also='vanish mass-join' bites region-loss 'at 9s vanish zone:2' 'at 12s start zone:2'
bites origin-error 'origin-fail-pct 20'
bites origin-poison 'origin-poison-pct 20'
bites origin-trickle 'origin-trickle-pct 20'
bites lying-peer 'at 8s lie all 1'
bites trickling-peer 'at 8s trickle 3 500ms'
bites mixed-versions 'older-nodes 5' 'requests 600' 'keys 3'
bites flash-crowd 'at 9s flash 3 9'
bites slow-reader 'slow-viewers-pct 50' 'size-min 200KiB' 'size-max 300KiB'
bites leaver 'leavers-pct 30'
bites rare-path 'rare-pct 20'
on_disk() { bites "$@" 'disk 8MiB' 'memory 1MiB' 'requests 2000' 'keys 300' 'zipf no'; }
on_disk disk-read-error 'at 8s disk-errors all 50'
on_disk disk-write-error 'at 8s disk-write-errors all 50'
on_disk disk-corrupt 'at 8s disk-corrupt all 50'
on_disk disk-torn 'at 8s disk-torn all 50'
on_disk disk-full 'at 8s disk-full all 128KiB'
on_disk disk-slow 'at 8s disk-slow all 50ms'
also=vanish on_disk power-loss 'at 15s vanish 1-3'
kinds=$("$sim" --help | sed -n '/^Kinds of faults/,/^$/p' | grep -c '^  ')
tried=$(grep -cE '^[^#]*(bites|on_disk) [a-z]' "$0")
[ "$kinds" -eq "$tried" ]
status=$?
echo "$kinds kinds, $tried tried" >"$work/report"
judge faults/all-kinds-are-tried $status

# refused TEXT LINE: such a line of a scenario is turned down with that text.
refused() {
    printf 'nodes 4\nrings 2\n%s\n' "$2" >"$work/wrong.scn"
    "$sim" run --scenario "$work/wrong.scn" >"$work/report" 2>&1
    [ $? -eq 78 ] && grep -q -- "$1" "$work/report"
    judge "faults/refused: $2" $?
}
refused 'wrong.scn:3:1: flap takes' 'at 9s flap 1 2 3s 2s'
refused 'wrong.scn:3:1: a clock gains or loses' 'at 9s clock-fast 1 20001'
refused 'wrong.scn:3:1: there are 2 regions' 'at 9s vanish region:3'
refused 'wrong.scn:3:20: how many bytes is a size' 'at 9s mtu-hole 1 2 wide'

# The same faults in every binary.
for other in "$@"; do
    "$other" run --scenario sim/scenarios/faults-all.scn --seed 3 2>&1 | sed -n 's/^trace //p' >>"$work/traces"
done
cp "$work/traces" "$work/report"
[ "$(sort -u "$work/traces" | wc -l)" -eq 1 ] && [ -s "$work/traces" ]
judge faults/same-trace $?
exit $failed

#!/bin/sh
# replay.sh SIM [SIM...] - logs, samples, presets and a live mesh's nodes as input: what an operator has. Each log is made
# by access_log.py, and gone at the end. Prints "ok NAME" or "FAIL NAME" a test; exit code 1 when one failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
first=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-replay.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

ok() { echo "ok replay/$1"; }
fail() {
    sed 's/^/    /' "$work/out"
    echo "FAIL replay/$1"
    failed=1
}
# says NAME TEXT: it is in what the last run said.
says() { if grep -q -- "$2" "$work/out"; then ok "$1"; else fail "$1"; fi; }
# run CODE ARGUMENT...: a run that ends with this exit code; what it says on both streams is in out.
run() {
    code=$1
    shift
    "$first" "$@" >"$work/out" 2>&1
    got=$?
    if [ "$got" -ne "$code" ]; then echo "exit code $got, not $code: $*" >>"$work/out"; fi
    [ "$got" -eq "$code" ]
}
trace() { sed -n 's/^trace \([0-9a-f]\{32\}\) .*/\1/p' "$work/out"; }
figure() { sed -n "s/.*\"$1\":\([0-9]*\)[,}].*/\1/p" "$work/out"; }
replayed() { sed -n 's/^Replayed: .*), //p' "$work/out"; }
log() { /usr/bin/python3 tests/sim/access_log.py "$@"; }

# The same requests in three formats are the same run; of each build too. Of 600 lines those that are a GET with a 200.
traces=
for format in cloudfront combined vhost; do
    log $format 600 120 30 >"$work/log"
    want=$(awk '/GET/ && (/\t200\t/ || / 200 /)' "$work/log" | wc -l)
    for sim in "$@"; do
        "$sim" run --nodes 4 --warmup 5s --log "$work/log" --json >"$work/out" 2>&1
        traces="$traces $(sed -n 's/.*"trace":"\([0-9a-f]*\)".*/\1/p' "$work/out")"
        if [ "$(figure requests)" != "$want" ]; then fail "$format-requests"; fi
    done
done
if [ "$(echo "$traces" | tr ' ' '\n' | grep . | sort -u | wc -l)" -eq 1 ]; then ok formats-are-one-run; else
    echo "$traces" >"$work/out"
    fail formats-are-one-run
fi

log json 500 100 30 >"$work/log"
if run 0 run --nodes 4 --warmup 5s --log "$work/log"; then
    says answer '^In the 4 nodes [0-9.]* % of .*; the busiest node, n[1-4], gave'
    says told 'Replayed: log (json), [0-9]* requests for [0-9]* objects'
else fail answer; fi
plain=$(trace) whole=$(replayed)
gzip -c "$work/log" | run 0 run --nodes 4 --warmup 5s --log -
if [ -n "$plain" ] && [ "$(trace)" = "$plain" ]; then ok gzip-on-standard-input; else fail gzip-on-standard-input; fi
awk 'NR % 2' "$work/log" >"$work/odd"
awk 'NR % 2 == 0' "$work/log" >"$work/even"
if run 0 run --nodes 4 --warmup 5s --log "$work/odd" --log "$work/even" && [ -n "$whole" ] && [ "$(replayed)" = "$whole" ]; then
    says several-logs 'Replayed: odd and 1 more (json), '
else fail several-logs; fi
if run 0 run --nodes 4 --warmup 5s --log "$work/log" --log-speed 10; then says speed ' 8\.[01] s of virtual time'; else fail speed; fi
if run 0 run --nodes 4 --warmup 5s --log "$work/log" --requests 50 --json && [ "$(figure requests)" = 50 ]; then
    ok the-first-so-many
else fail the-first-so-many; fi
if run 0 hunt --log "$work/log" --seeds 3; then ok hunt; else fail hunt; fi
printf 'nodes 3\nwarmup 5s\nexpect error >= 1\n' >"$work/never.scn"
if run 0 shrink --scenario "$work/never.scn" --log "$work/log" --out "$work/small.scn" &&
    run 1 run --scenario "$work/small.scn" --log "$work/log"; then ok shrink; else fail shrink; fi

# Lines that are broken are shown and harm no other; a file without one that is understood is refused.
log csv 300 50 20 >"$work/log"
run 0 run --nodes 2 --warmup 5s --log "$work/log" --json
want=$(figure requests)
{ cat "$work/log"; printf 'x\n"y,1\n3,h,,5,GET,200,,,\n'; } >"$work/broken"
if run 0 run --nodes 2 --warmup 5s --log "$work/broken" --json && [ "$(figure requests)" = "$want" ]; then
    says broken-lines 'broken:303: a quote is not closed: "y,1'
else fail broken-lines; fi
printf 'some text\nand more\n' >"$work/none"
if run 78 run --log "$work/none"; then says no-log 'nothing in .*none is understood: wanted is an access log of Hedgerow'; else fail no-log; fi
if run 78 run --log "$work/missing"; then says no-file 'cannot be read: No such file'; else fail no-file; fi
printf 'time,uri,method\n1,/a,POST\n' >"$work/posts"
if run 78 run --log "$work/posts"; then says nothing-to-replay 'of 2 lines 1 are no GET'; else fail nothing-to-replay; fi
printf 'time,uri\n1,/a\n4000000,/b\n' >"$work/long"
if run 78 run --log "$work/long"; then says too-long 'covers 46 days, and a run 30 at most: say --log-speed'; else fail too-long; fi

# A sample does as the whole: within 6 points here, where it has some 60 objects of 500.
log combined 6000 500 60 3 >"$work/log"
run 0 run --nodes 3 --warmup 5s --log "$work/log" --memory 8MiB --json
whole=$(($(figure origin_fetches) * 1000 / $(figure requests)))
run 0 run --nodes 3 --warmup 5s --log "$work/log" --memory 8MiB --sample 8 --json
part=$(($(figure origin_fetches) * 1000 / $(figure requests)))
if [ $((whole - part)) -lt 60 ] && [ $((part - whole)) -lt 60 ]; then ok sample; else
    echo "of 1,000 requests $whole at the origin, and $part in the sample" >>"$work/out"
    fail sample
fi
run 0 run --nodes 3 --warmup 5s --log "$work/log" --memory 8MiB --sample 8
says sample-is-told 'one object in 8: shares and times are as of the whole'

# A mesh that there is.
cat >"$work/status.json" <<'END'
{"schema": 1, "cache": {"memory_limit": 33554432}, "mesh": {"members": [
 {"name": "paris-1", "zone": "eu/paris", "state": "alive"}, {"name": "berlin-1", "zone": "eu/berlin", "state": "alive"},
 {"name": "ohio-1", "zone": "us/ohio", "state": "suspect"}, {"name": "gone-1", "zone": "us/ohio", "state": "dead"}]}}
END
printf 'time,uri,bytes,edge\n1.5,/a,10,ohio-1\n2,/a,10,ohio-1\n' >"$work/log"
if run 0 run --topology "$work/status.json" --warmup 5s --log "$work/log"; then
    says topology 'n2    ohio-1               in us/ohio: region 2, zone 1'
    says topology-edge 'the busiest node, n2, gave 100.0 % of them'
else fail topology; fi
if run 0 run --topology "$work/status.json" --print; then says topology-memory '^memory 32MiB$'; else fail topology-memory; fi
if run 78 run --topology "$work/none"; then says no-json 'none:1:'; else fail no-json; fi
echo '{}' >"$work/none"
if run 78 run --topology "$work/none"; then says no-mesh 'wanted is what .hedgerow status --json. prints'; else fail no-mesh; fi

# What is wrong, or will not do, is said before.
if run 2 run --network slow; then says preset 'network is lan, good, wan, bad or awful'; else fail preset; fi
# shellcheck disable=SC3045
(ulimit -v 4000000; run 2 run --workload cdn --nodes 20)
says memory 'this run may take 2[0-9.]* GB of memory .*: say --sample 8'
printf 'nodes 2\nkeys 3\nrequests 3\nwarmup 5s\ntime 8s\nat 2s origin down\n' >"$work/down.scn"
run 0 run --scenario "$work/down.scn"
says no-origin 'there is no origin: it is down before viewers ask'
if run 0 run --nodes 3 --network awful --requests 40 --time 20s; then ok awful; else fail awful; fi
exit $failed

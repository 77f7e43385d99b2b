#!/bin/sh
# targets.sh [quick] - what the mesh core promises in numbers, one row a promise: what was seen, beside whom, the target,
# pass or MISS. Wants a quiet machine. quick: smaller meshes and fewer seeds, some minutes; else the sizes that the
# targets name, which takes hours (sim/targets.sh says how to choose rows, seeds and modes).
# Environment: PARTS="http ring wire nodes sim" only these; ROWS, SEEDS, MODES, JOBS as in sim/targets.sh.
set -u
cd "$(dirname "$0")/.." || exit 1
quick=${1:-}
parts=${PARTS:-http ring wire nodes sim}
missed=0

wanted() { case " $parts " in *" $1 "*) echo; echo "== $2" ;; *) return 1 ;; esac; }

# rows COMMAND...: its lines about rows, as they come; notes a MISS or a failure.
rows() {
    "$@" >"$out" 2>&1 || { missed=$((missed + 1)); grep -v '^row' "$out" | tail -5; }
    grep '^row' "$out"
    missed=$((missed + $(grep -c '^row.*MISS' "$out")))
}

# proof ROW MEASURE TEST: a row that a test of real processes proves.
proof() {
    if /usr/bin/python3 tests/mesh/run.py -k "$3" >"$out" 2>&1 && ! grep -q '^skip' "$out"; then
        echo "row $1  $2: pass ($(sed -n 's/^ok //p' "$out" | head -1))"
    else
        echo "row $1  $2: $(grep -q '^skip' "$out" && sed -n 's/^skip //p' "$out" | head -1 || echo MISS)"
        missed=$((missed + 1))
    fi
}

cmake -S . -B .build -G Ninja -DHEDGEROW_WERROR=ON >/dev/null && ninja -C .build >/dev/null || exit 1
out=$(mktemp) || exit 1
trap 'rm -f "$out" "$out.all"' EXIT

if wanted ring "the ring, beside a ring of points and Maglev"; then
    rows .build/tests/bench_ring "$([ -n "$quick" ] && echo 2 || echo 20)"
    sh tests/bench/big_endian.sh >"$out" 2>&1
    for cpu in little s390x; do
        echo "row 15  the same table bytes on another CPU, $cpu: $(awk -v cpu="big-endian/$cpu" 'index($2, cpu) == 1 {
            n[$1]++; if ($1 == "skip") { $1 = $2 = ""; why = $0 } }
            END { print n["FAIL"] ? "MISS" : n["ok"] ? "pass, " n["ok"] " tables" : "not seen:" why }' "$out")"
    done
fi
if wanted wire "what travels, beside the bare primitives"; then
    .build/tests/bench_proto >"$out.all"
    grep -v '^row' "$out.all"
    rows grep '^row' "$out.all"
    rows .build/tests/bench_tamper "$([ -n "$quick" ] && echo 100000 || echo 1000000)"
fi
if wanted http "HTTP/1.1, beside picohttpparser"; then
    rows .build/tests/bench_parse "$([ -n "$quick" ] && echo 51 || echo 501)"
    rows /usr/bin/python3 tests/bench/chunks.py "$([ -n "$quick" ] && echo 5 || echo 15)"
fi
if wanted nodes "real processes on this machine"; then
    rows /usr/bin/python3 tests/bench/frozen.py "$([ -n "$quick" ] && echo 5 || echo 20)"
    rows /usr/bin/python3 tests/bench/owner_dies.py "$([ -n "$quick" ] && echo 1 || echo 5)"
    rows /usr/bin/python3 tests/reality/run.py --runs "$([ -n "$quick" ] && echo 1 || echo 5)"
    rows /usr/bin/python3 tests/bench/restart.py "$([ -n "$quick" ] && echo 5 || echo 20)"
    rows /usr/bin/python3 tests/bench/purges.py "$([ -n "$quick" ] && echo 10 || echo 60)"
    proof 27 "revoked: cut off everywhere within 5 s, transfers and all" m10_a_revoked_node_is_cut_off
    proof 28 "an authority rotated under load: 0 failed, 0 restarts" t28
fi
if wanted sim "in the simulator, membership beside SWIM and Lifeguard"; then
    sh sim/targets.sh .build/hedgerow-sim $quick
    missed=$((missed + $?))
fi
echo
echo "$missed rows or parts missed"
[ "$missed" -eq 0 ]

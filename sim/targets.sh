#!/bin/sh
# targets.sh SIM [quick] - what membership, purges and routing promise, measured in the simulator: each row beside SWIM and
# Lifeguard in the same world (a "-" where a mode was not run), beside its target, and whether it is met.
# quick: fewer nodes, shorter, one seed: a minute. Else the sizes that the targets name: hours.
# Environment: ROWS="1 3 8" only these (s: the simulator's own, L: L1 to L6, V: what a mesh is worth), SEEDS=N so many seeds
# where a row has several, MODES="hedgerow" no baselines, JOBS=2 so many runs at a time. A row of a smaller size than its target says so in
# its measure. What is done, and what it cost, comes on the error stream.
set -u
sim=$1
quick=${2:-}
rows=${ROWS:-1 3 4 5 6 8 9 10 18 21 22 23 24 L V s}
modes=${MODES:-hedgerow swim lifeguard}
jobs=${JOBS:-2}
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-targets.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
missed=0

size() { if [ -n "$quick" ]; then echo "$1"; else echo "$2"; fi; }

has() { case " $modes " in *" $1 "*) "$sim" members --mode "$1" --print >/dev/null 2>&1 ;; *) false ;; esac; }

# one NAME MODE SEED: a run, its figures and its errors in files of its own.
one() {
    "$sim" members --scenario "$work/$1.scn" --mode "$2" --seed "$3" --json --cost >"$work/$1.$2.$3.json" \
        2>"$work/$1.$2.$3.errors"
    [ ! -t 2 ] || printf '\r%s %s, seed %s ' "$1" "$2" "$3" >&2
}

# gather NAME MODE SEEDS: all of these in order of seeds, and a line about their cost.
gather() {
    seed=1
    while [ "$seed" -le "$3" ]; do
        cat "$work/$1.$2.$seed.json" >>"$work/$1.$2"
        grep -v '^cost ' "$work/$1.$2.$seed.errors" >>"$work/errors"
        grep '^cost ' "$work/$1.$2.$seed.errors" >>"$work/$1.$2.cost"
        seed=$((seed + 1))
    done
    [ ! -t 2 ] || printf '\r' >&2
    awk -v what="$1, $2" -v runs="$3" -v took="$4" '
        { cpu += $2; if ($6 + 0 > mib) mib = $6 + 0 }
        END { printf "# %s: %d of %d runs told their cost: %.0f s of CPU, %d s, at most %d MiB\n", what, NR, runs, cpu, took, mib }
    ' "$work/$1.$2.cost" >&2
}

# runs NAME SEEDS, the scenario on the input: each mode with seeds 1 to SEEDS, $jobs at a time.
runs() {
    name=$1 seeds=$2
    cat >"$work/$name.scn"
    for mode in hedgerow swim lifeguard; do
        has $mode || continue
        began=$(date +%s) seed=1 under_way=0
        while [ "$seed" -le "$seeds" ]; do
            one "$name" "$mode" "$seed" &
            seed=$((seed + 1)) under_way=$((under_way + 1))
            if [ "$under_way" -ge "$jobs" ]; then
                wait
                under_way=0
            fi
        done
        wait
        gather "$name" "$mode" "$seeds" $(($(date +%s) - began))
    done
}

# of NAME MODE HOW FIELD: one number from all seeds. HOW: max, sum, mean; or p99 or mean of a series of values.
of() {
    [ -s "$work/$1.$2" ] || { echo -; return; }
    sed -n "s/.*\"$4\":\[\{0,1\}\([0-9,a-z]*\).*/\1/p" "$work/$1.$2" | tr ',' '\n' | sed '/^$/d' | sort -n |
        awk -v how="$3" '
            $1 == "null" { never++; next }
            { v[++n] = $1; sum += $1; if ($1 > max) max = $1 }
            END {
                if (never && (how == "max" || how == "p99")) { print "never"; exit }
                if (n == 0) { print "-"; exit }
                if (how == "max") print max + 0
                else if (how == "sum") print sum
                else if (how == "mean") printf "%.0f\n", sum / n
                else { k = int(n * 0.99); if (k < n * 0.99) k++; print v[k < 1 ? 1 : k] }
            }'
}

line() { printf '%-4s %-66s %9s %9s %9s %10s %s\n' "$@"; }

# row NUMBER MEASURE TARGET NAME HOW FIELD
row() {
    ours=$(of "$4" hedgerow "$5" "$6")
    verdict=pass
    case $ours in
    -) verdict='no figure' ;;
    never) verdict=MISS ;;
    *) [ "$ours" -le "$3" ] || verdict=MISS ;;
    esac
    [ "$verdict" = pass ] || missed=$((missed + 1))
    line "$1" "$2" "$ours" "$(of "$4" swim "$5" "$6")" "$(of "$4" lifeguard "$5" "$6")" "<= $3" "$verdict"
}

wanted() { case " $rows " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

line row measure ours SWIM Lifeguard target ''

if wanted 1; then
    n=$(size 120 1000) crashes=$(size 12 20) seeds=$(size 1 "${SEEDS:-200}")
    for loss in 0 10; do
        runs "crash$loss" "$seeds" <<END
nodes $n
join-every 10ms
loss-pct $loss
warmup 30s
time $((35 + crashes * 12))s
at 30s crashes all $crashes 12s
END
    done
    row 1 "ms until all say dead, p99 of $((crashes * seeds)) crashes, N=$n, no loss" 6000 crash0 p99 crash_ms
    row 1 "... 10 % loss" 8000 crash10 p99 crash_ms
    row 1 "... crashes that not all noticed, either" 0 crash10 sum crash_missed
fi

if wanted 3; then
    seeds=$(size 1 "${SEEDS:-5}")
    runs storm "$seeds" <<END
nodes 128
join-every 10ms
warmup 20s
time 140s
at 20s freeze 97-128 8s 9s
END
    row 3 "healthy nodes declared dead, 32 of 128 frozen 8 s of 9 s, $seeds x 120 s" 0 storm sum wrong_deaths
    row 3 "... views in which a running node lost its place in the ring" 0 storm sum ring_moves
    row 7 "bytes a node and second in that storm" 4000 storm max idle_bytes
    row 7 "... the most of one node in one second" 16384 storm max peak_bytes
fi

if wanted 4; then
    t=$(size 240 3600) seeds=$(size 1 "${SEEDS:-50}")
    runs loss "$seeds" <<END
nodes 128
join-every 10ms
loss-pct 25
warmup 20s
time $((20 + t))s
END
    row 4 "wrong deaths, 25 % loss, N=128, $seeds x $t s" 0 loss sum wrong_deaths
fi

if wanted 5; then
    for n in $(size 200 "1024 4096"); do
        many=$(size 60 10000)
        [ "$n" -lt 4096 ] || many=500
        mean=$([ "$n" -lt 4096 ] && echo 300 || echo 400)
        for loss in 0 10; do
            runs "update$n-$loss" 1 <<END
nodes $n
join-every 5ms
loss-pct $loss
warmup 30s
time $((31 + many / 5))s
at 30s update all $many 200ms
END
        done
        row 5 "ms until all have an update, mean of $many, N=$n, 5-50 ms links" "$mean" "update$n-0" mean update_ms
        row 5 "... p99 with 10 % loss" 800 "update$n-10" p99 update_ms
        row 5 "... updates lost, 10 % loss" 0 "update$n-10" sum updates_lost
    done
fi

if wanted 6; then
    n=$(size 200 1000)
    runs idle 1 <<END
nodes $n
join-every 10ms
warmup 60s
time $(size 90 180)s
END
    row 6 "bytes a node and second when idle, seal and exchanges too, N=$n" 600 idle max idle_bytes
fi

if wanted 8; then
    n=$(size 60 1000) cut=$(size 900 7200)
    runs partition 1 <<END
nodes $n
join-every 10ms
warmup 20s
time $((80 + cut))s
at 20s cut 1-$((n / 2)) $((n / 2 + 1))-$n
at $((20 + cut))s heal
END
    row 8 "ms from heal to equal views, halves apart for $cut s, N=$n" 10000 partition max healed_ms
    if [ -z "$quick" ]; then
        runs long 1 <<END
nodes 32
join-every 10ms
warmup 20s
time 216080s
at 20s cut 1-16 17-32
at 216020s heal
END
        row 8 "... for 60 h, N=32" 10000 long max healed_ms
    fi
fi

if wanted 9; then
    n=$(size 120 1000)
    for kind in restart restart-lost; do
        runs "$kind" 1 <<END
nodes $n
join-every 10ms
warmup 20s
time 83s
quiet 15s
at 20s $kind all 60s
END
    done
    row 9 "stuck members 15 s after all restarted within 60 s, N=$n" 0 restart max stuck
    row 9 "... boot counters lost" 0 restart-lost max stuck
    row 9 "... ms from the last start to equal views, lost or not" 15000 restart-lost max restarted_ms
fi

if wanted 10; then
    n=$(size 150 1000)
    runs join 1 <<END
nodes $n
warmup 20s
time 30s
END
    row 10 "ms until equal views when $n join at once" 15000 join max joined_ms
fi

# ---- whole nodes ----

judged() { # NUMBER MEASURE VALUE TARGET OP
    verdict=$(awk -v a="$3" -v b="$4" -v op="$5" 'BEGIN { print a == "-" ? "no figure" : (op == "<=" ? a + 0 <= b + 0 : a + 0 >= b + 0) ? "pass" : "MISS" }')
    [ "$verdict" = pass ] || missed=$((missed + 1))
    line "$1" "$2" "$3" '' '' "$5 $4" "$verdict"
}

# figure NAME FIELD: a figure of a run of whole nodes.
figure() { sed -n "s/.*\"$2\":\([0-9]*\)[,}].*/\1/p" "$work/$1.json" | grep . || echo -; }

# whole NAME, the scenario on the input: one run of whole nodes.
whole() {
    cat >"$work/$1.scn"
    "$sim" run --scenario "$work/$1.scn" --json >"$work/$1.json" 2>>"$work/errors"
}

# nodes NAME SEEDS, the scenario on the input: the same of `run`, which has no other modes.
nodes() {
    cat >"$work/$1.scn"
    seed=1
    while [ "$seed" -le "$2" ]; do
        "$sim" run --scenario "$work/$1.scn" --seed "$seed" --json >>"$work/$1.hedgerow" 2>>"$work/errors"
        seed=$((seed + 1))
    done
}

if wanted 18; then
    n=$(size 40 100) seeds=$(size 1 "${SEEDS:-3}")
    nodes popular "$seeds" <<END
nodes $n
keys $(size 2000 10000)
requests $((n * $(size 400 2000)))
size-max 2KiB
spread-floor 24
arc-bits 18
real-crypto-nodes 0
warmup 15s
time 75s
END
    row 18 "busiest owner, % of the mean, Zipf 1.0, N=$n" 130 popular max busiest_owner_pct
    row 18 "... asks of owners, % of requests" 60 popular max owner_traffic_pct
fi

if wanted 21; then
    worst=0 more=0 fetches=0 n=$(size 2 "${SEEDS:-10}")
    for seed in $(seq "$n"); do
        for hedge in yes no; do
            "$sim" run --scenario "$(dirname "$0")/scenarios/slow-owner.scn" --seed "$seed" --hedge $hedge --json >"$work/$hedge.json" \
                2>>"$work/errors"
        done
        set -- "$(figure yes p999_us)" "$(figure no p999_us)" \
            "$(figure yes hedges)" "$(figure no asks)" \
            "$(figure yes origin_fetches)" "$(figure no origin_fetches)"
        worst=$(awk -v w="$worst" -v a="$1" -v b="$2" 'BEGIN { p = 100 * a / b; print (p > w ? p : w) }')
        more=$(awk -v w="$more" -v a="$3" -v b="$4" 'BEGIN { p = 100 * a / b; print (p > w ? p : w) }')
        fetches=$((fetches + $5 - $6))
    done
    judged 21 "p99.9, one slow owner of 20, % of that without hedges, $n seeds" "$worst" 20 '<='
    judged 21 "... hedges in % of all asks" "$more" 2 '<='
    judged 21 "... fetches from the origin more than without" "$fetches" 0 '<='
fi

if wanted 22; then
    # One way 5 to 150 ms, evenly: its 99th percentile is 148.5 ms. Until it lies on the disk of its own node and then of
    # each (2 to 4 ms). Before, each node has had a word with each other one, which takes a second each,
    # and a few turns where it was lost: who is not known yet gets a datagram only after two more ways.
    n=$(size 60 1000)
    whole purges <<END
nodes $n
seeds 5
join-every 5ms
delay-ms 5
zone-delay-ms 5
jitter-ms 145
loss-pct 1
real-crypto-nodes 0
keys 10
requests 0
warmup $((3 * n))s
time $((3 * n + 30))s
purges 30
END
    judged 22 "us from a purge's call to a node's disk, p99, N=$n, 1 % loss" "$(figure purges purge_p99_us)" 298500 '<='
    judged 22 "... p99.9" "$(figure purges purge_p999_us)" 548500 '<='
    judged 22 "... mean" "$(figure purges purge_mean_us)" 120000 '<='
    judged 22 "... nodes that it did not get to" "$(figure purges purges_missed)" 0 '<='
fi

if wanted 23; then
    broken=0
    "$sim" run --scenario sim/scenarios/purges-away.scn --json >"$work/away.json" 2>>"$work/errors" || broken=1
    judged 23 "rules broken when two nodes return after 1 h and $(figure away purges) purges" "$broken" 0 '<='
fi

if wanted 24; then
    seeds=$(size 1 "${SEEDS:-5}")
    # Steady, since each node's cache is full, and what is fetched evicts something.
    nodes replaced "$seeds" <<END
nodes 20
keys $(size 15000 60000)
requests $(size 60000 400000)
size-max 2KiB
memory $(size 1MiB 4MiB)
ready-only yes
real-crypto-nodes 0
warmup 10s
time $(size 300 600)s
at $(size 180 360)s crash 7
at $(size 200 390)s start 7
END
    row 24 "more of a million requests missed, in a minute since 1 of 20 was replaced" 10000 replaced max dip_ppm
    row 24 "... requests at the origin, % of those in the minute before" 120 replaced max origin_rise_pct
fi

# ---- which edge viewers are sent to ----

# worst SCENARIO FIELD HOW [ARGUMENT...]: of some seeds the least or the most.
worst() {
    scn=$1 field=$2 how=$3
    shift 3
    for seed in $(seq "$(size 2 "${SEEDS:-20}")"); do
        "$sim" routing --scenario "sim/scenarios/routing/$scn.scn" --others no --seed "$seed" "$@" --json 2>>"$work/errors" |
            sed -n "s/.*\"$field\":\([0-9]*\)[,}].*/\1/p"
    done | sort -n | if [ "$how" = least ]; then head -1; else tail -1; fi | grep . || echo -
}

if wanted L; then
    "$sim" routing --scenario sim/scenarios/routing/learn.scn 2>>"$work/errors" | sed -n '3,8p' >&2
    judged L1 "of 1,000 viewers near, from 60 s on; 10 edges, 1,000 networks x 4" "$(worst learn near_least least)" 950 '>='
    judged L1 "... one viewer in each network" "$(worst alone near_least least)" 950 '>='
    judged L1 "... each /16 mixed, 4 viewers" "$(worst mixed near_least least)" 950 '>='
    judged L1 "... 40 edges, at 120 s" "$(worst many near_120s least)" 950 '>='
    judged L3 "ms until the last answer that names an edge that ended" "$(worst crash named_dead_ms most)" 10000 '<='
    judged L3 "... answers that name one known as dead" "$(worst crash named_known_dead most)" 0 '<='
    judged L4 "of 1,000 viewers of networks that moved near, 60 s later" "$(worst move rehomed_60s least)" 950 '>='
    judged L4 "... one viewer in each network" "$(worst move rehomed_60s least --viewers 1)" 950 '>='
    judged L5 "load of a full edge, of 1,000 of its cap, most in 10 minutes" "$(worst full cap_most most)" 1250 '<='
    judged L5 "... least" "$(worst full cap_least least)" 750 '>='
    judged L5 "... turns" "$(worst full cap_turns most)" 2 '<='
    judged L6 "answers with a region that is left out" "$(worst left-out named_left_out most)" 0 '<='
fi

# ---- the simulator itself ----

# cost COMMAND... prints seconds of CPU and MiB of a run, "- -" if it fails.
cost() {
    "$@" --cost >"$work/out" 2>"$work/cost"
    sed -n 's/^cost \([0-9.]*\) s of CPU, \([0-9]*\) MiB$/\1 \2/p' "$work/cost" | grep . || echo '- -'
}

if wanted V; then
    # The whole costs an hour; a sample has the same shares (README.md). The quick one has some 90 objects a node in memory.
    n=$(size 256 64)
    for kind in mesh isolated single; do
        case $kind in
        mesh) set -- ;;
        isolated) set -- --isolated yes ;;
        single) set -- --second-copies no ;;
        esac
        "$sim" run --workload cdn --nodes 20 --sample "$n" "$@" --real-crypto-nodes 0 --time 120s --json \
            >"$work/$kind.json" 2>>"$work/errors"
    done
    share() { echo "$(figure "$1" origin_fetches) $(figure "$1" requests)" | awk '{ if ($2 > 0) printf "%.1f", 100 * $1 / $2; else print "-" }'; }
    judged V "origin requests, % of all; 20 nodes, 1 GiB each, cdn, a sample of 1 in $n" "$(share mesh)" 33 '<='
    judged V "... without second copies" "$(share single)" 30 '<='
    judged V "... where nodes are isolated: what it is compared with" "$(share isolated)" 74 '>='
fi

if wanted s; then
    n=$(size 300 10000) t=$(size 120 600)
    set -- $(ulimit -v 4000000 2>/dev/null; cost "$sim" members --settled yes --nodes "$n" --time "${t}s" --quiet 0s)
    judged sim "s of CPU, $n nodes x $t s, membership only, a settled mesh" "$1" 60 '<='
    judged sim "... MiB" "$2" 3072 '<='
    for crypto in real none; do
        [ $crypto = none ] && nodes=0 || nodes=200
        set -- $(cost "$sim" run --nodes 50 --requests 0 --faults 10 --time 600s --real-crypto-nodes $nodes)
        judged sim "x faster than life, 50 nodes, 10 faults in 600 s, engines; cryptography: $crypto" \
            "$(awk -v c="$1" 'BEGIN { print (c > 0 ? int(600 / c) : "-") }')" 1000 '>='
    done
    seeds=$(size 20 1000)
    judged sim "seeds a minute, hunt of $seeds: 12 nodes, 120 s, 2 requests a second and node" \
        "$("$sim" hunt --scenario "$(dirname "$0")/scenarios/hunting.scn" --seeds "$seeds" 2>/dev/null |
            sed -n 's/.* s, \([0-9]*\) seeds a minute$/\1/p' | grep . || echo -)" 1000 '>='
    # The mesh is settled, since of 1,000 nodes that join at once the joining would be most of what is measured.
    # In the quick form a tenth of the nodes, a fifth of the time, and so a fiftieth of the requests and of the target.
    n=$(size 100 1000) t=$(size 120 600)
    set -- $(ulimit -v 6000000 2>/dev/null; cost "$sim" run --nodes "$n" --settled yes --keys 200 --size-max 1KiB \
        --warmup 20s --time "$((20 + t))s" --requests "$((n * t * 10))" --real-crypto-nodes 0 --own-rings 0)
    judged sim "s of CPU, $n nodes x $t s x 10 requests a second and node, a settled mesh" "$1" "$(size 1.8 90)" '<='
    judged sim "... MiB" "$2" "$(size 205 2048)" '<='
    set -- $(cost "$sim" members --nodes 50 --time 600s --loss-pct 2 --quiet 0s)
    judged sim "... membership alone, 2 % loss" "$(awk -v c="$1" 'BEGIN { print (c > 0 ? int(600 / c) : "-") }')" 1000 '>='
    # A planner's question, on all cores; cryptography is the stand-in, as sizes do not depend on it.
    requests=$(size 5000 200000) seeds=$(size 1 5) began=$(date +%s)
    if "$sim" sweep --vary memory=4MiB,8MiB,16MiB,32MiB,64MiB --seeds "$seeds" --nodes 40 --real-crypto-nodes 0 \
        --requests "$requests" --keys 20000 --size-max 16KiB --time 300s >"$work/sweep" 2>>"$work/errors"; then
        took=$(($(date +%s) - began))
    else
        took=-
    fi
    head -1 "$work/sweep" >&2
    judged sim "s for a sweep of 5 sizes x $seeds seeds, 40 nodes, $requests requests a run" "$took" 60 '<='
    first=$("$sim" members --nodes 60 --loss-pct 5 --seed 3 | tail -1)
    again=$("$sim" members --nodes 60 --loss-pct 5 --seed 3 | tail -1)
    differ=1
    [ -n "$first" ] && [ "$first" = "$again" ] && differ=0
    judged sim "repeated runs that differ" "$differ" 0 '<='
fi

[ ! -s "$work/errors" ] || sort -u "$work/errors" >&2
echo "$missed missed"
exit "$((missed > 0))"

#!/bin/sh
# run.sh BUILD_DIR SECONDS JOBS - runs every fuzz target of a build, JOBS at a time, so that all of them together
# take about SECONDS. What a target has learnt stays in BUILD_DIR/corpus and is where the next run begins;
# an input that breaks it is kept as BUILD_DIR/crash-TARGET-…, and its log is printed.
set -u
build=$1 seconds=$2 jobs=$3

targets=
total=0
for target in "$build"/tests/fuzz_*; do
    if [ -f "$target" ] && [ -x "$target" ]; then
        targets="$targets $target"
        total=$((total + 1))
    fi
done
if [ "$total" -eq 0 ]; then
    echo "skip fuzz: no targets"
    exit 0
fi
# Seeds out of public corpora, where they are.
corpora=${HEDGEROW_CORPORA:-../shared/corpora}
/usr/bin/python3 tests/fuzz/seeds.py "$corpora" "$build/seeds" || echo "FAIL fuzz-seeds"
if [ ! -x "$build/tests/fuzz_http_differ" ]; then
    echo "skip fuzz_http_differ: libh2o-dev or libhttp-parser-dev was not there when this was built"
fi

each=$((seconds * jobs / total))
if [ "$each" -lt 1 ]; then each=1; fi

# fuzz_one TARGET runs one target and prints its result line.
fuzz_one() {
    name=$(basename "$1")
    corpus=$build/corpus/$name
    mkdir -p "$corpus"
    seeds=
    if [ -d "$build/seeds/$name" ]; then seeds=$build/seeds/$name; fi
    case $name in
    fuzz_http_* | fuzz_chunked) if [ -f "$corpora/http.dict" ]; then seeds="$seeds -dict=$corpora/http.dict"; fi ;;
    esac
    # shellcheck disable=SC2086
    if "$1" -max_total_time="$each" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$build/crash-$name-" \
        -print_final_stats=1 "$corpus" $seeds >"$corpus.log" 2>&1; then
        echo "ok $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$corpus.log") runs in $each s"
    else
        tail -n 60 "$corpus.log"
        echo "FAIL $name: see $corpus.log"
    fi
}

# The k-th job takes every jobs-th target; each job's lines stay together.
job=0
while [ "$job" -lt "$jobs" ]; do
    (
        at=0
        for target in $targets; do
            if [ $((at % jobs)) -eq "$job" ]; then fuzz_one "$target"; fi
            at=$((at + 1))
        done
    ) >"$build/fuzz.$job.out" &
    job=$((job + 1))
done
wait
cat "$build"/fuzz.[0-9]*.out
rm -f "$build"/fuzz.[0-9]*.out

# What is kept, read by another parser.
if command -v node >/dev/null; then
    node tests/fuzz/llhttp.mjs "$build" || echo "node ended with $?"
else
    echo "skip fuzz-llhttp: no node on the PATH"
fi

#!/bin/sh
# run.sh - installs what is missing, builds, and runs every test, layer by layer:
#   sh tests/run.sh                  all layers, in this order
#   sh tests/run.sh unit mesh        only these: unit, sim, rules, mesh, threads, vtc, s3, conformance, signers,
#                                    media, fuzz
# Each test is one line, "ok NAME", "FAIL NAME" or "skip NAME: reason"; the last line is
# "N passed, N failed, N skipped". Exit code 0 only when nothing failed.
#
# FUZZ_SECONDS   shared by all fuzz targets (60)
# JOBS           how many at a time (the cores, 2 at least)
# HEDGEROW_INSTALL=no   leaves the system's packages alone
set -u
cd "$(dirname "$0")/.." || exit 1
. node/install.sh

FUZZ_SECONDS=${FUZZ_SECONDS:-60}
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}
if [ "$JOBS" -lt 2 ]; then JOBS=2; fi
export ASAN_OPTIONS="${ASAN_OPTIONS:-exitcode=99:detect_stack_use_after_return=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-exitcode=66}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-tests.XXXXXX") || exit 1
results=$work/results
: >"$results"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# result WORD NAME prints and counts one.
result() {
    echo "$*"
    echo "$*" >>"$results"
}

heading() {
    echo
    echo "== $1 ($(($(date +%s) - started)) s)"
}

# build NAME DIR TARGET CMAKE_ARGUMENT... configures and builds; only a failure is a result.
build() {
    name=$1 dir=$2 target=$3
    shift 3
    generator=
    if [ ! -f "$dir/CMakeCache.txt" ]; then generator="-G Ninja"; fi
    # shellcheck disable=SC2086
    if cmake -S . -B "$dir" $generator -DHEDGEROW_WERROR=ON -DHEDGEROW_TESTS=ON "$@" >"$work/build.log" 2>&1 &&
        cmake --build "$dir" -j "$JOBS" --target "$target" >>"$work/build.log" 2>&1; then
        echo "built $dir ($name)"
        return 0
    fi
    tail -n 100 "$work/build.log"
    result FAIL "build-$name"
    return 1
}

build_asan() {
    build gcc-asan .build-asan all -DCMAKE_C_COMPILER=gcc -DHEDGEROW_SANITIZE=address,undefined
}

# Unit tests run with sanitizers and as clang makes them: of this build the programs are wanted.
build_release() {
    build gcc-release .build programs
}

build_clang() {
    build clang .build-clang all -DCMAKE_C_COMPILER=clang
}

# run_ctest NAME DIR counts each of ctest's tests.
run_ctest() {
    ctest --test-dir "$2" -j "$JOBS" --output-on-failure >"$work/ctest.log" 2>&1
    status=$?
    awk -v build="$1" '
        /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
            name = $0; sub(/^[^#]*#[0-9]+: /, "", name); sub(/ .*/, "", name)
            seen++
            if ($0 ~ / Passed +[0-9.]+ sec/) print "ok " build "/" name
            else if ($0 ~ /\*\*\*(Skipped|Not Run \(Disabled\))/) print "skip " build "/" name ": not run here"
            else { print "FAIL " build "/" name; bad++ }
        }
        END { if (!seen) print "skip " build ": no tests were found" }' "$work/ctest.log" >"$work/ctest.results"
    # ctest itself may fail before it runs anything.
    if [ "$status" -ne 0 ] && ! grep -q '^FAIL ' "$work/ctest.results"; then
        echo "FAIL $1/ctest" >>"$work/ctest.results"
    fi
    if grep -q '^FAIL ' "$work/ctest.results"; then cat "$work/ctest.log"; fi
    count "$work/ctest.results"
}

# count FILE prints and adds lines that are results already.
count() {
    cat "$1"
    cat "$1" >>"$results"
}

# run_lines NAME COMMAND... runs a command that prints result lines of its own, among others.
run_lines() {
    name=$1
    shift
    { "$@" 2>&1; echo $? >"$work/status"; } | tee "$work/lines"
    status=$(cat "$work/status")
    grep -E '^(ok|FAIL|skip) ' "$work/lines" >"$work/lines.results"
    cat "$work/lines.results" >>"$results"
    if [ "$status" -ne 0 ] && ! grep -q '^FAIL ' "$work/lines.results"; then
        result FAIL "$name: exit code $status"
    fi
}

layer_unit() {
    heading "unit tests, gcc with ASan and UBSan"
    build_asan && run_ctest gcc-asan .build-asan
    heading "unit tests, clang"
    build_clang && run_ctest clang .build-clang
    run_lines big-endian sh tests/bench/big_endian.sh
}

layer_sim() {
    heading "simulator seeds"
    build_release && build_clang && build_asan || return
    if [ ! -x .build/hedgerow-sim ]; then
        result skip "sim: no hedgerow-sim binary"
        return
    fi
    run_lines sim env SIM_FIRST=.build-asan/hedgerow-sim sh tests/sim/run.sh .build/hedgerow-sim .build-clang/hedgerow-sim
}

layer_rules() {
    heading "rules of the tree"
    run_lines rules /usr/bin/python3 tests/layers/check.py
    run_lines install sh tests/layers/test_install.sh
}

# What later layers need is made beside real processes, which wait more than they work: a failure is theirs to tell.
make_ahead() {
    case " $layers " in *" threads "*) configure_quietly .build-tsan gcc -DHEDGEROW_SANITIZE=thread ;; esac
    case " $layers " in *" fuzz "*) configure_quietly .build-fuzz clang -DHEDGEROW_FUZZ=ON \
        -DHEDGEROW_SANITIZE=address,undefined ;; esac
    if [ -d .build-tsan ]; then nice -n 19 cmake --build .build-tsan -j 1 --target hedgerow; fi
    if [ -d .build-fuzz ]; then nice -n 19 cmake --build .build-fuzz -j 1 --target fuzzers; fi
}

# configure_quietly DIR COMPILER CMAKE_ARGUMENT...
configure_quietly() {
    dir=$1 compiler=$2
    shift 2
    if [ ! -f "$dir/CMakeCache.txt" ]; then
        cmake -S . -B "$dir" -G Ninja -DHEDGEROW_WERROR=ON -DHEDGEROW_TESTS=ON -DCMAKE_C_COMPILER="$compiler" "$@"
    fi
}

layer_mesh() {
    heading "real processes"
    build_release && build_asan || return
    make_ahead >/dev/null 2>&1 &
    ahead=$!
    run_lines mesh /usr/bin/python3 tests/mesh/run.py --builds .build,.build-asan
    run_lines reality /usr/bin/python3 tests/mesh/run.py --tests tests/reality --builds .build,.build-asan
    wait "$ahead"
}

# install GROUP... of packages that only one layer needs.
install() {
    if [ "${HEDGEROW_INSTALL:-yes}" != no ]; then
        packages_install "$@" || result FAIL "install packages for $*"
    fi
}

# What runs in threads: the access log's writer and the shelf's readers in programs of their own, and whole nodes.
layer_threads() {
    heading "threads, gcc with TSan"
    build_release || return
    for target in hedgerow test_access_log test_shelf test_configure; do
        build gcc-tsan .build-tsan $target -DCMAKE_C_COMPILER=gcc -DHEDGEROW_SANITIZE=thread || return
    done
    for program in test_access_log test_shelf test_configure; do
        if .build-tsan/tests/$program >"$work/tsan.log" 2>&1; then
            result ok threads/$program
        else
            cat "$work/tsan.log"
            result FAIL threads/$program
        fi
    done
    run_lines threads /usr/bin/python3 tests/mesh/run.py --builds .build,.build-tsan -k lifecycle
    run_lines threads /usr/bin/python3 tests/mesh/run.py --builds .build,.build-tsan -k workers.
    run_lines threads /usr/bin/python3 tests/mesh/run.py --builds .build,.build-tsan -k https.feat_V4
    run_lines threads /usr/bin/python3 tests/mesh/run.py --builds .build,.build-tsan -k configuration.feat_A3_one
}

# Of Varnish only its varnishtest is wanted: a server that the installation starts is stopped again.
install_varnishtest() {
    if [ "${HEDGEROW_INSTALL:-yes}" = no ] || [ -z "$(packages_missing vtc)" ]; then return; fi
    install vtc
    for service in varnish varnishncsa; do
        as_root service "$service" stop
        as_root update-rc.d "$service" disable
    done >/dev/null 2>&1
}

layer_vtc() {
    heading "varnishtest"
    build_release && build_asan || return
    install_varnishtest
    run_lines vtc /usr/bin/python3 tests/mesh/run.py --tests tests/vtc --builds .build,.build-asan
}

# Debian's npm does not go with a Node from elsewhere: where there is one, it is taken.
install_npm() {
    command -v npm >/dev/null || install npm
}

layer_s3() {
    heading "a bucket"
    build_release && build_asan || return
    install_npm
    run_lines s3 /usr/bin/python3 tests/s3/run.py --builds .build,.build-asan
}

layer_conformance() {
    heading "http-cache-tests"
    build_release && build_asan || return
    install_npm
    run_lines conformance /usr/bin/python3 tests/conformance/run.py --builds .build,.build-asan
}

layer_media() {
    heading "players in a browser"
    build_release || return
    install_npm
    install media
    run_lines media /usr/bin/python3 tests/media/run.py --builds .build
}

layer_signers() {
    heading "other people's signers"
    build_release && build_asan || return
    install_npm
    install signers
    run_lines signers /usr/bin/python3 tests/signers/run.py --builds .build,.build-asan
}

layer_fuzz() {
    heading "fuzzers, $FUZZ_SECONDS s in all"
    build fuzz .build-fuzz fuzzers -DCMAKE_C_COMPILER=clang -DHEDGEROW_FUZZ=ON \
        -DHEDGEROW_SANITIZE=address,undefined || return
    run_lines fuzz sh tests/fuzz/run.sh .build-fuzz "$FUZZ_SECONDS" "$JOBS"
}

started=$(date +%s)
layers=${*:-unit sim rules mesh threads vtc s3 conformance signers media fuzz}
for layer in $layers; do
    case $layer in
    unit | sim | rules | mesh | threads | vtc | s3 | conformance | signers | media | fuzz) ;;
    *)
        echo "unknown layer \"$layer\": unit, sim, rules, mesh, threads, vtc, s3, conformance, signers, media or fuzz" >&2
        exit 2
        ;;
    esac
done
if [ "${HEDGEROW_INSTALL:-yes}" != no ]; then
    packages_install build test || result FAIL "install packages"
fi
for layer in $layers; do
    "layer_$layer"
done

passed=$(grep -c '^ok ' "$results")
failed=$(grep -c '^FAIL ' "$results")
skipped=$(grep -c '^skip ' "$results")
heading "totals"
grep -E '^(FAIL|skip) ' "$results"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

#!/bin/sh
# plants.sh [N...] - mistakes of the kind that people make, planted one after the other into a copy of the tree, for the
# simulator to find: each of plants/*.sed is one (its first line says in which file, the second what is wrong). Prints for
# each which seed found it and how large what is left after shrinking is, and at the end all of them as a table; exit code
# 1 when one was not found.
# PLANT_SEEDS: how many seeds are tried (500). PLANT_SHRINK: for how long it is shrunk (30s). JOBS: how many at a time.
set -u
cd "$(dirname "$0")/../.." || exit 1
seeds=${PLANT_SEEDS:-500}
shrink=${PLANT_SHRINK:-30s}
jobs=${JOBS:-$(nproc)}
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-plants.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0
: >"$work/table"

launcher=
if command -v ccache >/dev/null; then
    launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
    CCACHE_BASEDIR=$work/tree CCACHE_NOHASHDIR=1
    export CCACHE_BASEDIR CCACHE_NOHASHDIR
fi
mkdir "$work/tree"
cp -R CMakeLists.txt gossip node proto ring sim "$work/tree/"
build() {
    cmake --build "$work/build" --target hedgerow-sim -j "$jobs" >"$work/log" 2>&1 || {
        sed 's/^/    /' "$work/log"
        return 1
    }
}
# shellcheck disable=SC2086
cmake -S "$work/tree" -B "$work/build" -DHEDGEROW_TESTS=OFF $launcher >"$work/log" 2>&1 && build || exit 1
sim=$work/build/hedgerow-sim
cp "$sim" "$work/clean"

# try NAME FILE: the plant in FILE of the tree, built, hunted and shrunk.
try() {
    began=$(date +%s)
    if ! build; then
        echo "FAIL plants/$1: it does not build"
        return 1
    fi
    from=1 seed=
    while [ -z "$seed" ]; do
        if [ "$from" -gt "$seeds" ] ||
            "$sim" hunt --first --from "$from" --seeds $((seeds - from + 1)) -j "$jobs" >"$work/found" 2>/dev/null; then
            echo "FAIL plants/$1: not found in $seeds seeds"
            return 1
        fi
        seed=$(sed -n 's/^seed \([0-9]*\): .*/\1/p' "$work/found" | head -1)
        if [ -z "$seed" ]; then # all held, and something never happened
            echo "FAIL plants/$1: not found in $seeds seeds"
            return 1
        fi
        # What fails without the plant is not found by it.
        if ! "$work/clean" run --swarm --seed "$seed" >/dev/null 2>&1; then from=$((seed + 1)) seed=; fi
    done
    "$sim" shrink --swarm --seed "$seed" --for "$shrink" --out "$work/left" -j "$jobs" >/dev/null 2>&1
    nodes=$(sed -n 's/^nodes //p' "$work/left")
    what=$(sed -n 's/^# Breaks: //p' "$work/left")
    acts=$(grep -c '^at ' "$work/left")
    echo "ok plants/$1: seed $seed, ${nodes:-50} nodes and $acts actions left: $what"
    printf '%-22s %5s %5s %7s %5s  %s\n' "$1" "$seed" "${nodes:-50}" "$acts" $(($(date +%s) - began)) "$what" >>"$work/table"
}

if [ $# -eq 0 ]; then set -- tests/sim/plants/*.sed; fi
for one in "$@"; do
    case $one in
    */*) ;;
    *) one=$(ls tests/sim/plants/"$(printf %02d "$one")"-*.sed) || exit 2 ;;
    esac
    name=$(basename "$one" .sed)
    file=$(sed -n '1s/^# //p' "$one")
    sed -f "$one" "$file" >"$work/tree/$file"
    if cmp -s "$file" "$work/tree/$file"; then
        echo "FAIL plants/$name: nothing of it fits into $file any more"
        failed=1
    else
        try "$name" "$file" || failed=1
    fi
    cp "$file" "$work/tree/$file"
done

found=$(wc -l <"$work/table")
echo
printf '%-22s %5s %5s %7s %5s  %s\n' mistake seeds nodes actions s "what it broke"
cat "$work/table"
echo "found $found of $#; median of the seeds it took: $(awk '{ print $2 }' "$work/table" | sort -n | sed -n "$(((found + 1) / 2))p")"
exit $failed

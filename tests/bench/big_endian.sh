#!/bin/sh
# big_endian.sh - the ring's tables are the same bytes on a CPU of the other byte order: builds
# ring/ without libraries for this machine, and for s390x to run under qemu-user, and compares
# both with the golden digests of tests/unit/golden_ring.h. For the latter Debian has
# gcc-s390x-linux-gnu and qemu-user; without them that half is skipped.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-endian.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
status=0

# run COMPILER [EMULATOR]
run() {
    # shellcheck disable=SC2086
    if "$1" -std=c17 -O2 -Wall -Wextra -static -I. -Itests/unit -o "$work/rings" tests/bench/big_endian.c ring/*.c \
        proto/base/rand.c proto/base/slice.c proto/base/buf.c >"$work/log" 2>&1; then
        ${2:-} "$work/rings" || status=1
    else
        cat "$work/log"
        echo "FAIL big-endian: $1 does not build it"
        status=1
    fi
}

run "${CC:-cc}"
compiler=$(command -v s390x-linux-gnu-gcc)
emulator=$(command -v qemu-s390x || command -v qemu-s390x-static)
if [ -z "$compiler" ]; then
    echo "skip big-endian/s390x: no s390x-linux-gnu-gcc"
elif [ -z "$emulator" ]; then
    echo "skip big-endian/s390x: no qemu-s390x"
else
    run "$compiler" "$emulator"
fi
exit $status

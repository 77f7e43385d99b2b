#!/bin/sh
# quickstart.sh - from a fresh clone on Debian 12 to a running mesh in one command:
#   sh node/quickstart.sh            three nodes in two zones and an example origin, until Ctrl-C
#   sh node/quickstart.sh --check    the same, fetches every page through every node, and ends
# Whatever follows is given to `hedgerow demo`.
set -eu
cd "$(dirname "$0")/.."
. node/install.sh

echo "Hedgerow quick start: installs what is missing from Debian, builds in .build, runs the demo mesh."
packages_install build

# A tree that was built before keeps its generator; the tests join in where their library is there.
set -- demo "$@"
tests=OFF
if pkg-config --exists cmocka; then tests=ON; fi
generator=
if [ ! -f .build/CMakeCache.txt ]; then generator="-G Ninja"; fi
echo "Building (the first time takes a minute or two)…"
# shellcheck disable=SC2086
cmake -S . -B .build $generator -DHEDGEROW_TESTS="$tests" >/dev/null
cmake --build .build --target hedgerow

exec .build/hedgerow "$@"

#!/bin/sh
# sweep.sh SIM [SIM...] - sweep, its page, and the pages of members and of a failure: the same bytes however many runs are
# made at a time and by each of the given binaries; well-formed, below 1 MB, without anything that runs or is fetched.
# Prints "ok NAME" or "FAIL NAME"; exit code 1 when one failed.
set -u
first=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-sweep.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

. "$(dirname "$0")/judge.sh"

# says CODE TEXT NAME ARGUMENT... ends with this exit code and says so.
says() {
    code=$1 text=$2 name=$3
    shift 3
    "$first" "$@" >"$work/report" 2>&1
    got=$?
    [ "$got" -eq "$code" ] && grep -q -- "$text" "$work/report"
    judge "$name" $?
}

# whole NAME PAGE WORDS...: is it a page, and does it hold all of these?
whole() {
    name=$1
    shift
    /usr/bin/python3 - "$@" >"$work/report" 2>&1 <<'END'
import os, re, sys, xml.etree.ElementTree
page, words = sys.argv[1], sys.argv[2:]
assert os.path.getsize(page) < 1000000, "too long"
text = open(page, encoding="utf-8").read()
tree = xml.etree.ElementTree.fromstring(text)
parts = [p.tag for p in tree.iter()]
assert "script" not in parts and "link" not in parts and "svg" in parts, parts
assert not re.search(r"https?:|\b(src|href)=|url\(|@import|\son\w+=", text), "something to fetch or to run"
shown = " ".join("".join(tree.itertext()).split())
for word in words:
    assert word in shown, word
END
    judge "$name" $?
}

says 2 'sweep needs --vary' sweep/usage sweep --nodes 3
says 2 'value 2, "huge": .*a size such as' sweep/value sweep --vary memory=4MiB,huge
says 2 'unknown setting "memroy".*"memory"?' sweep/setting sweep --vary memroy=4MiB
says 2 'says how many seeds' sweep/seed sweep --vary seed=1,2
says 2 'that is so with warmup 50s, time 40s; nothing was run' sweep/impossible \
    sweep --vary warmup=5s,50s --vary time=60s,40s --nodes 3

small='--nodes 3 --keys 120 --requests 250 --size-min 20KiB --warmup 4s --time 16s --seeds 3 --seed 5'
# shellcheck disable=SC2086
"$first" sweep --vary memory=1MiB,4MiB $small -j 1 --report "$work/one.html" --csv "$work/one.csv" >"$work/one.txt" 2>/dev/null
judge sweep/runs $?
for sim in "$@"; do
    # shellcheck disable=SC2086
    "$sim" sweep --vary memory=1MiB,4MiB $small -j 3 --report "$work/more.html" --csv "$work/more.csv" \
        >"$work/more.txt" 2>/dev/null
    { cmp "$work/one.txt" "$work/more.txt" && cmp "$work/one.html" "$work/more.html" && cmp "$work/one.csv" "$work/more.csv"; } \
        >"$work/report" 2>&1
    judge sweep/same-bytes $?
done
whole sweep/page "$work/one.html" 'origin requests' 'memory 4MiB' 'time to the first byte, median' 'from memory 1MiB to 4MiB'
# A line of the table is the run that its settings and seed give by themselves.
# shellcheck disable=SC2086
"$first" run ${small%--seeds*} --memory 4MiB --seed 6 --json >"$work/run.json" 2>"$work/report"
/usr/bin/python3 - "$work/one.csv" "$work/run.json" >"$work/report" 2>&1 <<'END'
import csv, json, sys
row = [r for r in csv.DictReader(open(sys.argv[1])) if r["memory"] == "4MiB" and r["seed"] == "6"][0]
figures = json.load(open(sys.argv[2]))["figures"]
for name, value in figures.items():
    assert row[name] == ("" if value is None else str(value)), (name, row[name], value)
END
judge sweep/same-as-run $?

# Beside each other: the same run has no differences, another memory has.
# shellcheck disable=SC2086
"$first" run ${small%--seeds*} --memory 1MiB --seed 6 --json >"$work/less.json" 2>"$work/report"
says 0 'run.json against less.json: origin requests from [0-9]* to [0-9]* (-' report/differs \
    report "$work/less.json" "$work/run.json" --report "$work/report.html"
whole report/page "$work/report.html" 'run.json against less.json' 'Requests at the origin, over time' 'How long answers take'
says 0 'against run.json: .*(0.0 %)' report/same report "$work/run.json" "$work/run.json"
says 2 'two files' report/usage report "$work/run.json"
says 2 'one.html:1:1' report/no-json report "$work/run.json" "$work/one.html"
echo '{"figures":{"hit":-4},"checks":3}' >"$work/odd.json"
says 2 'odd.json is not what' report/odd report "$work/run.json" "$work/odd.json"

printf 'nodes 3\nkeys 40\nrequests 60\nwarmup 4s\ntime 12s\nexpect origin_fetches <= 0\n' >"$work/never.scn"
says 1 'memory 2MiB, seed 1: BROKEN (h)' sweep/broken sweep --scenario "$work/never.scn" --vary memory=2MiB --seeds 1
grep 'hedgerow-sim run .* --memory 2MiB --seed 1$' "$work/report" >/dev/null
judge sweep/broken-again $?

"$first" run --scenario "$work/never.scn" --report "$work/broken.html" >"$work/report" 2>&1
whole page/broken "$work/broken.html" 'Something did not hold' 'The last moments before it was found' 'To see it again'
"$first" shrink --scenario "$work/never.scn" --for 5s --report "$work/shrunk.html" >"$work/report" 2>&1
whole page/shrunk "$work/shrunk.html" 'Does not hold: (h)' 'The run, as a scenario' 'expect origin_fetches <= 0' 'it takes no more than 1 node'

printf 'nodes 20\nwarmup 5s\ntime 22s\nat 6s update all 4 500ms\nat 9s crashes all 1 8s\n' >"$work/members.scn"
"$first" members --scenario "$work/members.scn" >"$work/plain" 2>&1
"$first" members --scenario "$work/members.scn" --report "$work/members.html" --baselines >"$work/report" 2>&1
cmp "$work/plain" "$work/report" >/dev/null
judge members/page-changes-nothing $?
whole members/page "$work/members.html" 'How news spread' 'epidemic' 'How soon an end is known' 'Lifeguard' 'no healthy node'
exit $failed

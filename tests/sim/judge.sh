# judge.sh - read by the scripts beside it: what they do with a result. $work and $failed are theirs; what a failure shows
# is in $work/report.

# judge NAME CODE: "ok NAME", or what was reported and "FAIL NAME".
judge() {
    if [ "$2" -eq 0 ]; then
        echo "ok $1"
    else
        sed 's/^/    /' "$work/report"
        echo "FAIL $1"
        failed=1
    fi
}

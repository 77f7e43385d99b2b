#!/bin/sh
# test_install.sh - node/install.sh against a pretended system: dpkg-query, apt-get, sudo and id are ours, so
# nothing is installed. Prints one result line for each story.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/hedgerow-install.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
bin=$work/bin
mkdir "$bin"

# A pretended tool: tool NAME <<BODY
tool() {
    { echo "#!/bin/sh"; cat; } >"$bin/$1"
    chmod +x "$bin/$1"
}

# $work/installed holds the packages that are there, $work/calls what apt-get was told, and a file
# $work/update-fails the number of times that an update still fails.
tool dpkg-query <<BODY
grep -qx "\$3" "$work/installed" && printf installed
BODY
tool apt-get <<BODY
echo "apt-get \$*" >>"$work/calls"
case "\$*" in
*update*)
    n=\$(cat "$work/update-fails")
    if [ "\$n" -gt 0 ]; then
        echo \$((n - 1)) >"$work/update-fails"
        exit 100
    fi
    ;;
*install*) for word in "\$@"; do echo "\$word"; done >>"$work/installed" ;;
esac
BODY
tool sudo <<BODY
echo sudo >>"$work/calls"
exec "\$@"
BODY
tool id <<BODY
cat "$work/uid"
BODY
tool sleep <<BODY
exit 0
BODY

# story NAME UID UPDATE_FAILURES INSTALLED: runs packages_install build; what it did is left in $work.
story() {
    name=$1
    echo "$2" >"$work/uid"
    echo "$3" >"$work/update-fails"
    # $4 is a list of words on purpose.
    # shellcheck disable=SC2086
    printf '%s\n' $4 >"$work/installed"
    : >"$work/calls"
    (
        PATH=$bin:$PATH
        . node/install.sh
        packages_install build
    ) >"$work/out" 2>&1
    code=$?
}

check() {
    if "$@"; then
        echo "ok install/$name"
    else
        cat "$work/out" "$work/calls"
        echo "FAIL install/$name"
    fi
}

calls_are() {
    [ "$code" -eq "$1" ] && [ "$(sed 's/install -y.*/install/; s/-q //' "$work/calls" | tr '\n' ' ')" = "$2" ]
}

all=$(sed -n 's/^build  *//p' tests/packages)
story nothing-to-do 0 0 "$all"
check calls_are 0 ""
story root-installs-what-is-missing 0 0 "gcc cmake"
check calls_are 0 "apt-get update apt-get install "
story only-what-is-missing-is-asked-for 0 0 "gcc cmake"
check sh -c "! grep -qw -e gcc -e cmake '$work/calls' && grep -qw libev-dev '$work/calls'"
story others-go-through-sudo 1000 0 "gcc"
check calls_are 0 "sudo apt-get update sudo apt-get install "
story a-failed-update-is-tried-once-more 0 1 "gcc"
check calls_are 0 "apt-get update apt-get update apt-get install "
story a-second-failure-is-final 0 2 "gcc"
check calls_are 1 "apt-get update apt-get update "

# shellcheck shell=sh
# install.sh - sourced by node/quickstart.sh and tests/run.sh, from the root of the tree: installs from
# Debian what is missing of the groups in tests/packages. POSIX sh.

# packages_of GROUP... prints the packages of these groups, one a line.
packages_of() {
    for group in "$@"; do
        sed -n "s/^$group  *//p" tests/packages
    done
}

# packages_missing GROUP... prints those of them that are not installed, on one line.
packages_missing() {
    missing=
    for package in $(packages_of "$@"); do
        case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
        installed) ;;
        *) missing="$missing $package" ;;
        esac
    done
    echo "${missing# }"
}

# as_root COMMAND... runs it as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# packages_install GROUP... says what is missing and installs it. Nothing to do when all is there.
# Returns 1, with a message that says what to type by hand, when it cannot.
packages_install() {
    if ! command -v dpkg-query >/dev/null; then
        echo "Not a Debian system: these packages, or what your system calls them, must be there:" >&2
        packages_of "$@" | tr '\n' ' ' >&2
        echo >&2
        return 0
    fi
    wanted=$(packages_missing "$@")
    if [ -z "$wanted" ]; then
        echo "Debian packages: all there, nothing to install."
        return 0
    fi
    echo "Debian packages to install: $wanted"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "Neither root nor sudo here. As root: apt-get install $wanted" >&2
        return 1
    fi
    # A mirror in the middle of its own update answers wrongly for some seconds.
    if ! as_root apt-get -q update; then
        echo "apt-get update failed; trying once more." >&2
        sleep 5
        as_root apt-get -q update || return 1
    fi
    # $wanted is a list of words on purpose.
    # shellcheck disable=SC2086
    as_root apt-get -q install -y --no-install-recommends $wanted || return 1
    wanted=$(packages_missing "$@")
    if [ -n "$wanted" ]; then
        echo "Still missing after the installation: $wanted" >&2
        return 1
    fi
}

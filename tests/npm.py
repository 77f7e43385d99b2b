"""npm.py - what tests need of Node and npm. A folder that uses it has a package.json, a package-lock.json without
addresses and an .npmrc that keeps it so (omit-lockfile-registry-resolved): npm asks the registry that it is set to."""
import os
import re
import shutil
import subprocess
import sys
import time


def node_version():
    """Node's major version, 0 where there is none."""
    try:
        words = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
        return int(re.match(r"v(\d+)\.", words).group(1))
    except (OSError, subprocess.CalledProcessError, AttributeError):
        return 0


def missing(at_least=18):
    """Why nothing of npm can run here, None when it can."""
    if node_version() >= at_least and shutil.which("npm"):
        return None
    return f"needs Node {at_least} and npm; here is {node_version() or 'no Node'}"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def install(folder):
    """Installs what the folder's package-lock.json names, unless just that is there. One failure may be the network's.
    Returns None, or what npm said."""
    lock, done = (os.path.join(folder, *path) for path in (("package-lock.json",), ("node_modules", ".installed")))
    if os.path.exists(done) and read(done) == read(lock):
        return None
    for last in (False, True):
        run = subprocess.run(["npm", "ci"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
        if run.returncode == 0:
            shutil.copyfile(lock, done)
            return None
        if not last:
            print(run.stdout.decode(errors="replace") + "npm ci failed; trying once more.", flush=True)
            time.sleep(5)
    return f"{run.stdout.decode(errors='replace')}npm ci ended with {run.returncode}"


def run_tests(folder):
    """Installs what the folder needs, then becomes tests/mesh/run.py with the folder's tests and our own flags. Returns
    only when nothing was to be had."""
    if not missing():
        wrong = install(folder)
        if wrong:
            print(f"{wrong}\nFAIL {os.path.basename(folder)}/npm")
            return 1
    mesh_run = os.path.join(os.path.dirname(folder), "mesh", "run.py")
    os.execv(sys.executable, [sys.executable, mesh_run, "--tests", folder, *sys.argv[1:]])

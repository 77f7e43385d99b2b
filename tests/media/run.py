#!/usr/bin/python3
"""run.py - media through the mesh: installs what package-lock.json names, then runs the test_*.py here with
tests/mesh/run.py, whose flags it takes.

    /usr/bin/python3 tests/media/run.py                   all, in about a minute and a half
    /usr/bin/python3 tests/media/run.py --soak            ten minutes each, and D2 with 1,000 players and ten nodes
    /usr/bin/python3 tests/media/run.py -k D1             those with "D1" in their name
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import npm  # noqa: E402


def main():
    if not npm.missing():
        wrong = npm.install(HERE)
        if wrong:
            print(f"{wrong}\nFAIL media/npm")
            return 1
    mesh_run = os.path.join(os.path.dirname(HERE), "mesh", "run.py")
    os.execv(sys.executable, [sys.executable, mesh_run, "--tests", HERE, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

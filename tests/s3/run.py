#!/usr/bin/python3
"""run.py - a private bucket behind real nodes: installs what package-lock.json names, then runs the test_*.py here with
tests/mesh/run.py, whose flags it takes.

    /usr/bin/python3 tests/s3/run.py
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
            print(f"{wrong}\nFAIL s3/npm")
            return 1
    mesh_run = os.path.join(os.path.dirname(HERE), "mesh", "run.py")
    os.execv(sys.executable, [sys.executable, mesh_run, "--tests", HERE, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

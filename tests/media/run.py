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


if __name__ == "__main__":
    sys.exit(npm.run_tests(HERE))

#!/usr/bin/python3
"""run.py - other people's signers of URLs, and ours as the verifier: installs what package-lock.json names, then runs the
test_*.py here with tests/mesh/run.py, whose flags it takes.

    /usr/bin/python3 tests/signers/run.py
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import npm  # noqa: E402


if __name__ == "__main__":
    sys.exit(npm.run_tests(HERE))

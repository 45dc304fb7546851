#!/usr/bin/env python3
"""Adds up the results of test runs, given as the JUnit files that ctest and tools/lint.py write.

Prints each failed test, and at the end one line: `N passed, N failed`. A GoogleTest program counts
as many tests as it ran cases. Exit status 1 if a test failed or none ran.
"""

import os
import re
import sys
import xml.etree.ElementTree

CASE_PASSED = re.compile(r"^\[       OK \] ", re.MULTILINE)
CASE_FAILED = re.compile(r"^\[  FAILED  \] (\S+) \(\d+ ms\)", re.MULTILINE)


def count(case):
    """Returns how many tests of one ctest case passed, and the names of those that failed."""
    output = case.findtext("system-out") or ""
    passed = len(CASE_PASSED.findall(output))
    failed = [f"{case.get('name')} {name}" for name in CASE_FAILED.findall(output)]
    if case.get("status") in ("fail", "notrun") or case.find("failure") is not None:
        return passed, failed or [case.get("name")]
    if case.find("skipped") is not None or case.get("status") == "disabled":
        return 0, []
    return max(passed, 1), []


def main():
    num_passed = 0
    failures = []
    for path in sys.argv[1:]:
        run = os.path.splitext(os.path.basename(path))[0]
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            passed, failed = count(case)
            num_passed += passed
            failures += [f"{run}: {name}" for name in failed]
    for name in failures:
        print(f"failed: {name}")
    print(f"{num_passed} passed, {len(failures)} failed")
    return 0 if num_passed and not failures else 1


if __name__ == "__main__":
    sys.exit(main())

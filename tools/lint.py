#!/usr/bin/env python3
"""Runs tools/tidy.py, clang-format and clang-tidy over the project.

clang-tidy reads the commands of build/release and skips files that passed before and did not change
since. It leaves trainer/torch/ out (LibTorch's headers take half a minute a file), and the tests
unless --tests is given.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "release")
PASSED = os.path.join(ROOT, "build", "lint", "passed.json")
FOLDERS = ["include", "base", "storage", "index", "trainer", "query", "sql", "server", "tests",
           "bench", "examples"]
# g++ knows warnings that clang does not; clang checks the lock annotations.
CLANG_ARGUMENTS = ["-Wno-unknown-warning-option", "-Wthread-safety"]


def tool(name):
    """The version of a clang tool that the project's files are written for, or the one there is."""
    return shutil.which(f"{name}-14") or name


def cpp_files():
    for top in FOLDERS:
        for folder, folders, names in os.walk(os.path.join(ROOT, top)):
            folders.sort()
            for name in sorted(names):
                if name.endswith((".h", ".cc", ".cu", ".cuh")):
                    yield os.path.join(folder, name)


def format_in_place():
    return subprocess.run([tool("clang-format"), "-i", *cpp_files()], check=False).returncode


def clang_format():
    """Prints the files that ./run format would change, and returns how many they are."""
    done = subprocess.run([tool("clang-format"), "--dry-run", "-Werror", *cpp_files()], text=True,
                          capture_output=True, check=False)
    changed = sorted(set(re.findall(r"^(\S+):\d+:\d+: error", done.stderr, re.MULTILINE)))
    for path in changed:
        print(f"{os.path.relpath(path, ROOT)}: not formatted: ./run format would change it")
    return len(changed) if changed else done.returncode


def house_rules():
    return subprocess.run([sys.executable, os.path.join(ROOT, "tools", "tidy.py")],
                          check=False).returncode


class Fingerprints:
    """Hashes of a file together with the project files it includes, directly or not."""

    def __init__(self):
        self._read = {}
        with open(os.path.join(ROOT, ".clang-tidy"), "rb") as stream:
            self._settings = stream.read() + " ".join(CLANG_ARGUMENTS).encode()

    def _file(self, path):
        """Returns the content of a file and the project files that it names."""
        if path not in self._read:
            with open(path, "rb") as stream:
                content = stream.read()
            named = re.findall(rb'^\s*#\s*include\s+"([^"]+)"', content, re.MULTILINE)
            candidates = (os.path.join(top, name.decode())
                          for name in named for top in (ROOT, os.path.join(ROOT, "include")))
            self._read[path] = content, [c for c in candidates if os.path.exists(c)]
        return self._read[path]

    def of(self, path):
        digest = hashlib.sha256(self._settings)
        seen, waiting = {path}, [path]
        while waiting:
            content, included = self._file(waiting.pop())
            digest.update(content)
            waiting += [name for name in included if name not in seen]
            seen.update(included)
        return digest.hexdigest()


def translation_units(with_tests):
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as stream:
        paths = {os.path.normpath(entry["file"]) for entry in json.load(stream)}
    folders = ["trainer/torch", "build"] + ([] if with_tests else ["tests"])
    skipped = tuple(os.path.join(ROOT, folder, "") for folder in folders)
    return sorted(path for path in paths
                  if path.startswith(ROOT + os.sep) and not path.startswith(skipped))


def clang_tidy_one(path):
    extra = [f"--extra-arg={argument}" for argument in CLANG_ARGUMENTS]
    start = time.monotonic()
    done = subprocess.run([tool("clang-tidy"), "-p", BUILD, "--quiet", *extra, path], text=True,
                          capture_output=True, check=False)
    return path, done.returncode == 0, done.stdout, time.monotonic() - start


def clang_tidy(num_jobs, wanted, with_tests, verbose):
    passed = set()
    if os.path.exists(PASSED):
        with open(PASSED, encoding="utf-8") as stream:
            passed = set(json.load(stream))
    fingerprints = Fingerprints()
    prints = {path: fingerprints.of(path) for path in translation_units(with_tests)
              if not wanted or os.path.relpath(path, ROOT).startswith(tuple(wanted))}
    changed = [path for path in prints if prints[path] not in passed]
    num_failed = 0
    with concurrent.futures.ThreadPoolExecutor(num_jobs) as pool:
        for path, good, output, seconds in pool.map(clang_tidy_one, changed):
            if verbose:
                print(f"{seconds:6.1f} s  {os.path.relpath(path, ROOT)}")
            if good:
                passed.add(prints[path])
            else:
                num_failed += 1
                print(output.replace(ROOT + os.sep, ""))
    if not wanted:
        passed.intersection_update(prints.values())
    os.makedirs(os.path.dirname(PASSED), exist_ok=True)
    with open(PASSED, "w", encoding="utf-8") as stream:
        json.dump(sorted(passed), stream)
    print(f"clang-tidy: {len(prints)} files, {len(changed)} of them changed, {num_failed} with "
          "complaints", file=sys.stderr)
    return num_failed


def write_results(path, failures):
    """Writes {check: it failed} as the JUnit file that tools/test_summary.py reads."""
    suite = ElementTree.Element("testsuite", name="lint")
    for name, failed in failures.items():
        case = ElementTree.SubElement(suite, "testcase", name=name)
        if failed:
            ElementTree.SubElement(case, "failure")
    ElementTree.ElementTree(suite).write(path)


def main():
    parser = argparse.ArgumentParser(description="Runs the lint.")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", help="JUnit file to write")
    parser.add_argument("--fix-format", action="store_true", help="only format, in place")
    parser.add_argument("--tests", action="store_true", help="clang-tidy on the tests as well")
    parser.add_argument("--verbose", action="store_true", help="say how long each file takes")
    parser.add_argument("folders", nargs="*", help="clang-tidy only on these, relative to the root")
    arguments = parser.parse_args()
    if arguments.fix_format:
        return format_in_place()
    failures = {
        "house rules": house_rules() != 0,
        "clang-format": clang_format() != 0,
        "clang-tidy": clang_tidy(arguments.jobs, arguments.folders, arguments.tests,
                                 arguments.verbose) != 0,
    }
    if arguments.results:
        write_results(arguments.results, failures)
    for name, failed in failures.items():
        print(f"lint: {name}: {'FAILED' if failed else 'passed'}")
    return 1 if any(failures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

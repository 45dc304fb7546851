#!/usr/bin/env python3
"""Runs tools/tidy.py, clang-format and clang-tidy over the project.

clang-tidy reads the commands of build/release and skips files that passed before and did not change
since. It leaves trainer/torch/ out (LibTorch's headers take half a minute a file), and the tests
unless --tests is given.

Most of its time goes to the headers of other libraries, which it parses and checks anew for every
file. So files are read two dozen at a time, as one source that includes them all. Where that brings
complaints, the halves are read, and their halves, down to the single file, whose complaints count:
no file fails because of its neighbours. That one lacks an include that a neighbour has shows only
in a build without DASHI_UNITY_BUILD.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import source_groups

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build", "release")
PASSED = os.path.join(ROOT, "build", "lint", "passed.json")
FOLDERS = ["include", "base", "storage", "index", "trainer", "query", "sql", "server", "tests",
           "bench", "examples"]
# g++ knows warnings that clang does not; clang checks the lock annotations.
CLANG_ARGUMENTS = ["-Wno-unknown-warning-option", "-Wthread-safety"]
GROUPS = os.path.join(ROOT, "build", "lint", "groups")
FILES_PER_GROUP = 24


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


def sources_of(path):
    """The sources that a file of a unity build includes; of another file, itself."""
    if not os.path.basename(path).startswith("unity_"):
        return [path]
    with open(path, encoding="utf-8") as stream:
        return re.findall(r'^#include "(.*)"$', stream.read(), re.MULTILINE)


def translation_units(with_tests):
    """Returns {path: the compiler's arguments} of the sources that clang-tidy reads."""
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as stream:
        entries = json.load(stream)
    folders = ["trainer/torch", "build"] + ([] if with_tests else ["tests"])
    skipped = tuple(os.path.join(ROOT, folder, "") for folder in folders)
    units = {}
    for entry in entries:
        words = shlex.split(entry["command"])
        words = [word for word in words if not word.endswith("ccache")]
        words = words[1:words.index("-o")]
        if "-include" in words:  # g++'s precompiled header: clang has no use for it
            at = words.index("-include")
            words[at:at + 2] = []
        arguments = tuple(words)
        for path in map(os.path.normpath, sources_of(entry["file"])):
            if path.startswith(ROOT + os.sep) and not path.startswith(skipped):
                units[path] = arguments
    return dict(sorted(units.items()))


def grouped(units, num_jobs):
    """Splits {path: arguments} into (arguments, paths) that can be read as one."""
    size = max(1, min(FILES_PER_GROUP, len(units) // (2 * num_jobs)))
    alike = {}
    for path, arguments in units.items():
        top = os.path.relpath(path, ROOT).split(os.sep)[0]
        alike.setdefault((top, arguments), []).append(path)
    return [(arguments, group) for (_, arguments), paths in alike.items()
            for group in source_groups.grouped(paths, size)]


def clang_tidy_one(path, arguments):
    """Returns whether a source passes, and what clang-tidy says of it."""
    done = subprocess.run([tool("clang-tidy"), "--quiet", path, "--", *arguments, *CLANG_ARGUMENTS],
                          text=True, capture_output=True, check=False)
    return done.returncode == 0, done.stdout


def clang_tidy_group(name, arguments, paths):
    """Returns [(path, it passes, what is said of it)] and how often something was read."""
    if len(paths) == 1:
        return [(paths[0], *clang_tidy_one(paths[0], arguments))], 1
    source = os.path.join(GROUPS, f"{name}.cc")
    with open(source, "w", encoding="utf-8") as stream:
        stream.writelines(f'#include "{path}"\n' for path in paths)
    # A variable may have the name of a constant in the file before.
    good, _ = clang_tidy_one(source, arguments + ("-Wno-shadow",))
    if good:
        return [(path, True, "") for path in paths], 1
    half = len(paths) // 2
    first, first_reads = clang_tidy_group(f"{name}a", arguments, paths[:half])
    second, second_reads = clang_tidy_group(f"{name}b", arguments, paths[half:])
    return first + second, 1 + first_reads + second_reads


def clang_tidy_timed(number, group):
    """Returns what clang_tidy_group does, and the seconds that it took."""
    start = time.monotonic()
    results, num_reads = clang_tidy_group(str(number), *group)
    return results, num_reads, time.monotonic() - start


def clang_tidy(num_jobs, wanted, with_tests, verbose):
    passed = set()
    if os.path.exists(PASSED):
        with open(PASSED, encoding="utf-8") as stream:
            passed = set(json.load(stream))
    fingerprints = Fingerprints()
    units = {path: arguments for path, arguments in translation_units(with_tests).items()
             if not wanted or os.path.relpath(path, ROOT).startswith(tuple(wanted))}
    prints = {path: fingerprints.of(path) for path in units}
    changed = {path: units[path] for path in units if prints[path] not in passed}
    os.makedirs(GROUPS, exist_ok=True)
    num_failed = 0
    with concurrent.futures.ThreadPoolExecutor(num_jobs) as pool:
        groups = grouped(changed, num_jobs)
        for results, num_reads, seconds in pool.map(clang_tidy_timed, range(len(groups)), groups):
            if verbose:
                print(f"{seconds:6.1f} s, {num_reads} readings: "
                      f"{' '.join(os.path.relpath(path, ROOT) for path, _, _ in results)}",
                      flush=True)
            for path, good, output in results:
                if good:
                    passed.add(prints[path])
                else:
                    num_failed += 1
                    print(output.replace(ROOT + os.sep, ""))
    if not wanted:
        passed.intersection_update(prints.values())
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

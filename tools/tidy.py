#!/usr/bin/env python3
"""Checks the house rules that no compiler checks (docs/STYLE.md).

Usage: tools/tidy.py [--root FOLDER] [FILE ...]     Without files, the whole tree.
Prints `file:line: rule: message` for each violation; exit status 1 if there is one.

A line may be excused, with a reason: `// tidy-allow(rule): reason`.
"""

import argparse
import fnmatch
import os
import re
import sys

import cpp_source

MAX_COLUMNS = 100
MAX_FILE_LINES = 1000
MAX_FUNCTION_LINES = 70

LAYERS = ["dashi", "base", "storage", "index", "trainer", "query", "sql", "server"]

# Third-party headers and the only files that may include them.
DOORS = {
    "rocksdb/": ["storage/rocksdb_*", "storage/graph/rocksdb_*", "tests/storage/rocksdb_*",
                 "tests/testing/rocksdb_*"],
    "faiss/": ["tests/index/faiss_*"],
    "hwy/": ["index/*", "trainer/*_kernels.*", "tests/index/*"],
    "roaring/": ["index/row_set.*"],
    "torch/": ["trainer/torch/*", "tests/trainer/torch/*"],
    "ATen/": ["trainer/torch/*", "tests/trainer/torch/*", "bench/gpu_*"],
    "c10/": ["trainer/torch/*", "tests/trainer/torch/*", "bench/gpu_*"],
    "cuda": ["trainer/torch/*", "tests/trainer/torch/*", "bench/gpu_*"],
    "sqlite3": ["sql/*", "tests/sql/*", "tests/property/sqlite_*",
                "tests/differential/sqlite_*"],
    "postgresql/": ["tests/differential/postgres_*", "tests/slt/server_client.cc"],
    "readline/": ["sql/shell*"],
    "boost/asio": ["server/*", "tests/server/*"],
    "openssl/": ["server/*", "tests/server/*"],
    "prometheus/": ["server/*", "tests/server/*"],
    "spdlog/": ["base/logging*"],
    "re2/": ["sql/postgres/regular_expression.cc"],
    "CLI/": ["server/command_line*", "*_main.cc"],
}

VAGUE_WORDS = {"util", "utils", "helper", "helpers", "common", "misc"}

# Words of stripped code that only some files may use: (rule, pattern, files, message).
BANNED = [
    ("mutex", r"\bstd::(?:(?:recursive_|shared_|timed_)*mutex|lock_guard|unique_lock|scoped_lock"
              r"|condition_variable\w*)\b",
     ["base/mutex.h", "examples/*"], "use Mutex, MutexLock and CondVar of base/mutex.h"),
    ("throw", r"\bthrow\b", ["tests/*"], "return a Status"),
    ("clock", r"\b(?:system_clock|steady_clock|high_resolution_clock)::now\b"
              r"|\b(?:gettimeofday|clock_gettime|sleep_for|sleep_until|usleep|nanosleep)\b"
              r"|(?<![\w.>:])(?:std::|::)?(?:time|sleep)\s*\(",
     ["base/clock.*"], "take a Clock of base/clock.h; wait on a CondVar"),
    ("random", r"\brandom_device\b|\bmt19937\w*|(?<![\w.>:])(?:std::|::)?s?rand\s*\(",
     ["base/random.*"], "take a Random of base/random.h"),
]

CPP_ENDINGS = (".h", ".cc", ".cu", ".cuh")
CODE_ENDINGS = CPP_ENDINGS + (".py", ".sh", ".cmake", "CMakeLists.txt")
TEXT_ENDINGS = CODE_ENDINGS + (".md", ".json", ".txt", ".slt", ".slt_slow", ".in", ".supp", ".yml")
SKIPPED_FOLDERS = {".git", ".deps", ".cache", "build", "__pycache__"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root)/")

ALLOW = re.compile(r"(?://|#) tidy-allow\((\w[\w-]*)\): \S")
INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")')
LONE_TODO = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b(?!\(#\d+\))")
BARE_NOLINT = re.compile(r"\bNOLINT(?:NEXTLINE|BEGIN)?\b(?!\([\w.,* -]+\): \S)")
TYPE_NAME = re.compile(r"\b(?:class|struct|enum(?:\s+class)?|namespace)\s+"
                       r"(?:DASHI_\w+(?:\([^)]*\))?\s+|\[\[\w+\]\]\s+)*(\w+)")
SYSTEM_FOLDERS = ("sys/", "netinet/", "arpa/", "linux/", "bits/")
THIRD_PARTY_HEADERS = ("sqlite3.h", "zlib.h", "zstd.h", "xxhash.h", "utf8proc.h", "simdjson.h",
                       "cuda")


class SourceFile:
    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as stream:
            self.text = stream.read()
        self.lines = self.text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.is_cpp = path.endswith(CPP_ENDINGS)
        self.stripped = cpp_source.strip_comments_and_literals(self.text) if self.is_cpp else ""

    def matches(self, patterns):
        return any(fnmatch.fnmatch(self.path, pattern) for pattern in patterns)

    def includes(self):
        """Yields (line, header with its brackets) outside comments."""
        stripped_lines = self.stripped.split("\n")
        for number, line in enumerate(self.lines, 1):
            match = INCLUDE.match(line)
            if match and "#" in stripped_lines[number - 1]:
                yield number, match.group(1)


def layer_of(path):
    """The layer of a file or of an included path; None for tests, examples and the like."""
    first = path.split("/")[0]
    if path.startswith("include/dashi/"):
        first = "dashi"
    return LAYERS.index(first) if first in LAYERS and "/" in path else None


def check_layers(source):
    own = layer_of(source.path)
    is_main = source.path.endswith("_main.cc")
    for number, header in source.includes():
        if not header.startswith('"'):
            continue
        path = header.strip('"')
        used = layer_of(path)
        if used is None and not path.startswith(("tests/", "bench/")):
            yield number, "include-path", f"{header}: write the path from the project's folder"
        elif source.path.startswith("examples/") and used != 0:
            yield number, "layer", f"{header}: an example sees only include/dashi"
        elif own is None or is_main:
            continue
        elif used is None or used > own:
            yield number, "layer", f"{header}: {LAYERS[own]} stands below it"
        elif path.startswith("trainer/torch/") and not source.path.startswith("trainer/torch/"):
            yield number, "layer", f"{header}: only trainer/torch/ sees what is in the module"


def check_doors(source):
    for number, header in source.includes():
        if not header.startswith("<"):
            continue
        for prefix, doors in DOORS.items():
            if header[1:].startswith(prefix) and not source.matches(doors):
                yield number, "door", f"{header} belongs in {doors[0]} only"


def include_rank(source, header, is_first):
    """Own header 0, system and C++ standard 1, third party 2, project 3."""
    name = header[1:-1]
    if header.startswith('"'):
        stem = os.path.basename(source.path).rsplit(".", 1)[0]
        own = os.path.basename(name).rsplit(".", 1)[0]
        is_own = is_first and re.sub(r"_(test|bench|fuzz)$", "", stem) == own
        return 0 if is_own and not source.path.endswith(".h") else 3
    if name.startswith(THIRD_PARTY_HEADERS):
        return 2
    return 2 if "/" in name and not name.startswith(SYSTEM_FOLDERS) else 1


def check_include_order(source):
    if "foreach_target.h" in source.text:
        return  # Highway includes the file itself again.
    previous = None
    for number, header in source.includes():
        rank = include_rank(source, header, previous is None)
        if previous is not None and rank < previous:
            yield number, "include-order", f"{header}: own header, standard, third party, project"
        previous = max(previous or 0, rank)


def vague_words(name):
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return VAGUE_WORDS.intersection(word.lower() for word in words)


def check_names(source):
    for part in source.path.split("/"):
        for word in vague_words(part):
            yield 1, "vague-name", f"'{word}' in {part}: name the concept that the functions share"
    if source.is_cpp:
        for number, line in enumerate(source.stripped.split("\n"), 1):
            for match in TYPE_NAME.finditer(line):
                for word in vague_words(match.group(1)):
                    yield number, "vague-name", f"'{word}' in {match.group(1)}"


def check_size(source):
    if len(source.lines) > MAX_FILE_LINES:
        yield 1, "file-length", f"{len(source.lines)} lines, limit {MAX_FILE_LINES}"
    for number, line in enumerate(source.lines, 1):
        if len(line) > MAX_COLUMNS and "://" not in line:
            yield number, "columns", f"{len(line)} columns, limit {MAX_COLUMNS}"
    if source.is_cpp:
        for first, last, name in cpp_source.functions(source.stripped):
            if last - first + 1 > MAX_FUNCTION_LINES:
                yield first, "function-length", (
                    f"{name} has {last - first + 1} lines, limit {MAX_FUNCTION_LINES}")


def check_banned(source):
    lines = source.stripped.split("\n")
    for rule, pattern, allowed, message in BANNED:
        if source.matches(allowed):
            continue
        for number, line in enumerate(lines, 1):
            match = re.search(pattern, line)
            if match:
                yield number, rule, f"{match.group(0).strip()}: {message}"


def check_comments(source):
    for number, line in enumerate(source.lines, 1):
        if LONE_TODO.search(line):
            yield number, "todo", "name the issue behind the word: (#123)"
        if source.is_cpp and BARE_NOLINT.search(line):
            yield number, "nolint", "write NOLINT(check): reason"


def check_pragma_once(source):
    if source.path.endswith((".h", ".cuh")) and "#pragma once" not in source.text:
        yield 1, "pragma-once", "a header starts with #pragma once"


def check_machine_paths(source):
    for number, line in enumerate(source.lines, 1):
        if MACHINE_PATH.search(line):
            yield number, "machine-path", "an absolute path of one machine"


def check_listed(root, source):
    """Every C++ file is named in the CMakeLists.txt of its folder or of one above it."""
    folder, name = os.path.split(source.path)
    while True:
        lists = os.path.join(root, folder, "CMakeLists.txt")
        if os.path.exists(lists):
            with open(lists, encoding="utf-8") as stream:
                if re.search(rf"(?<![\w/.]){re.escape(name)}(?![\w.])", stream.read()):
                    return
        if not folder:
            yield 1, "unlisted", "no CMakeLists.txt names this file"
            return
        folder, parent = os.path.split(folder)
        name = f"{parent}/{name}"


def violations(root, path):
    """All (line, rule, message) of one file that no comment excuses."""
    source = SourceFile(root, path)
    found = [*check_names(source), *check_machine_paths(source)]
    if path.endswith(CODE_ENDINGS) or path == "run":
        found += [*check_size(source), *check_comments(source)]
    if source.is_cpp:
        for check in (check_layers, check_doors, check_include_order, check_banned,
                      check_pragma_once):
            found += check(source)
        found += check_listed(root, source)
    for line, rule, message in sorted(found):
        text = source.lines[line - 1] if line <= len(source.lines) else ""
        allowed = ALLOW.search(text)
        if not (allowed and allowed.group(1) == rule):
            yield line, rule, message


def tree_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if path.endswith(TEXT_ENDINGS) or path == "run":
                yield path


def main():
    parser = argparse.ArgumentParser(description="Checks the house rules of docs/STYLE.md.")
    parser.add_argument("--root", default=os.path.join(os.path.dirname(__file__), ".."))
    parser.add_argument("files", nargs="*", help="files to check; without any, the whole tree")
    arguments = parser.parse_args()
    root = os.path.abspath(arguments.root)
    paths = [os.path.relpath(os.path.abspath(path), root) for path in arguments.files]
    num_files = num_found = 0
    for path in paths or tree_files(root):
        num_files += 1
        for line, rule, message in violations(root, path):
            num_found += 1
            print(f"{path}:{line}: {rule}: {message}")
    print(f"tidy: {num_files} files, {num_found} violations", file=sys.stderr)
    return 1 if num_found else 0


if __name__ == "__main__":
    sys.exit(main())

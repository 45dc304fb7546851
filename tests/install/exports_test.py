#!/usr/bin/env python3
"""Checks what an installed libdashi.a offers to the linker.

Usage: exports_test.py NM ARCHIVE
Defined global symbols must belong to the classes and functions of include/dashi: whatever else
dashi is made of is local to it, so that a program may hold other versions of the same libraries.
Unique symbols, which only LLVM's objcopy makes local, are counted and passed over.
"""

import re
import subprocess
import sys

CLASSES = ["Database", "PreparedStatement", "ResultSet", "Session", "Status", "Subscription",
           "Value"]
FUNCTIONS = ["AbortBecauseOf", "FindColumn", "StatusCodeName", "ValueTypeName", "Version"]
ALLOWED = re.compile(r"dashi::(?:(?:%s)::|(?:%s)\()" % ("|".join(CLASSES), "|".join(FUNCTIONS)))
MUST = ["dashi::Database::Open(", "dashi::Database::SubscribeToReleases(",
        "dashi::Session::Execute(", "dashi::ResultSet::Next(", "dashi::Status::message()",
        "dashi::Version()"]


def main():
    nm, archive = sys.argv[1:]
    lines = subprocess.run([nm, "--defined-only", "--extern-only", "--demangle", archive],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    symbols = [line.split(maxsplit=2) for line in lines if re.match(r"[0-9a-f]+ \w ", line)]
    unique = [name for _, kind, name in symbols if kind == "u"]
    foreign = [name for _, kind, name in symbols if kind != "u" and not ALLOWED.match(name)]
    missing = [start for start in MUST if not any(name.startswith(start) for _, _, name in symbols)]
    for name in foreign[:20]:
        print("should be local:", name)
    for start in missing:
        print("is missing:", start)
    print(f"{len(symbols)} symbols, {len(foreign)} of them foreign, {len(unique)} unique")
    sys.exit(1 if foreign or missing else 0)


if __name__ == "__main__":
    main()

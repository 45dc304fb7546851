#!/usr/bin/env python3
"""Compiles each public header alone, as a stranger's program would include it.

Usage: headers_alone_test.py INCLUDE_FOLDER COMPILER...
Only INCLUDE_FOLDER is on the path, and the headers name nothing but dashi's own and those of the
C++ standard. With and without exceptions and run-time type information.
"""

import glob
import os
import re
import subprocess
import sys

FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
VARIANTS = [[], ["-fno-exceptions", "-fno-rtti"]]


def foreign_includes(path):
    with open(path, encoding="utf-8") as stream:
        names = re.findall(r"^\s*#\s*include\s*([<\"][^>\"]+[>\"])", stream.read(), re.MULTILINE)
    return [name for name in names if not re.fullmatch(r'<[a-z_]+>|"dashi/[a-z_]+\.h"', name)]


def main():
    folder, compilers = sys.argv[1], sys.argv[2:]
    headers = sorted(glob.glob(os.path.join(folder, "dashi", "*.h")))
    if len(headers) < 8 or not compilers:
        sys.exit(f"too little to do: {len(headers)} headers, compilers {compilers}")
    failures = 0
    for header in headers:
        for name in foreign_includes(header):
            print(f"{header}: {name} is neither dashi's nor the standard's")
            failures += 1
        for compiler in compilers:
            for variant in VARIANTS:
                source = f'#include "dashi/{os.path.basename(header)}"\n'
                command = [compiler, *FLAGS, *variant, "-I", folder, "-x", "c++", "-"]
                done = subprocess.run(command, input=source, text=True, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                if done.returncode != 0:
                    print(" ".join(command), header, done.stdout, sep="\n")
                    failures += 1
    print(f"{len(headers)} headers, {len(compilers)} compilers, {failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the names of all failpoints in the sources into a C++ array's lines.

Usage: list_failpoints.py ROOT OUTPUT     OUTPUT is touched only when a name came or went.
"""

import os
import re
import sys

FOLDERS = ["base", "storage", "index", "trainer", "query", "sql", "server"]
POINT = re.compile(r'^\s*DASHI_FAILPOINT\("([^"]+)"\)', re.MULTILINE)


def names(root):
    found = set()
    for top in FOLDERS:
        for folder, _, files in os.walk(os.path.join(root, top)):
            for name in files:
                if name.endswith(".cc"):
                    with open(os.path.join(folder, name), encoding="utf-8") as stream:
                        found.update(POINT.findall(stream.read()))
    return sorted(found)


def main():
    root, output = sys.argv[1:]
    text = "".join(f'    "{name}",\n' for name in names(root))
    try:
        with open(output, encoding="utf-8") as stream:
            unchanged = stream.read() == text
    except FileNotFoundError:
        unchanged = False
    if not unchanged:
        with open(output, "w", encoding="utf-8") as stream:
            stream.write(text)


if __name__ == "__main__":
    main()

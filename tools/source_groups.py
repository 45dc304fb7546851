#!/usr/bin/env python3
"""Sources that a compiler can read as one, by including them after each other.

Most of a source's time goes to the headers of other libraries. Sources share it where no two have
the same name in an unnamed namespace. As a program, for CMake: `source_groups.py SIZE FILE...`
prints a line for each file, the number of its group, a blank and the path. Files that include
themselves again (Highway) are left out.
"""

import re
import sys


def local_names(path):
    """The names in the unnamed namespaces of a source. Nothing in them is indented for them."""
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    names = set()
    unnamed = re.compile(r"^namespace \{$(.*?)(?:^\}  // namespace$|\Z)", re.MULTILINE | re.DOTALL)
    for body in unnamed.findall(text):
        for line in re.findall(r"^[a-zA-Z][^\n]*", body, re.MULTILINE):
            if not re.match("using |namespace |BENCHMARK", line):
                declared = re.match(r"(?:class|struct|union|enum(?: class)?) (\w+)", line)
                head = re.split(r"[={;([]", line, maxsplit=1)[0].rstrip()
                names.update([declared[1]] if declared else re.findall(r"(?<![\w:])\w+$", head))
    return names


def grouped(paths, size):
    """Splits paths into lists of at most `size` sources, in their order."""
    groups = []
    for path in paths:
        names = local_names(path)
        for group in groups:
            if len(group["paths"]) < size and group["names"].isdisjoint(names):
                break
        else:
            group = {"paths": [], "names": set()}
            groups.append(group)
        group["paths"].append(path)
        group["names"] |= names
    return [group["paths"] for group in groups]


def includes_itself(path):
    with open(path, encoding="utf-8") as stream:
        return "HWY_TARGET_INCLUDE" in stream.read()


def main():
    paths = [path for path in sys.argv[2:] if not includes_itself(path)]
    for number, group in enumerate(grouped(paths, int(sys.argv[1]))):
        for path in group:
            print(number, path)


if __name__ == "__main__":
    main()

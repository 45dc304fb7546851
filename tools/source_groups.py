#!/usr/bin/env python3
"""Sources that a compiler can read as one, by including them after each other.

Most of a source's time goes to the headers of other libraries. Sources share it where none has a
name in an unnamed namespace that another one uses, for whatever: it would be there twice, or hide
what the other one means. As a program, for CMake: `source_groups.py SIZE FILE...` prints a line for
each file, the number of its group, a blank and the path. Files that include themselves again
(Highway) are left out.
"""

import re
import sys


def names_of(path):
    """The names in a source's unnamed namespaces, where nothing is indented, and those it uses."""
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    names = set()
    unnamed = re.compile(r"^namespace \{$(.*?)(?:^\}  // namespace$|\Z)", re.MULTILINE | re.DOTALL)
    for body in unnamed.findall(text):
        for line in re.findall(r"^[a-zA-Z][^\n]*", body, re.MULTILINE):
            if not re.match(r"using [\w:]+;|namespace |BENCHMARK|TEST(_[FP])?\(|INSTANTIATE_",
                            line):
                declared = re.match(r"(?:class|struct|union|enum(?: class)?|using) (\w+)", line)
                head = re.split(r"[={;([]", line, maxsplit=1)[0].rstrip()
                names.update([declared[1]] if declared else re.findall(r"(?<![\w:])\w+$", head))
    code = re.sub(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"', "", text)
    return names, set(re.findall(r"(?<![\w.:>])[A-Za-z]\w*", code))


def grouped(paths, size):
    """Splits paths into lists of at most `size` sources, in their order."""
    groups = []
    for path in paths:
        names, used = names_of(path)
        for group in groups:
            if (
                len(group["paths"]) < size
                and group["names"].isdisjoint(used)
                and group["used"].isdisjoint(names)
            ):
                break
        else:
            group = {"paths": [], "names": set(), "used": set()}
            groups.append(group)
        group["paths"].append(path)
        group["names"] |= names
        group["used"] |= used
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

"""Reads C++ text just far enough for tools/tidy.py: blanks out comments and literals, and finds
functions by counting braces."""

import re

_TOKENS = re.compile(
    r"""//[^\n]*(?:\\\n[^\n]*)*            # line comment
      | /\*.*?\*/                          # block comment
      | R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"   # raw string
      | "(?:\\.|[^"\\\n])*"                # string
      | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'   # character, not a digit separator
    """,
    re.VERBOSE | re.DOTALL,
)

_NOT_A_FUNCTION = re.compile(r"^\s*(?:(?:inline|export|typedef|static|const|constexpr)\s+)*"
                             r"(?:namespace|class|struct|union|enum|extern\s*\"\")\b")


def _blank(text):
    """The newlines of `text`, everything else as spaces."""
    return re.sub(r"[^\n]", " ", text)


def strip_comments_and_literals(text):
    """Returns `text` with the same lines and columns, but no comments and only empty literals."""

    def replace(match):
        token = match.group(0)
        if token.startswith("/"):
            return _blank(token)
        if token.startswith("R"):
            return 'R"' + _blank(token[2:-1]) + '"'
        return token[0] + " " * (len(token) - 2) + token[-1]

    return _TOKENS.sub(replace, text)


def _without_directives(stripped):
    """Blanks preprocessor lines. Of #if ... #else ... #endif only the first branch stays: braces
    then balance."""
    lines = stripped.split("\n")
    branches = []  # One entry per open #if: True while its first branch is being read.
    continued = False
    for number, line in enumerate(lines):
        directive = re.match(r"\s*#\s*(\w+)", line)
        if directive and not continued:
            word = directive.group(1)
            if word in ("if", "ifdef", "ifndef"):
                branches.append(True)
            elif word in ("else", "elif") and branches:
                branches[-1] = False
            elif word == "endif" and branches:
                branches.pop()
        is_directive = continued or directive is not None
        continued = is_directive and line.rstrip().endswith("\\")
        if is_directive or not all(branches):
            lines[number] = ""
    return "\n".join(lines)


def functions(stripped):
    """Yields (first line, last line, name) of each function body in stripped text, lines from 1.

    A function is an outermost brace whose heading, the text since the last brace or semicolon,
    holds a parenthesis. A lambda belongs to the function around it.
    """
    text = _without_directives(stripped)
    heading_start = 0
    stack = []  # For each open brace: (is a function, line of its heading, name).
    inside = 0  # How many of the open braces are functions.
    for match in re.finditer(r"[{};]", text):
        position = match.start()
        if match.group(0) == "{":
            heading = text[heading_start:position]
            is_function = (inside == 0 and "(" in heading and not _NOT_A_FUNCTION.match(heading)
                           and not re.search(r"=\s*$", heading))
            leading = len(heading) - len(heading.lstrip())
            first_line = text.count("\n", 0, heading_start + leading) + 1
            named = re.search(r"([\w:~]+)\s*\(", heading)
            stack.append((is_function, first_line, named.group(1) if named else "?"))
            inside += is_function
        elif match.group(0) == "}" and stack:
            is_function, first_line, name = stack.pop()
            inside -= is_function
            if is_function:
                yield first_line, text.count("\n", 0, position) + 1, name
        heading_start = position + 1

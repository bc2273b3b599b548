"""The source tree as the lint reads it: files, code without comments, functions, prototypes, includes.

It reads C as this project writes it (clang-format keeps it so): a function's braces stand alone in column 0.
Every rule takes a Tree and returns a list of violations, each "path:line: what is wrong", so that the tests can run
it on the project (the list must be empty) and on a made-up tree (the list must not be).
"""

import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Source:
    """One file; what is said of code and functions, if it is C."""

    def __init__(self, root, path):
        self.path = path
        self.name = str(path.relative_to(root))
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()

    @functools.cached_property
    def code(self):
        """The text with comments and the insides of literals blanked; every line keeps its place."""
        return blank_comments_and_literals(self.text)

    @functools.cached_property
    def plain_code(self):
        """The code with preprocessor directives blanked too."""
        directive = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
        return directive.sub(lambda match: blank(match.group()), self.code)

    def includes(self):
        """(line, quoted, target) of each #include."""
        pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]')
        for number, line in enumerate(self.lines, 1):
            match = pattern.match(line)
            if match:
                yield number, match.group(1) == '"', match.group(2)

    def functions(self):
        """(line, name, length) of each function; the length counts from { to }."""
        lines = self.plain_code.splitlines()
        start = None
        for number, line in enumerate(lines, 1):
            if line.rstrip() == "{":
                start = number
            elif start and line.startswith("}"):
                name = function_name(lines, start)
                if name:
                    yield start, name, number - start + 1
                start = None

    def prototypes(self):
        """(line, name) of each function declared, or defined inline, outside of all braces."""
        depth, begin = 0, 0
        code = self.plain_code
        for at, char in enumerate(code):
            if char == "{":
                if depth == 0:
                    yield from self._declared(begin, code[begin:at])
                depth += 1
            elif char == "}":
                depth -= 1
                begin = at + 1
            elif char == ";" and depth == 0:
                yield from self._declared(begin, code[begin:at])
                begin = at + 1

    def _declared(self, begin, declaration):
        if re.match(r"\s*(typedef|_Static_assert|static_assert)\b", declaration):
            return
        bare = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*(?=$|[\w;])", "", declaration, flags=re.DOTALL)
        match = re.search(r"([A-Za-z_]\w*)\s*\(", bare)
        if not match or "=" in bare[: match.start()]:
            return
        leading = len(declaration) - len(declaration.lstrip())
        yield self.text.count("\n", 0, begin + leading) + 1, match.group(1)


class Tree:
    """The files under `root`."""

    def __init__(self, root=ROOT):
        self.root = pathlib.Path(root)

    def sources(self, *folders, suffixes=(".c", ".h")):
        """All C files of these folders of the tree, or those with other suffixes, in order."""
        paths = []
        for folder in folders:
            paths += [path for path in (self.root / folder).rglob("*") if path.suffix in suffixes]
        return [Source(self.root, path) for path in sorted(paths)]


def blank(text):
    """Spaces instead of everything but the line ends."""
    return re.sub(r"[^\n]", " ", text)


def blank_comments_and_literals(text):
    token = re.compile(
        r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)

    def replace(match):
        found = match.group()
        if found[0] == "/":
            return blank(found)
        return found[0] + blank(found[1:-1]) + found[-1]

    return token.sub(replace, text)


def function_name(lines, brace):
    """The name of the function whose { stands on line `brace`, or None for a struct or a table."""
    head = []
    for line in reversed(lines[: brace - 1]):
        if not line.strip() or line.startswith(("}", "{")) or line.rstrip().endswith(";"):
            break
        head.insert(0, line)
    match = re.search(r"([A-Za-z_]\w*)\s*\(", " ".join(head))
    return match.group(1) if match else None


def report(violations):
    """What an assertion shows: one violation a line."""
    return "\n" + "\n".join(violations)

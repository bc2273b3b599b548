"""Words that must not stay, and calls that start programs.

1. No note of unfinished work is left in what is shipped.
2. Programs and processes are started in src/main only: nothing that faces strangers runs a command. The client starts
   them in tools/svcdns/spawn.c.
"""

import re

import pytest

from lint_tree import Tree, report

# Put together here, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
FOLDERS = ("src", "tools", "tests", "doc", "man", "zones", "ui", ".ci")
TEXT = {"", ".c", ".h", ".py", ".sh", ".md", ".build", ".txt", ".zone", ".html", ".js", ".css", ".conf"}

STARTERS = ("tools/svcdns/spawn.c",)
STARTS_A_PROGRAM = re.compile(
    r"\b(system|popen|execl|execle|execlp|execv|execve|execvp|execvpe|execveat|fexecve|posix_spawnp?|v?fork|clone3?)"
    r"\s*\(")


def unfinished_violations(tree):
    paths = [path for folder in FOLDERS for path in sorted((tree.root / folder).rglob("*"))]
    paths += sorted(tree.root.glob("*"))
    found = []
    for path in paths:
        if not path.is_file() or path.suffix not in TEXT or "corpus" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            match = UNFINISHED.search(line)
            if match:
                found.append(f"{path.relative_to(tree.root)}:{number}: {match.group()}")
    return found


def program_violations(tree):
    found = []
    for source in tree.sources("src", "tools"):
        if source.name.startswith("src/main/") or source.name in STARTERS:
            continue
        for number, line in enumerate(source.code.splitlines(), 1):
            match = STARTS_A_PROGRAM.search(line)
            if match:
                found.append(f"{source.name}:{number}: {match.group(1)}() is for src/main and {', '.join(STARTERS)} only")
    return found


def test_nothing_is_unfinished():
    found = unfinished_violations(Tree())
    assert not found, report(found)


def test_only_main_starts_programs():
    found = program_violations(Tree())
    assert not found, report(found)


@pytest.mark.parametrize("path", ["src/base/a.c", "doc/a.md", "tools/run", "README.md", "meson.build"])
def test_unfinished_is_caught(made_up, path):
    tree = made_up({path: "fine\n# TO" + "DO: later\n", "src/base/b.c": "int METHODO, xTODOx;\n"})
    assert unfinished_violations(tree) == [f"{path}:2: TO" + "DO"]


def test_started_program_is_caught(made_up):
    text = """/* system("a comment") */
int a = "popen(";
int b = system ("ls");
int c = sqlite3_exec(db);
int d = execvp(x, y);
int e = my_fork(1);
int f = fork();
"""
    found = program_violations(made_up({"src/health/a.c": text, "src/main/b.c": text, "tools/svcdns/spawn.c": text,
                                        "tools/svcdns/main.c": "int f = fork();\n"}))
    assert [":".join(line.split(":")[:2]) for line in found] == [
        "src/health/a.c:3", "src/health/a.c:5", "src/health/a.c:7", "tools/svcdns/main.c:1"]

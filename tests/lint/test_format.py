"""The format is clang-format's, so that nobody has to talk about it."""

import re
import shutil
import subprocess

import pytest

from lint_tree import ROOT, Tree

FORMATTER = shutil.which("clang-format")

pytestmark = pytest.mark.skipif(not FORMATTER, reason="clang-format is not installed")


def format_violations(tree):
    paths = [str(source.path) for source in tree.sources("src", "tools", "tests")]
    style = f"--style=file:{ROOT / '.clang-format'}"
    run = subprocess.run([FORMATTER, style, "--dry-run", "-Werror", *paths], capture_output=True, text=True)
    found = re.findall(r"^(\S+:\d+:\d+): error: ", run.stderr, re.MULTILINE)
    assert found or run.returncode == 0, run.stderr
    return found


def test_format():
    found = format_violations(Tree())
    files = sorted({place.split(":")[0] for place in found})
    assert not files, "run clang-format -i on these:\n" + "\n".join(files)


def test_other_format_is_caught(made_up):
    assert format_violations(made_up({"src/base/a.c": "int a(void)\n{\n\treturn 0;\n}\n"})) == []
    assert format_violations(made_up({"src/base/b.c": "int a(void) {\n  return 0;\n}\n"}))

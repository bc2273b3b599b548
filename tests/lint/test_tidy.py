"""clang-tidy, by .clang-tidy, on each C file of src and tools. Long: a few seconds a file.

It wants a compile_commands.json: the first of build/clang, build/asan, build/release that has one.
"""

import json
import shutil
import subprocess

import pytest

from lint_tree import ROOT, Tree

TIDY = shutil.which("clang-tidy")
BUILDS = [ROOT / "build" / name for name in ("clang", "asan", "release")]
COMMANDS = next((build for build in BUILDS if (build / "compile_commands.json").is_file()), None)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not TIDY, reason="clang-tidy is not installed"),
]

SOURCES = [source.name for source in Tree().sources("src", "tools") if source.path.suffix == ".c"]


def tidy(build, path):
    run = subprocess.run([TIDY, f"--config-file={ROOT / '.clang-tidy'}", "--quiet", "-p", str(build), str(path)],
                         capture_output=True, text=True)
    return run.stdout if run.returncode or "warning:" in run.stdout else ""


@pytest.mark.skipif(not COMMANDS, reason="no build has a compile_commands.json")
@pytest.mark.parametrize("path", SOURCES)
def test_tidy(path):
    complaints = tidy(COMMANDS, ROOT / path)
    assert not complaints, "\n" + complaints


def test_a_bug_is_caught(tmp_path):
    source = tmp_path / "bug.c"
    source.write_text("int f(char *p);\nint f(char *p)\n{\n\tif (sizeof(sizeof(int)) == 3)\n\t\tp++;\n"
                      "\tp = 0;\n\treturn *p;\n}\n")
    commands = [{"directory": str(tmp_path), "file": str(source), "command": f"cc -c {source}"}]
    (tmp_path / "compile_commands.json").write_text(json.dumps(commands))
    complaints = tidy(tmp_path, source)
    assert "bugprone-sizeof-expression" in complaints and "NullDereference" in complaints

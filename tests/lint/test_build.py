"""tools/lib.sh builds; what a build says has to be seen, and a clone has no folder for it yet."""

import re
import subprocess

from lint_tree import ROOT

SCRIPT = """
. "$1/tools/lib.sh"
meson() { echo "meson: $2 with $CC"; return $STATUS; }
ninja() { echo "ninja: $3"; }
STATUS=$2
build release gcc
"""


def build(folder, status=0):
    done = subprocess.run(["bash", "-c", SCRIPT, "bash", ROOT, str(status)], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_in_a_clone(tmp_path):
    assert build(tmp_path) == (0, "ninja: build/release\n", "")
    assert (tmp_path / "build/release.log").read_text() == "meson: build/release with gcc\n"


def test_a_setup_that_fails_is_shown(tmp_path):
    assert build(tmp_path, 1) == (1, "meson: build/release with gcc\n", "")


def test_a_build_that_is_set_up_is_not_set_up_again(tmp_path):
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/build.ninja").touch()
    assert build(tmp_path, 1) == (0, "ninja: build/release\n", "")


def test_the_revision_is_that_of_the_tree(tmp_path):
    """The command of src/main/meson.build, in a clone, and in a tree without .git that lies in another's clone."""
    build = (ROOT / "src/main/meson.build").read_text()
    command = re.findall(r"'([^']+)'|(meson\.project_source_root\(\))", re.search(r"command: \[(.*?)\]", build, re.S).group(1))

    def revision(tree):
        return subprocess.run([word or tree for word, _ in command], cwd=tree, capture_output=True, text=True)

    git = ["git", "-C", tmp_path, "-c", "user.name=x", "-c", "user.email=x@example"]
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "file").write_text("1\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    assert re.fullmatch(r"[0-9a-f]{12}\n", revision(tmp_path).stdout)
    (inner / "file").write_text("2\n")
    assert re.fullmatch(r"[0-9a-f]{12}-dirty\n", revision(tmp_path).stdout)
    assert revision(inner).returncode != 0 and revision(inner).stdout == "", "meson writes the fallback"

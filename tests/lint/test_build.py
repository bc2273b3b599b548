"""tools/lib.sh builds; what a build says has to be seen, and a clone has no folder for it yet."""

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

"""The man pages: mandoc finds nothing to say, and the lists of options and verbs are those of the tables."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SVCDNSD", ROOT / "build/asan/src/main/svcdnsd"))
CLIENT = BINARY.parents[2] / "tools/svcdns/svcdns"
GENERATED = {"svcdns.conf.5": BINARY, "svcdns.1": CLIENT}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def page_text(page):
    if page not in GENERATED:
        return (ROOT / "man" / page).read_text()
    head, tail = ((ROOT / "man" / f"{page}.{part}").read_text() for part in ("head", "tail"))
    return head + run(GENERATED[page], "--print-mdoc") + tail


@pytest.mark.parametrize("page", ["svcdnsd.8", "svcdns.7", *GENERATED])
def test_mandoc(page):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style"], input=page_text(page), capture_output=True, text=True)
    # References are looked up among the pages that this machine happens to have.
    found = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert not found, "\n".join(found)


def test_every_option_is_listed():
    listed = re.findall(r"^\.It Sy (\S+)$", page_text("svcdns.conf.5"), re.M)
    known = re.findall(r"^  --([a-z]+\.[a-z_]+)=", run(BINARY, "--help"), re.M)
    assert listed == known and len(listed) > 50


def test_every_verb_is_listed():
    listed = re.findall(r"^\.It (?:Cm|Fl) (?:-)?(\S+)", run(CLIENT, "--print-mdoc"), re.M)
    known = []
    for verb in re.findall(r"^  ([a-z][a-z-]+)", run(CLIENT, "help"), re.M):
        usage = run(CLIENT, "help", verb)
        common = re.findall(r"^  --([a-z-]+)", run(CLIENT, "help"), re.M)
        known += [verb] + [flag for flag in re.findall(r"^  --([a-z-]+)", usage, re.M) if flag not in common]
    assert listed == known + common and len(known) > 15

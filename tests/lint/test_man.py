"""The man pages: mandoc finds nothing to say, and the list of options is the option table's."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SVCDNSD", ROOT / "build/asan/src/main/svcdnsd"))


def options_page():
    parts = [(ROOT / "man/svcdns.conf.5.head").read_text()]
    parts.append(subprocess.run([BINARY, "--print-mdoc"], capture_output=True, text=True, check=True).stdout)
    parts.append((ROOT / "man/svcdns.conf.5.tail").read_text())
    return "".join(parts)


@pytest.mark.parametrize("page", ["svcdnsd.8", "svcdns.7", "svcdns.conf.5"])
def test_mandoc(page):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    text = options_page() if page == "svcdns.conf.5" else (ROOT / "man" / page).read_text()
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style"], input=text, capture_output=True, text=True)
    # References are looked up among the pages that this machine happens to have.
    found = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert not found, "\n".join(found)


def test_every_option_is_listed():
    listed = re.findall(r"^\.It Sy (\S+)$", options_page(), re.M)
    known = re.findall(r"^  --([a-z]+\.[a-z_]+)=", subprocess.run([BINARY, "--help"], capture_output=True, text=True).stdout, re.M)
    assert listed == known and len(listed) > 50

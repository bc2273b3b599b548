"""Instructions for an answer, by callgrind, against the baseline in instructions.json: 5 % slack.

Time is noise on a shared machine, instructions are not. They depend on the compiler, so a build by another one than the
baseline's is not compared. After a change that is meant:  tests/bench/test_instructions.py --update"""

import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SVCDNS_BENCH", ROOT / "build/bench")) / "tests/bench/bench_respond"
BASELINE = Path(__file__).with_name("instructions.json")
COUNT, BATCH, SERVICES, SLACK = 8000, 32, 20, 0.05
KINDS = ("A", "SRV", "AAAA", "NXDOMAIN", "REFUSED")


def compiler():
    """The compiler that made the program, as it says of itself in the .comment section."""
    strings = re.findall(rb"GCC: [^\0]*|clang version [^\0]*", PROGRAM.read_bytes())
    return strings[0].decode() if strings else "unknown"


def count(kind):
    """Instructions in dns_respond() for an answer of one kind."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "--toggle-collect=dns_respond",
             str(PROGRAM), "--kind", kind, "--count", str(COUNT), "--services", str(SERVICES)],
            capture_output=True, text=True, check=True)
    total = int(re.search(r"Collected : (\d+)", run.stderr).group(1))
    return round(total / (COUNT + BATCH), 1)  # one batch more asks whether the answer is right


def count_all():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(KINDS, pool.map(count, KINDS)))


def compare(found, baseline):
    """What is wrong: more than the slack, in words."""
    return [f"{kind}: {found[kind]:.0f} instructions for an answer, {before:.0f} in the baseline"
            for kind, before in baseline.items() if found[kind] > before * (1 + SLACK)]


@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")
@pytest.mark.skipif(not PROGRAM.exists(), reason="build/bench has no bench_respond (tools/bench builds it)")
def test_instructions():
    baseline = json.loads(BASELINE.read_text())
    if compiler() != baseline["compiler"]:
        pytest.skip(f"the baseline is of {baseline['compiler']}, this build of {compiler()}")
    wrong = compare(count_all(), baseline["instructions"])
    assert not wrong, "\n" + "\n".join(wrong)


def test_a_regression_is_caught():
    assert compare({"A": 1049.0}, {"A": 1000.0}) == []
    assert compare({"A": 1051.0}, {"A": 1000.0}) == ["A: 1051 instructions for an answer, 1000 in the baseline"]


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    BASELINE.write_text(json.dumps({"compiler": compiler(), "instructions": count_all()}, indent=1) + "\n")
    print(BASELINE.read_text(), end="")

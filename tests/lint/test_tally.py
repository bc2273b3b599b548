"""tools/tally adds the counts up that tools/test ends with; a wrong sum would hide a failure."""

import json
import subprocess

import pytest

from lint_tree import ROOT

CMOCKA = "[==========] 5 test(s) run.\n[  PASSED  ] {} test(s).\n"
CMOCKA_BAD = CMOCKA + "[  FAILED  ] {} test(s), listed below:\n[  FAILED  ] name\n\n {} FAILED TEST(S)\n"
CMOCKA_SKIP = CMOCKA + "[  SKIPPED ] {} test(s), listed below:\n[  SKIPPED ] name\n\n {} SKIPPED TEST(S)\n"


def tally(*paths):
    run = subprocess.run(["/usr/bin/python3", ROOT / "tools" / "tally", *paths], capture_output=True, text=True)
    return run.stdout.strip(), run.returncode


@pytest.mark.parametrize("test,said", [
    ({"result": "OK", "stdout": CMOCKA.format(5)}, "5 passed, 0 failed, 0 skipped"),
    ({"result": "OK"}, "1 passed, 0 failed, 0 skipped"),
    ({"result": "SKIP", "stdout": "no clang"}, "0 passed, 0 failed, 1 skipped"),
    ({"result": "OK", "stdout": CMOCKA_SKIP.format(3, 2, 2)}, "3 passed, 0 failed, 2 skipped"),
    ({"result": "FAIL", "stdout": CMOCKA_BAD.format(3, 2, 2)}, "3 passed, 2 failed, 0 skipped"),
    ({"result": "FAIL", "stdout": "[ RUN      ] first", "stderr": "AddressSanitizer"}, "0 passed, 1 failed, 0 skipped"),
    ({"result": "FAIL", "stdout": CMOCKA.format(5), "stderr": "a leak"}, "5 passed, 1 failed, 0 skipped"),
    ({"result": "TIMEOUT", "stdout": ""}, "0 passed, 1 failed, 0 skipped"),
])
def test_meson(tmp_path, test, said):
    log = tmp_path / "testlog.json"
    log.write_text(json.dumps({"name": "x"} | test) + "\n")
    assert tally(log) == (said, 0 if " 0 failed" in said else 1)


def test_sum(tmp_path):
    log, suite, status = tmp_path / "testlog.json", tmp_path / "pytest.xml", tmp_path / "build.status"
    log.write_text(json.dumps({"result": "OK", "stdout": CMOCKA.format(5)}) + "\n" + json.dumps({"result": "OK"}) + "\n")
    suite.write_text('<testsuites><testsuite errors="1" failures="2" skipped="3" tests="20"/></testsuites>')
    status.write_text("0\n")
    assert tally(log, status) == ("7 passed, 0 failed, 0 skipped", 0)
    assert tally(log, suite, status) == ("21 passed, 3 failed, 3 skipped", 1)
    status.write_text("1\n")
    assert tally(status) == ("0 passed, 1 failed, 0 skipped", 1)


def test_a_run_that_left_nothing_has_failed(tmp_path):
    assert tally(tmp_path / "none.xml") == ("0 passed, 1 failed, 0 skipped", 1)


def test_an_empty_log_has_failed(tmp_path):
    log = tmp_path / "testlog.json"
    log.write_text("")
    assert tally(log) == ("0 passed, 1 failed, 0 skipped", 1)

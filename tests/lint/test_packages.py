"""tools/lib.sh installs what tests need; a name server or a proxy that comes along must not start, now or later."""

import os
import subprocess

from lint_tree import ROOT

SCRIPT = """
. tools/lib.sh
UNITS=$1
forbid_services() { :; }
dpkg-query() { return 1; }
id() { echo 0; }
apt-get()
{
	[ "$2" != update ] || return 0
	ln -s /lib/systemd/system/new.service "$UNITS/multi-user.target.wants/new one.service"
	return $STATUS
}
STATUS=$2
install_packages nginx
"""


def run(script, units, status=0):
    command = ["bash", "-c", script, "bash", str(units), str(status)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode


def install(units, status=0):
    """Installs; the exit status, and what is enabled then."""
    wants = units / "multi-user.target.wants"
    wants.mkdir()
    (wants / "old one.service").symlink_to("/lib/systemd/system/old.service")
    return run(SCRIPT, units, status), [path.name for path in wants.iterdir()]


def test_what_a_package_enables_does_not_start_with_the_machine(tmp_path):
    assert install(tmp_path) == (0, ["old one.service"])


def test_a_failure_stays_one(tmp_path):
    assert install(tmp_path, 100) == (100, ["old one.service"])


def test_without_systemd(tmp_path):
    assert run(SCRIPT.replace("ln -s", ": ln -s"), tmp_path / "none") == 0


def test_without_packages_the_totals_come_last(tmp_path):
    """tools/test, run by somebody who may not install what is missing."""
    nobody = tmp_path / "nobody"
    nobody.write_text("dpkg-query() { return 1; }\nid() { echo 1000; }\n")
    done = subprocess.run([ROOT / "tools/test"], env={**os.environ, "BASH_ENV": nobody}, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "As root:\n  apt-get install" in done.stderr
    assert done.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"

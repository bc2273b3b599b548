"""The Debian package: lintian has nothing against it; it is installed, started by systemd, upgraded under load, and
purged, in a fresh tree."""

import json
import re
import shutil
import subprocess

import pytest

import svc

DEB = "/root/svcdns.deb"


@pytest.fixture(scope="module")
def package():
    """The .deb, as tools/deb builds it; lintian is part of that."""
    done = subprocess.run([svc.ROOT / "tools/deb"], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    found = [path for path in (svc.ROOT / "build/deb").glob("svcdns_*.deb")]
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def installed(fresh, package):
    shutil.copy(package, fresh.path / DEB[1:])
    fresh.run(f"apt-get -qq update && apt-get -qq -y install --no-install-recommends {DEB} systemd systemd-sysv dbus python3")
    return fresh


def test_upgrade_leaves_the_sockets_open(package):
    """The maintainer scripts restart the service and nothing else."""
    script = subprocess.run(["dpkg-deb", "--info", package, "postinst"], capture_output=True, text=True, check=True).stdout
    restarts = re.findall(r"(?:invoke \$_dh_action|restart) (.*?) >", script)
    assert restarts == ["'svcdns.service'"]


def test_installed_and_enabled(installed):
    output = installed.run("svcdnsd --check-config --config=/etc/svcdns/svcdns.conf; dpkg --verify svcdns; "
                           "systemctl is-enabled svcdns.service svcdns.socket svcdns-http.socket")
    assert output.split("\n")[:4] == ["the config is good"] + 3 * ["enabled"]


# Runs in the booted tree, and switches it off in the end.
TEST_UNIT = """[Unit]
After=multi-user.target

[Service]
Type=oneshot
StandardOutput=file:/root/output
StandardError=file:/root/output
ExecStart=/usr/bin/python3 /root/under_load.py
ExecStopPost=/bin/sh -c 'journalctl --no-pager -u svcdns.service >/root/journal; systemctl --no-block poweroff'
TimeoutStartSec=120

[Install]
WantedBy=default.target
"""


def test_restarts_refuse_nothing(installed):
    """With the real systemd: a restart, a kill of everything, a reload and an upgrade, under load."""
    nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "-D", installed.path]
    if not shutil.which("systemd-nspawn"):
        pytest.skip("systemd-nspawn is not installed")
    done = subprocess.run([*nspawn, "/bin/true"], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        pytest.skip(f"systemd-nspawn cannot run here: {done.stderr.strip()[-200:]}")
    root = installed.path
    shutil.copy(svc.ROOT / "tests/fresh/under_load.py", root / "root")
    (root / "etc/systemd/system/under-load.service").write_text(TEST_UNIT)
    installed.run("systemctl enable under-load.service")
    subprocess.run([*nspawn, "--boot"], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    said = "".join((root / f"root/{name}").read_text() for name in ("output", "journal") if (root / f"root/{name}").exists())
    assert (root / "root/result.json").exists(), said
    result = json.loads((root / "root/result.json").read_text())
    for kind in ("udp", "tcp", "http"):
        assert result[kind]["answered"] > 100, said
        assert result[kind]["refused"] == 0, said
        # What a process had taken from a socket when it was killed or ended.
        assert result[kind]["lost"] <= result["rounds"], said
    assert result["failed_units"] == "", said


def test_purge(installed):
    installed.run("dpkg --purge svcdns && test ! -e /etc/svcdns && test ! -e /var/lib/svcdns && test ! -e /var/lib/private/svcdns")
    assert not list(installed.path.glob("etc/systemd/system/*.wants/svcdns*"))

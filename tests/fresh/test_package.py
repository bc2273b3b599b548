"""The Debian package: lintian has nothing against it; it is installed, started by systemd, upgraded under load, and
purged, in a fresh tree."""

import re
import shutil
import subprocess

import pytest

import svc
import under_load

DEB = "/root/svcdns.deb"


@pytest.fixture(scope="module")
def package():
    """The .deb, as tools/deb builds it with its source; lintian is part of that."""
    done = subprocess.run([svc.ROOT / "tools/deb"], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    found = [path for path in (svc.ROOT / "build/deb").glob("svcdns_*.deb")]
    assert len(found) == 1 and len(list((svc.ROOT / "build/deb").glob("svcdns_*.dsc"))) == 1
    return found[0]


@pytest.fixture(scope="module")
def installed(fresh, package):
    shutil.copy(package, fresh.path / DEB[1:])
    fresh.run(f"apt-get -qq update && apt-get -qq -y install --no-install-recommends {DEB} systemd systemd-sysv dbus python3")
    return fresh


def test_nothing_else_is_touched(package):
    """No resolver above all: neither a file of one, nor a word of one in the maintainer scripts."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
    names = subprocess.run(["tar", "-t"], input=archive, capture_output=True, check=True).stdout.decode().split()
    ours = re.compile(r"\./(usr/|lib/systemd/system/svcdns|etc/svcdns/svcdns\.conf$)")
    assert [name for name in names if not name.endswith("/") and not ours.match(name)] == []
    for script in ("postinst", "prerm", "postrm"):
        text = subprocess.run(["dpkg-deb", "--info", package, script], capture_output=True, text=True, check=True).stdout
        assert not re.search(r"resolv|/etc/(?!svcdns)", text), text


def test_upgrade_leaves_the_sockets_open(package):
    """The maintainer scripts restart the service and nothing else."""
    script = subprocess.run(["dpkg-deb", "--info", package, "postinst"], capture_output=True, text=True, check=True).stdout
    restarts = re.findall(r"(?:invoke \$_dh_action|restart) (.*?) >", script)
    assert restarts == ["'svcdns.service'"]


def test_installed_and_enabled(installed):
    output = installed.run("svcdnsd --check-config --config=/etc/svcdns/svcdns.conf; dpkg --verify svcdns; "
                           "systemctl is-enabled svcdns.service svcdns.socket svcdns-http.socket")
    assert output.split("\n")[:4] == ["the config is good"] + 3 * ["enabled"]


def test_restarts_refuse_nothing(installed):
    """With the real systemd: a restart, a kill of everything, a reload and an upgrade, under load. A socket has an
    address too that the machine does not have, as that of Docker's bridge at boot."""
    if reason := installed.why_no_boot():
        pytest.skip(reason)
    dropin = installed.path / "etc/systemd/system/svcdns.socket.d/bridge.conf"
    dropin.parent.mkdir()
    dropin.write_text("[Socket]\nListenDatagram=172.17.0.1:8600\nListenStream=172.17.0.1:8600\n")
    shutil.copy(svc.ROOT / "tests/fresh/under_load.py", installed.path / "root")
    said = installed.boot(f"python3 /root/under_load.py dpkg --install {DEB}")
    under_load.check(installed, said)
    assert "172.17.0.1:8600" in (installed.path / "root/boot/journal").read_text()


def test_purge(installed):
    installed.run("dpkg --purge svcdns && test ! -e /etc/svcdns && test ! -e /var/lib/svcdns && test ! -e /var/lib/private/svcdns")
    assert not list(installed.path.glob("etc/systemd/system/*.wants/svcdns*"))

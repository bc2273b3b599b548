"""The Debian package: lintian has nothing against it; it is installed, started by systemd, upgraded under load, and
purged, in a fresh tree."""

import re
import shutil
import subprocess

import pytest

import snippets
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
    fresh.run(f"apt-get -qq update && apt-get -qq -y install --no-install-recommends {DEB} systemd systemd-sysv dbus iproute2 python3")
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


def cookbook(first):
    """The snippet of svcdns(7) that begins so."""
    return next(snippet.text for snippet in snippets.of_man("man/svcdns.7") if snippet.text.startswith(first))


def in_order(text, *words):
    """True if each of the words is there, behind the one before it."""
    return re.search(".*".join(map(re.escape, words)), text, re.S)


def test_a_backup_is_restored(installed):
    if reason := installed.why_no_boot():
        pytest.skip(reason)
    said = installed.boot(f"""
svcdns register kept --port=80 --address=10.0.0.1
mkdir -p /var/backups
{cookbook("svcdns backup /var/backups")}
svcdns register lost --port=80 --address=10.0.0.1
echo before: $(svcdns list --names "[kl]*")
(
{cookbook("systemctl stop svcdns.socket svcdns-http.socket")}
)
echo after: $(svcdns list --names "[kl]*") $(svcdns query kept --json | grep Status)
svcdns register new --port=80 --address=10.0.0.1
""")
    assert in_order(said, "before: kept lost", 'after: kept "Status": "NOERROR"'), said


def test_another_address_and_a_token(installed):
    if reason := installed.why_no_boot():
        pytest.skip(reason)
    address = installed.path / "etc/systemd/system/svcdns.socket.d/address.conf"
    token = installed.path / "etc/systemd/system/svcdns.service.d/token.conf"
    address.parent.mkdir(exist_ok=True)
    token.parent.mkdir()
    said = installed.boot(f"""
ip address add 192.0.2.1/32 dev lo
svcdns register web --port=80 --address=10.0.0.1
cat >/{address.relative_to(installed.path)} <<'END'
{cookbook("[Socket]")}
END
systemctl daemon-reload # as "systemctl edit" does it
{cookbook("systemctl stop svcdns.socket svcdns.service")}
echo there: $(svcdns query web --dns=192.0.2.1:8600)
svcdns query web --dns=127.0.0.1:8600 || echo no longer here: $?

install -m 600 /dev/null /etc/svcdns/token
echo secret >/etc/svcdns/token
cat >/{token.relative_to(installed.path)} <<'END'
{cookbook("[Service]" + chr(10) + "LoadCredential")}
END
cat >>/etc/svcdns/svcdns.conf <<'END'
{cookbook("[http]")}
END
systemctl daemon-reload
{cookbook("systemctl restart svcdns.service")}
svcdns list || echo without: $?
SVCDNS_HTTP_TOKEN=wrong svcdns list || echo wrong: $?
echo with: $(SVCDNS_HTTP_TOKEN=secret svcdns list --names web)
""")
    assert in_order(said, "there: ", "10.0.0.1", "no longer here: 2", "without: 1", "wrong: 1", "with: web"), said
    (installed.path / "etc/svcdns/token").unlink()  # ours: a purge leaves it


def test_purge(installed):
    installed.run("dpkg --purge svcdns && test ! -e /etc/svcdns && test ! -e /var/lib/svcdns && test ! -e /var/lib/private/svcdns")
    assert not list(installed.path.glob("etc/systemd/system/*.wants/svcdns*"))

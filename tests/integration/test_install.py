"""What is installed for good: the files, the units, and that tools/uninstall takes it away again."""

import os
import re
import shutil
import subprocess

import pytest

import svc

UNITS = ("svcdns.service", "svcdns.socket", "svcdns-http.socket")
EXPOSURE_MOST = 1.5


def tool(name, *arguments):
    return subprocess.run([svc.ROOT / "tools" / name, *arguments], capture_output=True, text=True, timeout=600)


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A root that tools/install has installed into."""
    root = tmp_path_factory.mktemp("root")
    done = tool("install", f"--root={root}")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


pytestmark = pytest.mark.xdist_group("install")  # one build folder for all


def test_files(installed):
    there = files(installed)
    for path in (
        "etc/svcdns/svcdns.conf",
        "usr/local/bin/svcdns",
        "usr/local/sbin/svcdnsd",
        "usr/local/share/bash-completion/completions/svcdns",
        "usr/local/share/fish/vendor_completions.d/svcdns.fish",
        "usr/local/share/zsh/site-functions/_svcdns",
        "usr/local/share/man/man1/svcdns.1",
        "usr/local/share/man/man5/svcdns.conf.5",
        "usr/local/share/man/man7/svcdns.7",
        "usr/local/share/man/man8/svcdnsd.8",
        "usr/local/share/doc/svcdns/README.md",
        "usr/local/share/doc/svcdns/examples/svcdns.conf",
        "usr/local/share/doc/svcdns/examples/service.local.zone",
        *(f"usr/local/lib/systemd/system/{unit}" for unit in UNITS),
    ):
        assert path in there


def test_nothing_else_is_touched(installed):
    """No resolver above all: only what is local, the config, and the links that enable the units."""
    ours = re.compile(r"usr/local/|etc/svcdns/svcdns\.conf$|etc/systemd/system/\w+(-\w+)?\.target\.wants/svcdns")
    assert [path for path in files(installed) if not ours.match(path)] == []


def test_config_and_zone_are_good(installed):
    """By the program that was installed; all but its registry's place is the default."""
    program = installed / "usr/local/sbin/svcdnsd"
    config = installed / "etc/svcdns/svcdns.conf"
    zone = installed / "usr/local/share/doc/svcdns/examples/service.local.zone"
    done = subprocess.run([program, "--check-config", f"--config={config}", f"--zone.file={zone}"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "the config is good\n"), done.stderr
    assert re.findall(r"^[^#\[\n].*", config.read_text(), re.M) == ["path = /var/lib/svcdns/registry.db"]


def test_units_are_enabled(installed):
    if not shutil.which("systemctl"):
        pytest.skip("systemctl is not installed")
    wants = [path for path in files(installed) if ".wants/" in path]
    assert sorted(path.rsplit("/", 1)[1] for path in wants) == sorted(UNITS)


def test_again_keeps_the_config(installed):
    config = installed / "etc/svcdns/svcdns.conf"
    before = config.read_text()
    config.write_text("[zone]\nttl = 1s\n")
    done = tool("install", f"--root={installed}")
    assert done.returncode == 0 and "stays as it is" in done.stdout
    assert config.read_text() == "[zone]\nttl = 1s\n"
    config.write_text(before)


def unit_text(installed, unit):
    return (installed / "usr/local/lib/systemd/system" / unit).read_text()


def test_units_name_what_is_there(installed):
    service = unit_text(installed, "svcdns.service")
    assert "ExecStart=/usr/local/sbin/svcdnsd --config=/etc/svcdns/svcdns.conf\n" in service
    for unit in UNITS:
        assert "@" not in re.sub(r"^SystemCallFilter=.*", "", unit_text(installed, unit), flags=re.M)
    assert ":53\n" not in unit_text(installed, "svcdns.socket")


def test_sockets_wait_for_no_address(installed):
    """At boot there is no bridge of Docker, nor an address by DHCP; the service would not start without its sockets."""
    for unit in UNITS[1:]:
        assert "\nFreeBind=yes\n" in unit_text(installed, unit)


@pytest.fixture
def analyze(installed, tmp_path):
    """Runs systemd-analyze on the units; the program and the pages that they name are not on this machine."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS:
        text = unit_text(installed, unit).replace("/usr/local/sbin/svcdnsd", "/bin/true")
        (tmp_path / unit).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.M))
    return lambda *arguments: subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=60)


def test_units_verify(analyze):
    done = analyze("verify", *(f"./{unit}" for unit in UNITS))
    ours = [line for line in done.stderr.splitlines() if "svcdns" in line]
    assert done.returncode == 0 and not ours, done.stderr


def test_exposure(analyze):
    done = analyze("security", "--offline=true", "./svcdns.service")
    level = re.search(r"Overall exposure level for svcdns.service: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level.group(1)) <= EXPOSURE_MOST, done.stdout


def everything(root):
    return {str(path.relative_to(root)) for path in root.rglob("*")}


@pytest.fixture
def others(tmp_path):
    """A root with files and folders of others, whose own name must not confuse anybody; before tools/install."""
    root = tmp_path / "svcdns, the root"
    for folder in ("usr/local/share/man/man1", "usr/local/share/svcdns-of-others", "usr/local/empty", "var/lib",
                   "etc/systemd/system"):
        (root / folder).mkdir(parents=True)
    (root / "usr/local/sbin").mkdir()
    (root / "usr/local/sbin/other").touch()
    return root


def test_uninstall_takes_all_but_config_and_registry(others):
    before = everything(others)
    assert tool("install", f"--root={others}").returncode == 0
    registry = others / "var/lib/svcdns/registry.db"
    registry.parent.mkdir(parents=True)
    registry.touch()
    done = tool("uninstall", f"--root={others}")
    assert done.returncode == 0, done.stderr
    assert everything(others) - before == {"etc/svcdns", "etc/svcdns/svcdns.conf", "var/lib/svcdns", "var/lib/svcdns/registry.db"}
    assert before <= everything(others)
    assert tool("uninstall", f"--root={others}").returncode == 1
    assert tool("uninstall", f"--root={others}", "--purge").returncode == 0
    assert everything(others) == before


def test_uninstall_takes_what_earlier_versions_had(others):
    """And leaves what somebody has put beside it since."""
    before = everything(others)
    assert tool("install", f"--root={others}").returncode == 0
    with open(others / "usr/local/share/svcdns/manifest", "a") as manifest:
        manifest.write("/usr/local/share/man/man1/earlier.1\n")
    (others / "usr/local/share/man/man1/earlier.1").touch()
    (others / "usr/local/share/man/man8/other.8").touch()
    assert tool("install", f"--root={others}").returncode == 0
    assert tool("uninstall", f"--root={others}", "--purge").returncode == 0
    assert everything(others) - before == {"usr/local/share/man/man8", "usr/local/share/man/man8/other.8"}


@pytest.mark.parametrize("name", ["install", "uninstall"])
def test_wrong_argument(name):
    done = tool(name, "--nonsense")
    assert done.returncode == 2 and f"tools/{name}" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("name", ["install", "uninstall"])
def test_needs_root(name):
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    if subprocess.run(["test", "-x", svc.ROOT / "tools" / name], **nobody).returncode != 0:
        pytest.skip("the checkout is closed to others")
    done = subprocess.run([svc.ROOT / "tools" / name], capture_output=True, text=True, **nobody)
    assert done.returncode == 1 and "needs root" in done.stderr

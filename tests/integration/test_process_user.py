"""process.user: who runs without privileges, and what that user must be able to reach."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

import svc
import zone_fixture


@pytest.fixture
def open_folder():
    """A folder that other users can reach; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory(prefix="svcdns-test-") as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


def test_unprivileged_user(open_folder):
    """process.user: all run as that user, without capabilities, and work; also after a restart."""
    if os.geteuid() != 0:
        pytest.skip("needs root to change the user")
    path = open_folder / "reg" / "registry.db"
    config = {"process.user": "nobody", "registry.path": str(path), "relay.upstream": "127.0.0.1:9"}
    with svc.Server(open_folder, config) as server:
        server.register("web", id="w1", address="10.0.0.1", port=80)
        assert server.ask("web.service.local").addresses() == ["10.0.0.1"]
        for role in ("supervisor", "dns", "sidecar", "relay"):
            status = pathlib.Path(f"/proc/{server.pid(role)}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert fields["Uid"].split() == [str(pwd.getpwnam("nobody").pw_uid)] * 4
            assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
            assert fields["NoNewPrivs"] == "1"
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.owner() == "nobody"
        for role in ("sidecar", "dns", "relay"):
            old = server.signal(role, signal.SIGKILL)
            svc.wait_until(lambda role=role, old=old: server.children().get(role, old) != old, f"another {role}")
        server.wait_ready()
        assert server.ask("web.service.local").addresses() == ["10.0.0.1"]


@pytest.mark.parametrize("key", ["zone.file", "http.token_file", "config"])
def test_file_that_the_user_cannot_read(open_folder, key):
    """process.user and a file that only root can read: an error at the start, where somebody looks."""
    if os.geteuid() != 0:
        pytest.skip("needs root to change the user")
    path = open_folder / "file"
    path.write_text({"zone.file": zone_fixture.ZONE, "http.token_file": "secret", "config": "[log]\nlevel = info\n"}[key])
    path.chmod(0o600)
    server = svc.Server(open_folder, {"process.user": "nobody", "registry.path": str(open_folder / "reg/registry.db"), key: path})
    done = subprocess.run(server.arguments(), capture_output=True, text=True, timeout=svc.PATIENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"svcdnsd: process.user cannot read {path}: Permission denied" in done.stderr


def test_registry_that_the_user_cannot_reach(open_folder):
    """process.user and a default path below a folder of root's: the fallback is used, and told at the start."""
    if os.geteuid() != 0:
        pytest.skip("needs root to change the user")
    if pathlib.Path("/var/lib/svcdns").exists():
        pytest.skip("/var/lib/svcdns is in use")
    hidden = open_folder / "hidden"
    hidden.mkdir(mode=0o700)
    server = svc.Server(hidden, {"process.user": "nobody", "registry.path": None})
    try:
        with server:
            server.register("web", id="w1", address="10.0.0.1", port=80)
            svc.wait_until(lambda: "registry in /var/lib/svcdns/registry.db" in server.log(), "the greeting")
    finally:
        shutil.rmtree("/var/lib/svcdns", ignore_errors=True)

"""The command line and the config file, as a person meets them."""

import os
import subprocess
import sys

import pytest

import svc


def run(*arguments, cwd=None):
    return subprocess.run([str(svc.BINARY), *arguments], capture_output=True, text=True, timeout=svc.PATIENCE, cwd=cwd)


def test_check_config_names_file_line_and_key(tmp_path):
    path = tmp_path / "svcdns.conf"
    path.write_text("[dns]\nlisten = 127.0.0.1:5300\nworkerz = 2\n\n[zone]\nttl = soon\n")
    done = run("--check-config", f"--config={path}")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{path}:3: dns.workerz: there is no such key",
        f"{path}:6: zone.ttl: 'soon' is not a duration (such as 500ms, 10s or 5m) from 0s to 24h0m0s",
    ]


def test_check_config_reads_zone_files(tmp_path):
    zone = tmp_path / "bad.zone"
    zone.write_text("$ORIGIN service.local.\n$TTL 5\n@ IN SOA ns1 h 1 2 3 4 5\n@ IN NS ns1\nx IN DNAME y\n")
    done = run("--check-config", f"--zone.file={zone}")
    assert done.returncode == 1
    assert f"{zone}:5" in done.stderr and "DNAME" in done.stderr


def test_good_config_starts_nothing(tmp_path):
    done = run("--check-config", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "the config is good\n")
    assert not list(tmp_path.iterdir())


def test_sample_config_is_good(tmp_path):
    path = tmp_path / "svcdns.conf"
    sample = run("--print-config").stdout
    path.write_text("\n".join(line[1:] if line.startswith("#") and " = " in line and line[1] != " " else line
                              for line in sample.splitlines() if not line.endswith(" = ")) + "\n")
    done = run("--check-config", f"--config={path}")
    assert done.returncode == 0, done.stderr


def test_usage_errors():
    assert run("--nonsense").returncode == 2
    assert "unknown argument" in run("--nonsense").stderr
    done = run("--check-config", "--dns.workerz=1")
    assert (done.returncode, done.stderr) == (1, "--dns.workerz: there is no such key\n")


def test_help_lists_every_option():
    done = run("--help")
    assert done.returncode == 0
    for key in ("dns.listen", "dns.workers", "http.listen", "http.token_file", "registry.path", "zone.name", "zone.file",
                "zone.ttl", "node.name", "node.address", "process.user"):
        assert f"--{key}=" in done.stdout


@pytest.mark.parametrize("text, mode, said", [
    (None, None, "No such file or directory"), ("secret\n", 0o604, "is open to group or others (mode 0604): chmod 600 it"),
    ("", 0o600, "token"), ("two words", 0o600, "token")], ids=["missing", "open", "empty", "words"])
def test_token_file(tmp_path, text, mode, said):
    """What the API could not start with is refused where somebody looks."""
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    done = run("--check-config", f"--http.token_file={path}")
    assert done.returncode == 1 and done.stderr.startswith("--http.token_file: token file " + str(path)), done
    assert said in done.stderr and "secret" not in done.stderr


def test_wide_http_bind_needs_a_token():
    done = run("--check-config", "--http.listen=0.0.0.0:8500")
    assert done.returncode == 1
    assert "http.token_file" in done.stderr


def test_no_host_name():
    """In a container that has none the node is localhost."""
    unshare = ["unshare", "--uts"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--uts"]
    nameless = [*unshare, sys.executable, "-c", "import os, socket, sys; socket.sethostname(''); os.execv(sys.argv[1], sys.argv[1:])"]
    if subprocess.run([*nameless, "/bin/true"], capture_output=True).returncode:
        pytest.skip("unshare cannot make a UTS namespace here")
    for flags in ([], ["--node.name=x"]):
        done = subprocess.run([*nameless, str(svc.BINARY), "--check-config", *flags], capture_output=True, text=True, timeout=svc.PATIENCE)
        assert (done.returncode, done.stdout) == (0, "the config is good\n"), done.stderr

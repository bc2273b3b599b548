"""Every snippet of the README, of doc/ and of svcdns(7) is run, or read by the program that it is for, or listed here
with the reason why not. One that is not listed fails."""

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys

import pytest

import snippets
import svc

# Pages whose snippets have a test of their own, which sees to all of them.
PAGES = {
    "doc/consumers.md": "tests/interop/test_consumers_page.py",
    "doc/forward-zones.md": "tests/interop/test_forward_zones_page.py",
}


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def here(text, server):
    """The text with this server's addresses and files, and a free port for the service."""
    port = str(svc.free_port())
    for old, new in (("8500", server.http_port), ("8600", server.port), ("8001", port), ("8080", port)):
        text = re.sub(rf"\b{old}\b", str(new), text)
    return text.replace("/var/backups/", f"{server.directory}/backup-")


def shell(text, server):
    for program in re.findall(r"^(curl|dig)\b", text, re.M):
        needs(program)
    script = here(text, server)
    end = "\nkill %1\n" if re.search(r" &$", script, re.M) else ""
    output = run(["bash", "-mec", script + end], cwd=server.directory)
    assert "status: REFUSED" not in output and "status: SERVFAIL" not in output, output


def cli(text, server):
    """By the client; it must know of this server."""
    program = svc.BINARY.parents[2] / "tools/svcdns/svcdns"
    environment = {"SVCDNS_HTTP_ADDR": f"127.0.0.1:{server.http_port}", "PATH": f"{program.parent}:{os.environ['PATH']}"}
    run(["sh", "-ec", here(text, server)], env=environment)
    with contextlib.closing(sqlite3.connect(f"{server.directory}/backup-registry.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def python(text, server):
    run([sys.executable, "-c", here(text, server)])
    assert server.get("/v1/agent/checks")["service:jobs-1"]["Status"] == "passing"


def unit(text, server):
    """A unit of somebody else's."""
    needs("systemd-analyze")
    path = server.directory / "snippet.service"
    path.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, timeout=60)
    assert "snippet.service" not in done.stderr, done.stderr


def drop_in(name):
    """A drop-in for a unit of ours."""

    def check(text, server):
        needs("systemd-analyze")
        packaging = svc.ROOT / "packaging/systemd"
        for path in packaging.iterdir():
            whole = path.read_text().replace("@sbindir@/svcdnsd", "/bin/true")
            (server.directory / path.name.removesuffix(".in")).write_text(re.sub(r"^Documentation=.*\n", "", whole, flags=re.M))
        folder = server.directory / f"{name}.d"
        folder.mkdir()
        (folder / "snippet.conf").write_text(text.replace("/usr/local/sbin/svcdnsd", "/bin/true"))
        done = subprocess.run(
            ["systemd-analyze", "verify", "./svcdns.service", "./svcdns.socket"],
            capture_output=True, text=True, timeout=60, cwd=server.directory)
        assert done.returncode == 0 and "svcdns" not in done.stderr, done.stderr

    return check


def checker(name, *command):
    """Read by the program's own checker, as a file."""

    def check(text, server):
        needs(command[0])
        path = server.directory / name
        path.write_text(text)
        run([*command[:-1], command[-1] + str(path)])

    return check


def elsewhere(test):
    def check(text, server):
        assert (svc.ROOT / test).exists()

    return check


def reason(why):
    def check(text, server):
        assert why

    return check


README, COOKBOOK = "README.md", snippets.COOKBOOK
# By page and first line; what several share is handled the same way.
HOW = {
    (README, "tools/run"): elsewhere("tests/fresh/test_newcomer.py"),
    (README, "tools/test"): elsewhere("tests/fresh/test_newcomer.py"),
    (README, "tools/install"): elsewhere("tests/integration/test_install.py"),
    (README, "python3 -m http.server 8001 --bind 127.0.0.1 &"): elsewhere("tests/integration/test_readme.py"),
    (README, "svcdns exec --id=web-1 --port=8001 --address=127.0.0.1 web -- python3 -m http.server 8001 --bind 127.0.0.1 &"):
        elsewhere("tests/integration/test_readme.py"),
    (README, "curl -N '127.0.0.1:8500/v1/events?last=10'"): elsewhere("tests/integration/test_readme.py"),
    (COOKBOOK, "curl -X PUT 127.0.0.1:8500/v1/agent/service/register -d '{"): shell,
    (COOKBOOK, "import json, urllib.request"): python,
    (COOKBOOK, "client, _ := api.NewClient(api.DefaultConfig()) // 127.0.0.1:8500"): reason(
        "needs Consul's client for Go; tests/interop/go makes the same calls"),
    (COOKBOOK, "[Service]\nExecStart=/usr/bin/python3 -m http.server 8080"): unit,
    (COOKBOOK, "dig @127.0.0.1 -p 8600 web.service.local SRV"): shell,
    (COOKBOOK, "server:"): checker("unbound.conf", "unbound-checkconf", ""),
    (COOKBOOK, "server=/service.local/127.0.0.1#8600"): checker("dnsmasq.conf", "dnsmasq", "--test", "--conf-file="),
    (COOKBOOK, "[Resolve]"): reason("systemd-resolved has no checker"),
    (COOKBOOK, "scrape_configs:"): checker("prometheus.yml", "promtool", "check", "config", ""),
    (COOKBOOK, "curl -X PUT \\"): shell,
    (COOKBOOK, "svcdns backup /var/backups/registry.db"): cli,
    (COOKBOOK, "[Socket]"): drop_in("svcdns.socket"),
    (COOKBOOK, "[Service]\nLoadCredential=token:/etc/svcdns/token"): drop_in("svcdns.service"),
    (COOKBOOK, "python3 -m http.server 8001 --bind 127.0.0.1 &"): shell,
}


def key(snippet):
    """A section's head alone says little: its next line belongs to it where the table has it so."""
    lines = snippet.text.splitlines()
    two = (snippet.page, "\n".join(lines[:2]))
    return two if two in HOW else (snippet.page, lines[0])


ALL = [s for page in snippets.pages() if page not in PAGES for s in snippets.of(page)] + snippets.of_cookbook()


@pytest.mark.parametrize("snippet", ALL, ids=lambda s: f"{s.page}:{s.line}")
def test_snippet(snippet, server):
    how = HOW.get(key(snippet))
    assert how, f"{snippet.page}:{snippet.line}: nothing in tests/integration/test_snippets.py says how it is tested:\n{snippet.text}"
    # What the others ask for and change.
    server.register("web", id="web-1", address="127.0.0.1", port=80)
    how(snippet.text, server)


def test_nothing_is_listed_that_is_not_there():
    assert set(HOW) == {key(snippet) for snippet in ALL}
    for page, test in PAGES.items():
        assert page in (svc.ROOT / test).read_text() and (svc.ROOT / page).exists()


def test_snippets_are_found():
    page = "Text:\n\n    one\n    two\n\n    three\n\nMore.\n\n```sh\nfour\n```\n\n- a list\n    goes on\n"
    assert [(s.line, s.language, s.text) for s in snippets.of_text("p", page)] == [
        (3, "", "one\ntwo\n\nthree\n"), (11, "sh", "four\n")]

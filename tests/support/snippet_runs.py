"""The ways in which tests/integration/test_snippets.py runs a snippet, or has it read by the program that it is for.

Each is a function of the snippet's text and the test's server, or makes such a function of what its row says."""

import contextlib
import itertools
import re
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

import go_program
import machine
import resolvers
import svc
from cli import CLIENT, Client, usual_signals


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def here(text, server):
    """The text with this server's addresses and files, and the free port of the service."""
    for old, new in (("8500", server.http_port), ("8600", server.port), ("8001", server.service_port),
                     ("8080", server.service_port)):
        text = re.sub(rf"\b{old}\b", str(new), text)
    return text.replace("/var/backups/", f"{server.directory}/backup-")


def environment(server):
    """As a person has it, with the programs of this build in PATH, and this server for the client."""
    return Client(server).environment(PATH=f"{CLIENT.parent}:{svc.BINARY.parent}:/usr/sbin:/usr/bin:/sbin:/bin")


def shell(text, server):
    """Commands that end."""
    for program in re.findall(r"^(curl|dig)\b", text, re.M):
        needs(program)
    script = here(text, server)
    end = "\nkill %1\n" if re.search(r" &$", script, re.M) else ""
    output = run(["bash", "-mec", script + end], cwd=server.directory, env=environment(server))
    assert "status: REFUSED" not in output and "status: SERVFAIL" not in output, output
    return output


def beside_it(text, server):
    """Commands about a program that they do not start: it listens."""
    listener = svc.socket.create_server(("127.0.0.1", server.service_port))
    with listener:
        return shell(text, server)


def backup(text, server):
    shell(text, server)
    (copied,) = server.directory.glob("backup-*.db")
    with contextlib.closing(sqlite3.connect(copied)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def followed_by(command, expected):
    """Commands whose effect shows in the same shell."""

    def check(text, server):
        assert expected in shell(text + command, server)

    return check


@contextlib.contextmanager
def going_on(text, server):
    """A command that goes on until it is ended; its output."""
    path = server.directory / "said"
    with open(path, "wb") as said:
        process = subprocess.Popen(
            ["bash", "-c", "exec " + here(text, server)], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            cwd=server.directory, env=environment(server), preexec_fn=usual_signals)
    try:
        yield path.read_text
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(svc.PATIENCE)


def registers_while_it_runs(text, server):
    with going_on(text, server):
        svc.wait_until(lambda: server.service_port in [srv[2] for srv in server.ask("web.service.local", "SRV").srv()], "it is found")
    assert f"web-{server.service_port}" not in server.get("/v1/agent/services")


def watches(text, server):
    """It says what happens once it watches."""
    numbers = itertools.count()

    def said_so():
        server.register("web", id=f"late-{next(numbers)}", address="127.0.0.1", port=80)
        return re.search(r"^\S+ +web +late-\d+ ", said(), re.M)

    with going_on(text, server) as said:
        svc.wait_until(said_so, "it says what happens", interval=0.2)


def traces(text, server):
    """It shows what is asked once it listens."""

    def shown():
        server.ask("web.service.local", "SRV")
        return re.search(r"^\S+ 127\.0\.0\.1 udp web\.service\.local SRV NOERROR ", said(), re.M)

    with going_on(text, server) as said:
        svc.wait_until(shown, "it shows a query", interval=0.2)


def config(text, server):
    """By svcdnsd, with our zone file in the place of somebody's."""
    path = server.directory / "svcdns.conf"
    path.write_text(text.replace("/etc/svcdns/service.local.zone", str(svc.ROOT / "zones/service.local.zone")))
    assert run([svc.BINARY, "--check-config", f"--config={path}"]) == "the config is good\n"


# A machine of the snippet's own, with a user svcdns. $1 is a folder, which that user may enter in another place; $2 is
# the script. All that it starts ends with it.
ALONE = """set -e
chmod 755 "$1"
mount --bind "$1" /mnt
cd /mnt
ip link set lo up
ip address add 192.0.2.1/32 dev lo
for file in passwd group; do
	grep -v ^svcdns: /etc/$file >$file
	mount --bind $file /etc/$file
done
echo svcdns:x:60993:60993::/:/usr/sbin/nologin >>passwd
echo svcdns:x:60993: >>group
exec bash -mec "$2"
"""


def starts_a_server(question, expected):
    """Commands that start svcdnsd with the addresses as they stand; `question` is asked then."""

    def check(text, server):
        for program in ("curl", "dig", "ip"):
            needs(program)
        unshare = machine.unshare_command() or pytest.skip("namespaces are not permitted here")
        if "--process.user" in text and "-mn" not in unshare:
            pytest.skip("only root can become somebody else")
        start, rest = re.fullmatch(r"(svcdnsd(?:[^\n]*\\\n)*[^\n]*?)(?: &)?\n(.*)", text, re.S).groups()
        # What a person sees by the greeting.
        # By its pid, since bash forgets a job that has ended before somebody waits for it.
        script = (f"{start} &\nserver=$!\nuntil curl -fso ready 127.0.0.1:8500/readyz; do kill -0 $server; sleep 0.05; done\n"
                  f"{rest}{question}\nkill $server\nwait $server")
        output = run([*unshare, "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", ALONE, "bash", server.directory, script], env=environment(None))
        assert re.search(expected, output, re.M), output

    return check


def python(text, server):
    run([sys.executable, "-c", here(text, server)])
    assert server.get("/v1/agent/checks")["service:jobs-1"]["Status"] == "passing"


GO = """package main

import (
	"log"

	"github.com/hashicorp/consul/api"
)

func main() {
%s
	if err != nil {
		log.Fatal(err)
	}
}
"""


def go(text, server):
    """As a program of the module in tests/interop/go, which has Consul's client."""
    path = server.directory / "main.go"
    path.write_text(GO % text)
    go_program.run_file(path, CONSUL_HTTP_ADDR=f"127.0.0.1:{server.http_port}")
    assert "web" in server.get("/v1/agent/services")


def recipe(name):
    """A file of doc/recipes without its comments; test_forward_zones.py runs it."""

    def check(text, server):
        lines = [line for line in resolvers.recipe(name).splitlines() if not line.startswith("#")]
        assert text.splitlines() == lines
        assert name in [file for resolver in resolvers.ALL for file in resolver.files()]

    return check


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


def elsewhere(test, by):
    """Another test runs it: `by` is how it gets hold of it there."""

    def check(text, server):
        assert by in (svc.ROOT / test).read_text()

    return check

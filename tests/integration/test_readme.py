"""The README's sixty seconds, run as they are written, with the ports of this server."""

import re
import shutil
import subprocess

import pytest

import snippets
import svc
from cli import CLIENT, Client


def test_sixty_seconds(server):
    for program in ("dig", "curl"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    port = svc.free_port()
    script = snippets.sixty_seconds(port, server.port, server.http_port)
    done = subprocess.run(["bash", "-mc", script], capture_output=True, text=True, timeout=2 * svc.PATIENCE, cwd=server.directory)
    assert done.returncode == 0, done.stderr
    assert f";; ANSWER SECTION:\nweb.service.local.\t5\tIN\tSRV\t1 1 {port} web.web.service.local.\n" in done.stdout
    assert "web.web.service.local.\t5\tIN\tA\t127.0.0.1\n" in done.stdout
    svc.wait_until(lambda: server.ask("web.service.local", "SRV").srv() == [], "the killed service leaves the answers")


def test_watching(server):
    """The stream's first bytes and the records, by the commands as they stand there."""
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    server.register("web", "web1", "10.0.0.1", 80)
    text = (svc.ROOT / "README.md").read_text()
    stream, records = [line.strip().replace("8500", str(server.http_port)) for line in re.findall(r"^    curl .*/v1/(?:events|agent/dns).*$", text, re.M)]
    process = subprocess.Popen(["bash", "-c", "exec " + stream], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = next(line for line in process.stdout if '"Instance":"web1"' in line)
        assert line.startswith("data: ")
    finally:
        process.kill()
        process.wait()
    done = subprocess.run(["bash", "-c", records], capture_output=True, text=True, timeout=svc.PATIENCE)
    assert '"Data": "1 1 80 web1.web.service.local."' in done.stdout


def test_from_the_shell(server):
    port = svc.free_port()
    commands = next(s.text for s in snippets.of("README.md") if "svcdns exec" in s.text).replace("8001", str(port))
    # The next command comes when the program is up; a person types slower than this script. It is waited for by its pid:
    # bash forgets a job that has ended by then.
    commands = commands.replace("&\n", "&\nuntil svcdns list --names | grep -q web; do sleep 0.05; done\n", 1) + "wait $!"
    client = Client(server)
    done = subprocess.run(["bash", "-mc", commands], capture_output=True, text=True, timeout=2 * svc.PATIENCE,
                          cwd=server.directory, env=client.environment(PATH=f"{CLIENT.parent}:/usr/bin:/bin"))
    assert done.returncode == 143, done
    assert re.search(rf"^web +[01]/1 +{port} ", done.stdout, re.M) and "web-1.web.service.local" in done.stdout, done
    assert "Drained web-1" in done.stdout and (server.directory / "copy.db").exists()
    assert server.get("/v1/agent/services") == {}


def test_the_start_commands_are_there():
    text = snippets.read("README.md")
    for command in ("tools/run", "tools/test", "tools/install"):
        assert re.search(rf"^    {command}$", text, re.M)
        assert (svc.ROOT / command).stat().st_mode & 0o111

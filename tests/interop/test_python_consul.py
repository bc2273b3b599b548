"""The field's textbook script, with the unmodified python-consul client (Debian's python3-consul, 0.7.1)."""

import re
import socket
import subprocess
import sys
import time

import pytest

import strict
from svc import free_port, wait_until

consul = pytest.importorskip("consul", reason="python3-consul is not installed")

DEREGISTER = 3  # seconds that the script lets a dead program stay registered


@pytest.fixture
def client(server):
    return consul.Consul(host="127.0.0.1", port=server.http_port)


class Program:
    """python3 -m http.server, as in the script; ends by kill."""

    def __init__(self, directory):
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(self.port)],
            cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_until(self.answers, "the program listens")

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def program(tmp_path):
    program = Program(tmp_path)
    yield program
    program.kill()


def dig_srv(server, name):
    """What `dig +short SRV` prints, as (port, target)."""
    out = subprocess.run(
        ["dig", "@127.0.0.1", "-p", str(server.port), name, "SRV", "+short", "+tries=1", "+time=20"],
        check=True, capture_output=True, text=True,
    ).stdout
    return sorted((int(port), target) for port, target in re.findall(r"^\d+ \d+ (\d+) (\S+)$", out, re.M))


def test_the_textbook_script(server, client, program):
    name, host, port = "web", "127.0.0.1", program.port
    check = consul.Check().tcp(host, port, "1s", "1s", f"{DEREGISTER}s")
    client.agent.service.register(name, f"{name}-{host}-{port}", host, port, ["python", "http"], check=check)

    service = client.agent.services()[f"web-127.0.0.1-{port}"]
    assert (service["Service"], service["Address"], service["Port"]) == ("web", host, port)
    assert service["Tags"] == ["python", "http"]
    wait_until(lambda: dig_srv(server, "web.service.local"), "dig finds it")
    ((found, target),) = dig_srv(server, "web.service.local")
    assert found == port
    assert server.ask(target.rstrip(".")).addresses() == [host]
    assert dig_srv(server, "python.web.service.local") == [(port, target)]
    assert dig_srv(server, "_web._tcp.service.local") == [(port, target)]

    alive = time.monotonic()
    program.kill()
    wait_until(lambda: dig_srv(server, "web.service.local") == [], "it leaves DNS")
    left = list(client.agent.services())
    assert left == [f"web-127.0.0.1-{port}"] or time.monotonic() - alive > DEREGISTER, "and is still registered"
    wait_until(lambda: client.agent.services() == {}, "it leaves the registry")
    assert time.monotonic() - alive > DEREGISTER
    assert client.agent.checks() == {}
    assert server.ask("web.service.local", "SRV").rcode == strict.NXDOMAIN


def test_a_client_that_finds_its_peers(server, client):
    for number in (1, 2):
        assert client.agent.service.register("api", f"api{number}", f"10.0.0.{number}", 80, check=consul.Check.ttl("30s"))
    index, nodes = client.health.service("api", passing=True)
    assert nodes == []
    assert client.agent.check.ttl_pass("service:api1", "up") is True
    assert [a for _, _, _, a in server.ask("api.service.local", "SRV").srv()] == ["api1.api.service.local"]
    index, nodes = client.health.service("api", passing=True, index=index, wait="10s")
    assert [node["Service"]["ID"] for node in nodes] == ["api1"]
    _, everything = client.health.service("api")
    assert [node["Service"]["ID"] for node in everything] == ["api1", "api2"]
    _, services = client.catalog.services()
    assert services["api"] == []
    assert client.agent.service.deregister("api1") is True
    assert list(client.agent.services()) == ["api2"]
    assert server.ask("api1.api.service.local").rcode == strict.NXDOMAIN


def test_an_http_check_and_maintenance(server, client, program):
    client.agent.service.register(
        "web", port=program.port, address="127.0.0.1", check=consul.Check.http(f"http://127.0.0.1:{program.port}/", "1s"))
    wait_until(lambda: dig_srv(server, "web.service.local"), "it passes")
    client.agent.service.maintenance("web", True, "repairs")
    assert dig_srv(server, "web.service.local") == []
    client.agent.service.maintenance("web", False)
    assert len(dig_srv(server, "web.service.local")) == 1

"""The recipe for containers with Docker's daemon, by docker-compose: unmodified programs ask Docker's resolver, which asks
svcdns on the address of the bridge."""

import re

import pytest

import containers
import resolvers
import snippets
from svc import wait_until

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("docker")]
RECIPE = resolvers.recipe("compose.yaml", containers.BRIDGE)
INSTANCES = 120  # whose records fit into no UDP answer


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    # Other names, by what the page says of containers.
    allow = re.search(r"relay\.allow=([^`]*)`", snippets.read("doc/forward-zones.md")).group(1)
    config = {"zone.ttl": "1s", "relay.upstream": "192.0.2.2:5353", "relay.allow": allow}
    with containers.Host(tmp_path_factory.mktemp("docker"), **config) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 8000})
        host.start(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
                    "--port=5353", *(f"--{line}" for line in resolvers.OTHER_NAME)])
        host.start_docker()
        host.up(RECIPE)
        yield host


def test_docker_stands_between(host):
    assert "nameserver 127.0.0.11" in host.within("cat", "/etc/resolv.conf")


def test_addresses_and_srv(host):
    assert host.addresses("web.service.local") == ["10.0.0.1"]
    assert "1 1 8000 web.web.service.local." in host.dig("_web._tcp.service.local", "SRV")


def test_negative(host):
    for name, kind, status in (("never.service.local", "A", "NXDOMAIN"), ("web.service.local", "AAAA", "NOERROR")):
        said = host.dig(name, kind)
        assert f"status: {status}" in said and re.search(r"^service\.local\.\s+1\s+IN\s+SOA", said, re.M), said


def test_truncation(host):
    host.register_many({"Name": "many", "ID": f"m{n}", "Address": f"10.0.2.{n}", "Port": 80} for n in range(INSTANCES))
    assert re.search(r"flags:[^;]* tc[ ;]", host.dig("+ignore", "+bufsize=1232", "many.service.local", "SRV"))
    assert len(re.findall(r"IN\s+SRV\s+\d", host.dig("many.service.local", "SRV"))) == INSTANCES
    assert host.addresses("many.service.local") == sorted(f"10.0.2.{n}" for n in range(INSTANCES))


def test_death(host):
    for n in (1, 2):
        host.register({"Name": "mortal", "ID": f"mortal{n}", "Address": f"10.0.6.{n}", "Port": 80,
                       "Check": {"TTL": "1h", "Status": "passing"}})
    assert host.addresses("mortal.service.local") == ["10.0.6.1", "10.0.6.2"]
    host.run("curl", "-fsS", "-X", "PUT", "http://127.0.0.1:8500/v1/agent/check/fail/service:mortal1")
    wait_until(lambda: host.addresses("mortal.service.local") == ["10.0.6.2"], "the dead instance is gone")


def test_other_names(host):
    """By the relay, which takes clients from Docker's networks."""
    assert host.addresses("other.example") == ["10.7.7.7"]


def test_without_the_recipe(tmp_path):
    with containers.Host(tmp_path) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 8000})
        host.start_docker()
        host.up()
        assert "status: NOERROR" not in host.dig("+time=1", "web.service.local")

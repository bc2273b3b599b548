"""The recipes of doc/recipes with the real daemons: an unmodified program asks the machine's resolver, which asks svcdns.

Each daemon validates DNSSEC, and keeps private addresses out of what strangers say, where it can."""

import re

import pytest

import resolvers
from svc import wait_until

INSTANCES = 120  # whose records fit into no UDP answer
TTL = 1  # seconds; zone.ttl of the machine
SLOW = 20  # seconds that a busy machine may be late


@pytest.fixture(scope="module", params=[
    pytest.param(resolver, id=resolver.name, marks=pytest.mark.xdist_group(resolver.name)) for resolver in resolvers.ALL])
def host(request, tmp_path_factory):
    """A machine with the recipe of one resolver."""
    resolver = request.param
    resolver.needs()
    config = {"dns.listen": "127.0.0.1:53"} if resolver.name == "plain" else {}
    with resolvers.Host(tmp_path_factory.mktemp(resolver.name), **config) as host:
        for n in range(3):
            host.register({"Name": "web", "ID": f"w{n}", "Address": f"10.0.0.{n}", "Port": 8000 + n})
        host.register({"Name": "down", "Address": "10.0.3.1", "Port": 80, "Check": {"TTL": "1h"}})
        resolver.base(host)
        resolver.apply(host)
        resolver.start(host)
        yield host


def records(text, kind):
    """The records of a type in dig's output: (TTL, data)."""
    return [(int(ttl), data) for ttl, data in re.findall(rf"^[^;\s]\S*\s+(\d+)\s+IN\s+{kind}\s+(.+)$", text, re.M)]


def test_addresses(host):
    assert host.addresses("web.service.local") == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    assert host.addresses("w1.web.service.local") == ["10.0.0.1"]


@pytest.mark.parametrize("name", ["web.service.local", "_web._tcp.service.local"])
def test_srv(host, name):
    found = records(host.dig(name, "SRV"), "SRV")
    assert sorted(data for _, data in found) == [f"1 1 {8000 + n} w{n}.web.service.local." for n in range(3)]
    assert all(ttl <= TTL for ttl, _ in found)


@pytest.mark.parametrize("name,kind,status", [
    ("never.service.local", "A", "NXDOMAIN"), ("web.service.local", "MX", "NOERROR"), ("web.service.local", "AAAA", "NOERROR"),
    ("down.service.local", "A", "NOERROR"), ("_tcp.service.local", "A", "NOERROR")])
def test_negative(host, name, kind, status):
    """With the SOA, by which a resolver may keep it for no longer than zone.ttl."""
    said = host.dig(name, kind)
    assert f"status: {status}" in said and "ANSWER: 0" in said, said
    soa = records(said, "SOA")
    assert len(soa) == 1 and soa[0][0] <= TTL and soa[0][1].endswith(f" {TTL}"), said


def test_negative_is_forgotten(host):
    """A name that was asked for too early is there once the negative answer's time is over."""
    assert "NXDOMAIN" in host.dig("late.service.local") and host.addresses("late.service.local") == []
    host.register({"Name": "late", "Address": "10.0.4.1", "Port": 80})
    wait_until(lambda: host.addresses("late.service.local") == ["10.0.4.1"], "the name is found", TTL + SLOW)


def test_apex_first(host):
    """The zone's own NS record in a resolver's cache changes nothing: the zone is still asked where the recipe says."""
    assert records(host.dig("service.local", "NS"), "NS")
    host.register({"Name": "apex", "Address": "10.0.5.1", "Port": 80})
    assert host.addresses("apex.service.local") == ["10.0.5.1"]


def test_truncation(host):
    """More than UDP holds is cut short, and comes whole by TCP."""
    wanted = sorted(f"10.0.2.{n}" for n in range(INSTANCES))
    host.register_many({"Name": "many", "ID": f"m{n}", "Address": f"10.0.2.{n}", "Port": 80} for n in range(INSTANCES))
    short = host.dig("+ignore", "+bufsize=1232", "many.service.local", "SRV")
    assert re.search(r"flags:[^;]* tc[ ;]", short) and len(records(short, "SRV")) < INSTANCES
    assert len(records(host.dig("many.service.local", "SRV"), "SRV")) == INSTANCES
    assert len(records(host.dig("+tcp", "many.service.local", "SRV"), "SRV")) == INSTANCES
    assert host.addresses("many.service.local") == wanted


def test_death(host):
    """An instance whose check fails is out of the answers after its TTL, which a cache may use up."""
    for n in (1, 2):
        host.register({"Name": "mortal", "ID": f"mortal{n}", "Address": f"10.0.6.{n}", "Port": 80,
                       "Check": {"TTL": "1h", "Status": "passing"}})
    assert host.addresses("mortal.service.local") == ["10.0.6.1", "10.0.6.2"]
    host.run("curl", "-fsS", "-X", "PUT", "http://127.0.0.1:8500/v1/agent/check/fail/service:mortal1")
    wait_until(lambda: host.addresses("mortal.service.local") == ["10.0.6.2"], "the dead instance is gone", TTL + SLOW)


# Lines without which names do not resolve in the machines above.
NEEDED = {
    "unbound": ["do-not-query-localhost", "domain-insecure", "private-domain", "stub-addr"],
    "dnsmasq": ["server=", "rebind-domain-ok"],
    "bind": ["validate-except", "max-records-per-type"],
    "resolved": ["DNS=", "Domains="],
    "networkmanager": ["dns=", "server="],
}


@pytest.mark.parametrize("name,line", [(name, line) for name, lines in NEEDED.items() for line in lines])
def test_each_line_is_needed(tmp_path, name, line):
    resolver = next(resolver for resolver in resolvers.ALL if resolver.name == name)
    resolver.needs()
    with resolvers.Host(tmp_path) as host:
        web = [f"10.0.0.{n}" for n in range(101 if line == "max-records-per-type" else 1)]
        host.register_many({"Name": "web", "ID": address, "Address": address, "Port": 80} for address in web)
        resolver.base(host)
        resolver.apply(host, without=line)
        resolver.start(host)
        assert host.addresses("web.service.local") == []
        host.stop_daemons()
        resolver.apply(host)
        resolver.start(host)
        assert host.addresses("web.service.local") == sorted(web)


@pytest.mark.parametrize("zone", ["svc.home.arpa", "service.test"])
@pytest.mark.parametrize("resolver", resolvers.ALL, ids=lambda resolver: resolver.name)
def test_zones_in_private_domains(tmp_path, resolver, zone):
    """Below what the RFCs 6761 and 8375 set aside, and what some resolvers think is empty."""
    resolver.needs()
    config = {"dns.listen": "127.0.0.1:53"} if resolver.name == "plain" else {}
    with resolvers.Host(tmp_path, **{"zone.name": zone, **config}) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        resolver.base(host)
        resolver.apply(host, zone=zone)
        resolver.start(host)
        assert host.addresses(f"web.{zone}") == ["10.0.0.1"]


@pytest.mark.parametrize("line,found", [("bogus-priv", (1, True)), ("filterwin2k", (0, True)), ("min-cache-ttl=60", (1, False))])
def test_lines_that_dnsmasq_may_have(tmp_path, line, found):
    """By the page: which of them leave the SRV records as they are, and their TTL."""
    resolver = resolvers.Dnsmasq()
    resolver.needs()
    with resolvers.Host(tmp_path) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        resolver.base(host)
        resolver.apply(host)
        host.write("dnsmasq.d/other.conf", line + "\n")
        resolver.start(host)
        host.dig("web.service.local")
        kept = records(host.dig("web.service.local"), "A")
        assert (len(records(host.dig("web.service.local", "SRV"), "SRV")), kept[0][0] <= TTL) == found


@pytest.mark.parametrize("where,leaks", [("link", False), ("global", True)])
def test_other_servers_of_resolved(tmp_path, where, leaks):
    """systemd-resolved asks the servers of a link for other names, and only for those. Servers that are global as svcdns
    is, it asks for the zone's names too: doc/forward-zones.md and svcdns doctor warn of them."""
    resolved, other = resolvers.Resolved(), resolvers.Dnsmasq()
    resolved.needs()
    other.needs()
    with resolvers.Host(tmp_path) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        resolved.base(host)
        host.write("systemd/resolved.conf.d/test.conf", "[Resolve]\nDNSSEC=no\n")  # other.example is not signed
        other.base(host)
        host.write("dnsmasq.conf", "\n".join(["listen-address=192.0.2.2", "bind-interfaces", "no-resolv", "user=root",
                                              "log-queries", *resolvers.OTHER_NAME, ""]))
        host.start(other.command())
        host.wait_answers("192.0.2.2")
        if where == "link":
            index = re.search(r"^(\d+): net0@", host.run("ip", "-o", "link").stdout, re.M).group(1)
            links = host.run_folder / "systemd/netif/links"
            links.mkdir(parents=True)
            (links / index).write_text("ADMIN_STATE=configured\nOPER_STATE=routable\nDNS=192.0.2.2\n")
        else:
            host.write("systemd/resolved.conf.d/other.conf", "[Resolve]\nDNS=192.0.2.2\n")
        resolved.apply(host)
        resolved.start(host)
        for n in range(4):  # the servers of a list take turns only when one of them fails
            assert host.addresses("other.example") == ["10.7.7.7"]
            assert host.addresses("web.service.local") == ["10.0.0.1"] or leaks
            assert host.addresses(f"never{n}.service.local") == []
        assert (".service.local from" in host.log()) == leaks

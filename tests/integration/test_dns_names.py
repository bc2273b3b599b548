"""The names of the design, "Names and answers", over HTTP in and DNS out.

After each 200 of the API the very next query must show it, so nothing here waits. Each test keeps to service names of
its own, so that all share one server; the order of the tests does not matter."""

import signal

import pytest

import packets
import strict
import svc
import zone_fixture
from name_asks import addresses, assert_no_data, assert_no_name, glue, reason, targets, ttl
from strict import NOERROR, NXDOMAIN

ZONES = "service.local,example.test"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    config = {"zone.name": ZONES, "dns.workers": 2}
    with svc.Server(tmp_path_factory.mktemp("names"), config, zone_fixture.ZONE) as server:
        zone_fixture.register(server)
        yield server


# Services


def test_service(server):
    server.register("plain", "p1", "10.1.0.1", 8001)
    server.register("plain", "p2", "10.1.0.2", 8002)
    assert addresses(server, "plain") == ["10.1.0.1", "10.1.0.2"]
    assert targets(server, "plain") == ["p1.plain.service.local", "p2.plain.service.local"]
    assert addresses(server, "p1.plain") == ["10.1.0.1"]
    assert_no_data(server, "plain", "AAAA")
    assert_no_data(server, "p1.plain", "SRV")


def test_rfc2782(server):
    server.register("two", "t1", "10.1.1.1", 8001)
    reply = server.ask("_two._tcp.service.local", "SRV")
    assert reply.srv() == [(1, 1, 8001, "t1.two.service.local")]
    assert glue(reply) == [("t1.two.service.local", "10.1.1.1")]
    assert_no_data(server, "_two._tcp", "A")
    assert_no_data(server, "_tcp", "SRV")
    assert_no_name(server, "_two._udp")


@pytest.mark.parametrize("proto, tcp, udp", [("udp", False, True), ("tcp,udp", True, True), ("tcp", True, False)])
def test_proto(server, proto, tcp, udp):
    name = "proto-" + proto.replace(",", "-")
    server.register(name, name, "10.1.2.1", 53, Meta={"dns-proto": proto})
    for form, there in (("_tcp", tcp), ("_udp", udp)):
        reply = server.ask(f"_{name}.{form}.service.local", "SRV")
        assert (reply.rcode == NOERROR and len(reply.srv()) == 1) == there
        assert there or reply.rcode == NXDOMAIN
    assert len(targets(server, name)) == 1


@pytest.mark.parametrize("name", ["user.rpc", "go.micro.srv.demo"])
def test_dotted_service(server, name):
    server.register(name, "d1", "10.1.3.1", 8001)
    server.register(name, "d2", "10.1.3.2", 8002)
    assert addresses(server, name) == ["10.1.3.1", "10.1.3.2"]
    assert targets(server, name) == [f"d1.{name}.service.local", f"d2.{name}.service.local"]
    assert targets(server, f"_{name}._tcp") == targets(server, name)
    assert addresses(server, f"d2.{name}") == ["10.1.3.2"]
    parent = name.split(".", 1)[1]
    assert_no_data(server, parent)
    assert_no_name(server, f"x.{parent}")
    for instance in ("d1", "d2"):
        server.deregister(instance)
    assert_no_name(server, name)
    assert_no_name(server, parent)


def test_case(server):
    server.register("MixedCase", "M1", "10.1.4.1", 8001, Tags=["Blue"])
    for name in ("mixedcase", "MIXEDCASE", "MixedCase", "m1.mixedcase", "blue.MIXEDcase"):
        assert addresses(server, name) == ["10.1.4.1"]
    server.register("mixedcase", "M2", "10.1.4.2", 8001)
    assert len(addresses(server, "mixedcase")) == 2


@pytest.mark.parametrize(
    "name", ["", "a..b", ".a", "a.", "-a", "a-", "x" * 64, ".".join(["x" * 60] * 5), "a b", "_a", "ä", "a\0b"]
)
def test_refused_names(server, name):
    before = server.get("/v1/agent/services")
    answer = server.http("PUT", "/v1/agent/service/register", {"Name": name, "ID": "refused"})
    assert answer.status == 400 and answer.text, answer
    assert server.get("/v1/agent/services") == before


def test_deregistered(server):
    server.register("gone", "g1", "10.1.5.1", 80, Tags=["only"], Meta={"dns-alias": "other"})
    server.register("gone", "g2", "10.1.5.2", 80)
    names = ["gone", "_gone._tcp", "only.gone", "_other._tcp.gone", "g1.gone"]
    for name in names:
        assert server.ask(f"{name}.service.local", "SRV").rcode == NOERROR
    server.deregister("g1")
    assert addresses(server, "gone") == ["10.1.5.2"]
    for name in names[2:]:
        assert_no_name(server, name)
    server.deregister("g2")
    for name in names:
        assert_no_name(server, name)


def test_registered_again(server):
    """The same id with another address, port and service: nothing of the old is left."""
    server.register("move-a", "mover", "10.1.6.1", 80)
    server.register("move-a", "mover", "10.1.6.2", 81)
    reply = server.ask("move-a.service.local", "SRV")
    assert [port for _, _, port, _ in reply.srv()] == [81] and glue(reply)[0][1] == "10.1.6.2"
    server.register("move-b", "mover", "10.1.6.3", 82)
    assert_no_name(server, "move-a")
    assert addresses(server, "move-b") == ["10.1.6.3"]


# Tags


def test_tags(server):
    server.register("tagged", "a", "10.2.0.1", 80, Tags=["blue", "v1.2"])
    server.register("tagged", "b", "10.2.0.2", 80, Tags=["blue", "green"])
    assert addresses(server, "blue.tagged") == ["10.2.0.1", "10.2.0.2"]
    assert addresses(server, "green.tagged") == ["10.2.0.2"]
    assert targets(server, "green.tagged") == ["b.tagged.service.local"]
    assert addresses(server, "v1.2.tagged") == ["10.2.0.1"]
    assert_no_name(server, "red.tagged")
    server.register("tagged", "b", "10.2.0.2", 80, Tags=["blue"])
    assert_no_name(server, "green.tagged")


@pytest.mark.parametrize("tag", ["with space", "traefik.http.rule=Host(`x`)", "ä", "x" * 64, "-x", ""])
def test_tags_that_are_no_names(server, tag):
    """Stored and returned as they are; they simply have no name, and harm nothing."""
    server.register("free-text", "f1", "10.2.1.1", 80, Tags=[tag, "fine"])
    assert server.get("/v1/agent/services")["f1"]["Tags"] == [tag, "fine"]
    assert addresses(server, "free-text") == addresses(server, "fine.free-text") == ["10.2.1.1"]


def test_tag_of_unhealthy(server):
    """A tag's name is there while a registered instance has the tag."""
    server.register("tag-health", "th1", "10.2.2.1", 80, Tags=["sick"], Check={"TTL": "10m", "Status": "critical"})
    server.register("tag-health", "th2", "10.2.2.2", 80, Tags=["well"])
    assert_no_data(server, "sick.tag-health")
    assert addresses(server, "tag-health") == ["10.2.2.2"]
    server.check("pass", "service:th1")
    assert addresses(server, "sick.tag-health") == ["10.2.2.1"]


# Aliases


def test_alias(server):
    server.register("db", "db1", "10.3.0.1", 5432, Meta={"dns-alias": "postgresql, pg"})
    server.register("db", "db2", "10.3.0.2", 5432)
    for alias in ("postgresql", "pg"):
        assert targets(server, f"_{alias}._tcp.db") == ["db1.db.service.local", "db2.db.service.local"]
    assert_no_data(server, "_tcp.db", "SRV")
    assert_no_name(server, "_mysql._tcp.db")
    assert_no_name(server, "_postgresql._udp.db")


# Instances


def test_instance_stays_when_critical(server):
    server.register("stay", "st1", "10.4.0.1", 80, Check={"TTL": "10m", "Status": "passing"})
    server.check("fail", "service:st1", "down")
    assert_no_data(server, "stay")
    assert addresses(server, "st1.stay") == ["10.4.0.1"]


@pytest.mark.parametrize(
    "id", ["host:8080", "a/b/c", "Ünï", "UPPER_case", "x" * 200, "...", "-", "10.0.0.1-8080"], ids=range(8)
)
def test_any_id_has_a_target(server, id):
    """Ids are free text; the label made of one is LDH, inside the zone, and stays."""
    server.register("ids", id, "10.4.1.1", 80)
    (target,) = targets(server, "ids")
    label = target.split(".")[0]
    assert 1 <= len(label) <= 63 and all(c.isascii() and (c.isalnum() or c == "-") for c in label)
    assert addresses(server, target.removesuffix(".service.local")) == ["10.4.1.1"]
    server.register("ids", id, "10.4.1.2", 81)
    assert targets(server, "ids") == [target]
    server.deregister(id)
    assert_no_name(server, "ids")


def test_ids_that_look_alike(server):
    """Two ids that make the same label have two targets."""
    server.register("alike", "a:b", "10.4.2.1", 80)
    server.register("alike", "a/b", "10.4.2.2", 80)
    first, second = targets(server, "alike")
    assert first != second
    assert sorted(addresses(server, t.removesuffix(".service.local"))[0] for t in (first, second)) == [
        "10.4.2.1",
        "10.4.2.2",
    ]


# Owners


def test_service_that_is_a_target_is_refused(server):
    server.register("owner", "own1", "10.5.0.1", 80)
    answer = server.http("PUT", "/v1/agent/service/register", {"Name": "own1.owner", "ID": "thief"})
    assert answer.status == 400 and "own1" in answer.text, answer
    assert addresses(server, "own1.owner") == ["10.5.0.1"]


def test_label_avoids_a_service(server):
    server.register("one.under", "u0", "10.5.1.1", 80)
    server.register("under", "one", "10.5.1.2", 80)
    assert addresses(server, "one.under") == ["10.5.1.1"]
    (target,) = targets(server, "under")
    assert target != "one.under.service.local"
    assert addresses(server, target.removesuffix(".service.local")) == ["10.5.1.2"]


def test_instance_wins_over_tag(server):
    server.register("clash", "c1", "10.5.2.1", 80)
    server.register("clash", "c2", "10.5.2.2", 80, Tags=["c1"])
    assert addresses(server, "c1.clash") == ["10.5.2.1"]
    assert server.get("/v1/agent/services")["c2"]["Tags"] == ["c1"]
    server.deregister("c1")
    assert addresses(server, "c1.clash") == ["10.5.2.2"]


def test_zone_file_wins_over_service(server):
    server.register("ns1", "n1", "10.5.3.1", 80)
    assert addresses(server, "ns1") == ["127.0.0.1"]
    assert targets(server, "_ns1._tcp") == ["n1.ns1.service.local"]
    server.deregister("n1")
    assert addresses(server, "ns1") == ["127.0.0.1"]


def test_service_wins_over_tag(server):
    server.register("winner", "w1", "10.5.4.1", 80, Tags=["sub"])
    assert addresses(server, "sub.winner") == ["10.5.4.1"]
    server.register("sub.winner", "w2", "10.5.4.2", 80)
    assert addresses(server, "sub.winner") == ["10.5.4.2"]
    server.deregister("w2")
    assert addresses(server, "sub.winner") == ["10.5.4.1"]


# Addresses


def test_ipv6(server):
    server.register("six", "s6", "2001:db8::6", 80)
    assert addresses(server, "six", "AAAA") == ["2001:db8::6"]
    assert_no_data(server, "six", "A")
    assert glue(server.ask("six.service.local", "SRV")) == [("s6.six.service.local", "2001:db8::6")]


def test_dual_stack(server):
    server.register(
        "dual", "du1", "10.6.0.1", 80, TaggedAddresses={"lan_ipv6": {"Address": "2001:db8::1", "Port": 80}}
    )
    server.register("dual", "du2", "10.6.0.2", 80)
    assert addresses(server, "dual") == ["10.6.0.1", "10.6.0.2"]
    assert addresses(server, "dual", "AAAA") == ["2001:db8::1"]
    reply = server.ask("dual.service.local", "SRV")
    assert len(reply.srv()) == 2
    assert glue(reply) == [
        ("du1.dual.service.local", "10.6.0.1"),
        ("du1.dual.service.local", "2001:db8::1"),
        ("du2.dual.service.local", "10.6.0.2"),
    ]
    assert addresses(server, "du1.dual", "AAAA") == ["2001:db8::1"]
    assert_no_data(server, "du2.dual", "AAAA")


def test_host_name_address(server):
    """The target of SRV, without addresses; A and AAAA leave it out."""
    server.register("outside", "o1", "db.example.com", 5432)
    reply = server.ask("outside.service.local", "SRV")
    assert reply.srv() == [(1, 1, 5432, "db.example.com")] and not glue(reply)
    assert_no_data(server, "outside", "A")
    server.register("outside", "o2", "10.6.1.1", 5432)
    assert addresses(server, "outside") == ["10.6.1.1"]
    assert targets(server, "outside") == ["db.example.com", "o2.outside.service.local"]


def test_no_address_is_the_nodes(server):
    server.register("local", "l1", port=80)
    assert addresses(server, "local") == ["127.0.0.1"]


def test_shared_address(server):
    for n in (1, 2, 3):
        server.register("shared", f"sh{n}", "10.6.2.1", 8000 + n)
    assert addresses(server, "shared") == ["10.6.2.1"]
    reply = server.ask("shared.service.local", "SRV")
    assert sorted(port for _, _, port, _ in reply.srv()) == [8001, 8002, 8003]
    server.deregister("sh1")
    assert addresses(server, "shared") == ["10.6.2.1"]


def test_ttl(server):
    server.register("ttl", "tt1", "10.7.0.1", 80, Meta={"dns-ttl": "30s"})
    assert ttl(server, "ttl") == ttl(server, "ttl", "SRV") == 30
    server.register("ttl", "tt2", "10.7.0.2", 80, Meta={"dns-ttl": "20"})
    assert ttl(server, "ttl") == 20
    server.register("ttl", "tt3", "10.7.0.3", 80)
    assert ttl(server, "ttl") == 20
    assert server.ask("ttl.service.local", "AAAA").authority[0].ttl == 5
    for n in (1, 2):
        server.deregister(f"tt{n}")
    assert ttl(server, "ttl") == 5


def test_priority_and_weight(server):
    server.register("weights", "we1", "10.7.1.1", 80, Meta={"dns-priority": "7"}, Weights={"Passing": 20, "Warning": 3})
    server.register("weights", "we2", "10.7.1.2", 80)
    assert sorted(server.ask("weights.service.local", "SRV").srv()) == [
        (1, 1, 80, "we2.weights.service.local"),
        (7, 20, 80, "we1.weights.service.local"),
    ]


def test_weight_of_warning(server):
    server.register(
        "warn", "wa1", "10.7.2.1", 80, Weights={"Passing": 20, "Warning": 3}, Check={"TTL": "10m", "Status": "passing"}
    )
    assert server.ask("warn.service.local", "SRV").srv()[0][1] == 20
    server.check("warn", "service:wa1")
    assert server.ask("warn.service.local", "SRV").srv()[0][1] == 3
    assert addresses(server, "warn") == ["10.7.2.1"]


# Health


def test_reasons(server):
    for n in (1, 2, 3):
        server.register("why", f"y{n}", f"10.8.0.{n}", 80, Check={"TTL": "10m"})
    assert reason(server, "why") == "why: waiting for the first check"
    for n in (1, 2, 3):
        server.check("pass", f"service:y{n}")
    assert len(addresses(server, "why")) == 3
    for n in (1, 2, 3):
        server.check("fail", f"service:y{n}")
    assert reason(server, "why") == "why: 0 of 3 healthy"
    assert not server.ask("why.service.local", edns=False).opt


def test_maintenance(server):
    server.register("maint", "ma1", "10.8.1.1", 80)
    server.put("/v1/agent/service/maintenance/ma1?enable=true&reason=upgrade")
    assert_no_data(server, "maint")
    server.put("/v1/agent/service/maintenance/ma1?enable=false")
    assert addresses(server, "maint") == ["10.8.1.1"]


def test_when_all_down(server):
    check = {"TTL": "10m", "Status": "passing"}
    server.register("panic", "pa1", "10.8.2.1", 80, Check=check, Meta={"dns-when-all-down": "all"})
    server.register("panic", "pa2", "10.8.2.2", 80, Check=check)
    server.check("fail", "service:pa1")
    assert addresses(server, "panic") == ["10.8.2.2"]
    server.check("fail", "service:pa2")
    assert addresses(server, "panic") == ["10.8.2.1", "10.8.2.2"]
    assert len(targets(server, "panic")) == 2
    server.check("pass", "service:pa1")
    assert addresses(server, "panic") == ["10.8.2.1"]


# Zones


def test_several_zones(server):
    server.register("zones", "z1", "10.9.0.1", 80, Tags=["t"])
    for zone in ZONES.split(","):
        assert addresses(server, "zones", zone=zone) == ["10.9.0.1"]
        assert targets(server, "zones", zone=zone) == [f"z1.zones.{zone}"]
        assert glue(server.ask(f"zones.{zone}", "SRV")) == [(f"z1.zones.{zone}", "10.9.0.1")]
        assert addresses(server, "t.zones", zone=zone) == ["10.9.0.1"]
        reply = server.ask(f"nope.{zone}")
        assert reply.rcode == NXDOMAIN and strict.name_text(reply.authority[0].name) == zone


@pytest.mark.parametrize("zone", ZONES.split(","))
def test_apex(server, zone):
    """Of a zone with a file, and of one that is built in."""
    (soa,) = server.ask(zone, "SOA").answer
    assert soa.value[6] == 5 and soa.ttl == 5
    reply = server.ask(zone, "NS")
    (ns,) = reply.answer
    assert glue(reply) == [(ns.value[0], "127.0.0.1")]
    assert server.ask(ns.value[0]).addresses() == ["127.0.0.1"]


def test_serial_follows_the_index(server):
    def serial():
        return server.ask("example.test", "SOA").answer[0].value[2]

    before = serial()
    answer = server.register("serial", "se1", "10.9.1.1", 80)
    assert serial() > before
    index = int(answer.headers.get("X-Consul-Index", serial()))
    assert serial() >= index
    before = serial()
    server.deregister("se1")
    assert serial() > before


def test_static_records(server):
    assert server.ask("txt.service.local", "TXT").answer[0].value == (b"plain text", b"and more")
    mail = server.ask("mail.service.local", "MX")
    assert mail.answer[0].value == (10, "ns1.service.local") and glue(mail) == [("ns1.service.local", "127.0.0.1")]
    chased = server.ask("alias.service.local")
    assert [r.value[0] for r in chased.answer] == ["ns1.service.local", "127.0.0.1"]
    assert [r.value[0] for r in server.ask("alias.service.local", "CNAME").answer] == ["ns1.service.local"]
    assert addresses(server, "a.b.ent") == ["192.0.2.7"]
    assert_no_data(server, "b.ent")
    assert_no_data(server, "ent")
    assert_no_name(server, "c.ent")


def test_zone_file_reload(start_server, tmp_path):
    path = tmp_path / "reload.zone"
    path.write_text(zone_fixture.ZONE)
    server = start_server(**{"zone.file": str(path)})
    server.register("web", "i1", "10.0.0.1", 80)
    pids = server.children()
    path.write_text(zone_fixture.ZONE + "new IN A 192.0.2.9\n")
    server.signal("supervisor", signal.SIGHUP)
    svc.wait_until(lambda: server.ask("new.service.local").addresses() == ["192.0.2.9"], "the new record is served")
    path.write_text(zone_fixture.ZONE + "broken IN A not-an-address\n")
    server.signal("supervisor", signal.SIGHUP)
    line = len(path.read_text().splitlines())
    svc.wait_until(lambda: f"reload.zone:{line}" in server.log(), "the log names the file and line of the error")
    assert server.ask("new.service.local").addresses() == ["192.0.2.9"]
    assert server.ask("web.service.local").addresses() == ["10.0.0.1"]
    assert server.children() == pids


# Size


@pytest.mark.parametrize("kind", ["A", "SRV"])
@pytest.mark.parametrize("edns", [False, True], ids=["512", "edns512"])
def test_cut_is_part_of_the_whole(server, kind, edns):
    cut = server.ask("big.service.local", kind, edns=edns, size=512)
    whole = server.retry("big.service.local", kind, edns=edns, size=512)
    assert cut.tc and not whole.tc
    assert len(whole.answer) == zone_fixture.BIG
    assert {r.value for r in cut.answer} < {r.value for r in whole.answer}


def test_one_client_sees_one_part(server):
    """While the set is the same; and from different ports, so in different workers."""
    for kind in ("A", "SRV"):
        parts = set()
        for _ in range(30):
            reply = server.ask("big.service.local", kind, edns=False)
            assert reply.tc
            parts.add(frozenset(r.value for r in reply.answer))
        assert len(parts) == 1


def test_all_clients_see_all(server):
    seen, parts = set(), set()
    for n in range(1, 120):
        reply = server.ask("big.service.local", "SRV", edns=False, source=f"127.0.0.{n}")
        part = frozenset(r.value for r in reply.answer)
        parts.add(part)
        seen |= part
    assert len(seen) == zone_fixture.BIG and len(parts) > 10


def test_whole_set_rotates(server):
    """Both instances come first now and then, from one client."""
    with server.udp() as client:
        replies = [strict.parse(client.exchange(packets.query("web.service.local", ident=n))) for n in range(8)]
    assert len({reply.answer[0].value for reply in replies}) == 2


# What survives


def test_restart(start_server):
    """The same names and targets after a restart, with what was written just before it."""
    server = start_server()
    for n in range(20):
        server.register("again", f"a/{n}", f"10.11.0.{n + 1}", 8000 + n, Tags=["t"])
    before = sorted(server.ask("again.service.local", "SRV", tcp=True).srv())
    assert len(before) == 20
    server.restart()
    assert sorted(server.ask("again.service.local", "SRV", tcp=True).srv()) == before
    assert len(server.ask("t.again.service.local", tcp=True).addresses()) == 20

"""The rows of the conformance table (header, names, types, EDNS, sizes), each as raw packets over the network.

A row is a number, what is sent and what must come back; doc/RFCS.md says where the RFCs leave a choice and what ours
is. Every reply is read by the strict reader and by dnspython before it is judged. The rows about TCP are in
test_dns_tcp.py."""

import random
import struct

import pytest

import strict
import svc
import zone_fixture
from dns_rows import BIG, NODATA, NODE_ID, ROWS, WEB, WEB_A, WEB_A_PLAIN, opcode, web, web_opt
from packets import header, opt, option, query, question, record
from strict import (
    A,
    ANY,
    KEEPALIVE,
    NOERROR,
    NOTIMP,
    NSID,
    NXDOMAIN,
    REFUSED,
    SOA,
    SRV,
    name_wire,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    config = {"dns.nsid": NODE_ID}
    with svc.Server(tmp_path_factory.mktemp("conformance"), config, zone_fixture.ZONE) as server:
        zone_fixture.register(server)
        yield server


def numbered(rows):
    return [pytest.param(rows[n], id=f"row-{n:03}") for n in sorted(rows)]


def row(number):
    """Names a test after the row that it is."""
    return pytest.mark.parametrize("number", [pytest.param(number, id=f"row-{number:03}")])


@pytest.mark.parametrize("cases", numbered(ROWS))
def test_row(server, cases):
    """One id and one good query behind each packet: what must stay silent did, when the good one is answered first."""
    with server.udp() as client:
        for n, (sent, expectation) in enumerate(cases):
            sent = struct.pack("!H", 0x4000 + n)[: len(sent)] + sent[2:]
            client.send(sent)
            if expectation is None:
                client.send(query(WEB, ident=n))
            reply = client.receive()
            expected_id = n if expectation is None else 0x4000 + n
            assert struct.unpack("!H", reply[:2])[0] == expected_id, f"{sent.hex()} was answered"
            parsed = svc.read_reply(reply)
            assert parsed.size <= 1232
            if expectation is not None:
                expectation(parsed, sent)


@row(13)
def test_counted(server, number):
    before = server.metric("svcdns_dns_dropped_total")
    with server.udp() as client:
        client.send(header()[:11])
        client.exchange(web())
    svc.wait_until(lambda: server.metric("svcdns_dns_dropped_total") == before + 1, "the packet is counted")


@row(37)
def test_update_changes_nothing(server, number):
    before = server.get("/v1/agent/services")
    zone = struct.pack("!6H", 0x1234, opcode(5), 1, 0, 1, 0) + question("service.local", SOA)
    update = zone + record("new.service.local", A, bytes([10, 9, 9, 9]), 60)
    for data in (update, header(opcode(5), 1) + question("service.local", SOA)):
        reply = svc.read_reply(server.exchange(data))
        assert reply.rcode in (NOTIMP, REFUSED) and not reply.answer
    assert server.get("/v1/agent/services") == before
    assert server.ask("new.service.local").rcode == NXDOMAIN


@row(38)
def test_dso(server, number):
    message = header(opcode(6))
    reply = svc.read_reply(server.exchange(message))
    assert (reply.rcode, reply.opcode) == (NOTIMP, 6)
    with server.tcp() as client:
        assert svc.read_reply(client.exchange(message)).rcode == NOTIMP
        WEB_A(svc.read_reply(client.exchange(web())), web())


@row(64)
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_srv(server, number, tcp):
    """The strict reader refuses compressed targets."""
    reply = server.ask(WEB, "SRV", tcp=tcp, edns=False)
    assert reply.rcode == NOERROR and reply.aa and not reply.tc
    assert sorted(reply.srv()) == [(1, 1, 8080, "i1.web.service.local"), (1, 1, 8081, "i2.web.service.local")]
    assert {strict.name_text(r.name): r.value[0] for r in reply.additional} == {
        "i1.web.service.local": "10.0.0.1",
        "i2.web.service.local": "10.0.0.2",
    }


@row(70)
@pytest.mark.parametrize("name", [WEB, BIG])
def test_any_is_small(server, number, name):
    data = query(name, ANY, edns=opt(4096))
    reply = svc.read_reply(server.exchange(data))
    assert reply.rcode == NOERROR and reply.answer
    assert len({(r.name, r.type) for r in reply.answer}) == 1, "more than one set"
    if name == WEB:
        assert not reply.tc and reply.size <= 4 * len(data), f"{reply.size} bytes for {len(data)}"


@row(71)
def test_any_big(server, number):
    assert server.ask(BIG, "ANY", edns=False).size <= 512


@row(72)
def test_any_tcp(server, number):
    reply = server.ask(WEB, "ANY", tcp=True)
    assert reply.rcode == NOERROR and reply.answer and not reply.tc


@row(80)
def test_none_healthy(server, number):
    server.register("row80", "r80", "10.8.0.1", 80, Check={"TTL": "10m", "Status": "critical"})
    reply = server.ask("row80.service.local")
    NODATA(reply, query("row80.service.local"))
    assert reply.ede() and "row80" in reply.ede()[0][1]


@row(81)
def test_names_end_with_the_last_instance(server, number):
    server.register("leaf.row81", "r81", "10.8.0.1", 80)
    assert server.ask("leaf.row81.service.local").addresses() == ["10.8.0.1"]
    NODATA(server.ask("row81.service.local"), query("row81.service.local"))
    server.deregister("r81")
    assert server.ask("leaf.row81.service.local").rcode == NXDOMAIN
    assert server.ask("row81.service.local").rcode == NXDOMAIN


@row(82)
@pytest.mark.parametrize("kind", ["A", "SRV"])
def test_one_ttl(server, number, kind):
    """The strict reader demands one TTL in each set; here it is the zone's."""
    reply = server.ask(BIG, kind, tcp=True)
    assert {r.ttl for r in reply.answer + reply.additional} == {5}


@row(83)
def test_same_address_twice(server, number):
    for n in (1, 2):
        server.register("row83", f"r83-{n}", "10.8.3.1", 80)
    assert server.ask("row83.service.local").addresses() == ["10.8.3.1"]
    assert len(server.ask("row83.service.local", "SRV").srv()) == 2


@row(84)
def test_targets_have_addresses(server, number):
    for reply in (server.ask(WEB, "SRV"), server.ask(BIG, "SRV", tcp=True)):
        for *_, target in reply.srv()[:5]:
            assert target.endswith(".service.local")
            answer = server.ask(target)
            assert [r.type for r in answer.answer] == [A]


@row(87)
@pytest.mark.parametrize("size", [0, 100, 511])
def test_small_edns_size(server, number, size):
    """Counts as 512: the same answer as one who asks for 512 gets."""
    replies = [server.ask(BIG, "SRV", size=n) for n in (size, 512)]
    assert all(reply.size <= 512 and reply.tc and reply.opt for reply in replies)
    assert len(replies[0].answer) == len(replies[1].answer) > 0


@row(103)
def test_nsid(server, number):
    reply = server.ask(WEB, options=option(NSID))
    assert reply.opt.values(NSID) == [NODE_ID.encode()]


@row(103)
def test_nsid_unset(start_server, number):
    server = start_server()
    assert server.ask(WEB, options=option(NSID)).opt.values(NSID) == []


@row(104)
def test_nsid_payload(server, number):
    assert server.ask(WEB, options=option(NSID, b"guess")).opt.values(NSID) == [NODE_ID.encode()]


@row(105)
@pytest.mark.parametrize("times", [2, 20])
def test_nsid_many(server, number, times):
    """The strict reader checks that RDLENGTH is what was written."""
    assert server.ask(WEB, options=option(NSID) * times).opt.values(NSID) == [NODE_ID.encode()]


@row(115)
def test_keepalive_tcp(server, number):
    reply = server.ask(WEB, tcp=True, options=option(KEEPALIVE))
    assert reply.opt.values(KEEPALIVE) in ([], [struct.pack("!H", 100)])


@row(118)
def test_cut_without_edns(server, number):
    reply = server.ask(BIG, "SRV", edns=False)
    assert reply.tc and reply.size <= 512 and not reply.opt
    assert reply.answer, "an empty truncated answer where a record fits"


@row(119)
@pytest.mark.parametrize("size", [512, 1232, 4096, 65535])
def test_cut_with_edns(server, number, size):
    reply = server.ask(BIG, "SRV", size=size)
    assert reply.tc and reply.opt and reply.answer
    assert reply.size <= min(size, 1232)


@row(120)
@pytest.mark.parametrize("size", [None, 512, 65535])
def test_whole_over_tcp(server, number, size):
    reply = server.ask(BIG, "SRV", tcp=True, edns=size is not None, size=size)
    assert len(reply.srv()) == zone_fixture.BIG and not reply.tc
    assert sorted(port for _, _, port, _ in reply.srv()) == [9000 + n for n in range(zone_fixture.BIG)]
    assert len(reply.additional) == zone_fixture.BIG


@row(121)
def test_additional_goes_first(server, number):
    """Ten SRV records fit into 512 bytes, their ten addresses do not."""
    for n in range(10):
        server.register("row121", f"s{n}", f"10.12.1.{n + 1}", 80)
    reply = server.ask("row121.service.local", "SRV", edns=False)
    assert len(reply.srv()) == 10 and not reply.tc
    assert len(reply.additional) < 10 and reply.size <= 512


def answer_size(name, n, edns):
    """Bytes of the answer with n addresses at a name."""
    return 12 + len(name_wire(name)) + 4 + 16 * n + (11 if edns else 0)


@row(122)
@pytest.mark.parametrize("limit", [512, 1232])
def test_boundary(server, number, limit):
    """An answer that is exactly as large as it may be is whole; one byte more, and it is cut."""
    edns = limit > 512
    n = (limit - answer_size("x" * 20 + ".service.local", 0, edns)) // 16
    longer = limit - answer_size("x" * 20 + ".service.local", n, edns)
    for over in (0, 1):
        service = "x" * (20 + longer + over)
        for i in range(n):
            server.register(service, f"{service}-{i}", f"10.122.{over}.{i + 1}", 80)
        name = f"{service}.service.local"
        assert answer_size(name, n, edns) == limit + over
        reply = server.ask(name, edns=edns, size=4096)
        assert reply.tc == bool(over)
        assert len(reply.answer) == n - over and reply.size <= limit
    for size, tc in ((answer_size(BIG, 60, True), False), (answer_size(BIG, 60, True) - 1, True)):
        reply = server.ask(BIG, size=size)
        assert reply.tc == tc and reply.size <= size


@row(123)
def test_more_than_a_message(start_server, number):
    """A set larger than any message: over TCP as much as fits into 65535 bytes, marked as cut."""
    server = start_server()
    count, tail = 800, "x" * 50
    server.register_many(
        [
            {"Name": "huge", "ID": f"h{n}-{tail}", "Address": f"10.{n // 250}.{n % 250}.1", "Port": 80}
            for n in range(count)
        ]
    )
    reply = server.ask("huge.service.local", "SRV", tcp=True)
    assert 65000 < reply.size <= 65535 and reply.tc
    assert 500 < len(reply.answer) < count
    whole = server.ask("huge.service.local", "A", tcp=True)
    assert len(whole.addresses()) == count and not whole.tc


@row(124)
def test_rotation(server, number):
    """A thousand answers: all whole, each record first as often as any other."""
    for n in range(4):
        server.register("row124", f"r124-{n}", f"10.12.4.{n + 1}", 80)
    for kind in (A, SRV):
        first = {}
        with server.udp() as client:
            for n in range(1000):
                reply = strict.parse(client.exchange(query("row124.service.local", kind, ident=n)))
                assert len(reply.answer) == 4
                first[reply.answer[0].value] = first.get(reply.answer[0].value, 0) + 1
        assert len(first) == 4 and all(abs(count - 250) <= 12.5 for count in first.values()), first


@row(125)
def test_answers_leave_from_where_queries_came(start_server, number):
    """On a wildcard: a connected client hears no other address."""
    port = svc.free_port(("0.0.0.0", "::") if svc.IPV6 else ("0.0.0.0",))
    listen = f"0.0.0.0:{port},[::]:{port}" if svc.IPV6 else f"0.0.0.0:{port}"
    server = start_server(**{"dns.listen": listen})
    server.register("web", "i1", "10.0.0.1", 80)
    server.port = port
    hosts = ["127.0.0.1", "127.0.0.2", "127.200.3.4"] + (["::1"] if svc.IPV6 else [])
    for host in hosts:
        for tcp in (False, True):
            assert server.ask(WEB, tcp=tcp, host=host).addresses() == ["10.0.0.1"]


def test_both_families(server):
    if not svc.IPV6:
        pytest.skip("this machine has no IPv6 loopback")
    for tcp in (False, True):
        assert len(server.ask(WEB, tcp=tcp, host="::1").addresses()) == 2


def test_random_bytes(server):
    """No packet of noise, and no damaged query, keeps the next client from an answer."""
    noise = random.Random(5)
    good = [web(), web_opt(options=option(NSID)), query(BIG, SRV, edns=opt())]
    with server.udp() as client:
        client.socket.setblocking(False)
        for n in range(3000):
            data = bytearray(noise.choice(good) if n % 2 else noise.randbytes(noise.randrange(600)))
            for _ in range(noise.randrange(1, 6)):
                if data:
                    data[noise.randrange(len(data))] = noise.randrange(256)
            client.send(bytes(data))
            try:
                while True:
                    strict.parse(client.receive())
            except BlockingIOError:
                pass

    def answered():
        """On a busy machine what came before may still wait, and leave no room."""
        with server.udp() as client:
            client.socket.settimeout(1)
            try:
                return client.exchange(web())
            except TimeoutError:
                return None

    WEB_A_PLAIN(svc.read_reply(svc.wait_until(answered, "the next client is answered")), web())


def test_every_row_is_here():
    """Rows 1 to 125, by their numbers: none is forgotten."""
    import re
    from pathlib import Path

    source = Path(__file__).read_text()
    written = set(ROWS) | {int(n) for n in re.findall(r"^@row\((\d+)\)", source, re.M)}
    assert set(range(1, 126)) - written == set()

"""DNS over TCP (RFC 7766), row by row of the conformance table's TCP part, against a real server.

What needs a clock turned by hand (exact timeouts, per-connection accounting) is in tests/unit/dns/test_tcp.c; here are
the same promises through the kernel, with the timeouts turned down."""

import contextlib
import resource
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

import svc
import zone_fixture
from packets import QR, frame, header, opt, option, query

WEB = "web.service.local"
BIG = "big.service.local"
IDLE, IO = 1.5, 0.5


def started(directory, **config):
    server = svc.Server(directory, {"dns.tcp_idle": "24h", "dns.workers": 1, **config}, zone_fixture.ZONE)
    with server:
        zone_fixture.register(server)
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One that waits for its clients as long as they like."""
    yield from started(tmp_path_factory.mktemp("tcp"))


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """One that does not wait long for the rest of what has begun."""
    yield from started(tmp_path_factory.mktemp("hasty"), **{"dns.tcp_io_timeout": f"{IO}s"})


def row(*numbers):
    """Names a test after the rows that it is."""
    return pytest.mark.parametrize("number", [pytest.param(numbers, id="row-" + "-".join(f"T{n}" for n in numbers))])


def ask(client, ident=1, name=WEB, count=2):
    reply = svc.read_reply(client.exchange(query(name, ident=ident)))
    assert reply.id == ident and len(reply.answer) == count and not reply.tc
    return reply


def connections(server):
    return server.metric("svcdns_dns_tcp_connections")


def wait_connections(server, count):
    svc.wait_until(lambda: connections(server) == count, f"{count} connections are open")


def dns_descriptors(server):
    return len(list(Path(f"/proc/{server.pid('dns')}/fd").iterdir()))


@row(1)
def test_stays_open(server, number):
    with server.tcp() as client:
        ask(client, 1)
        ask(client, 2)
        assert not client.is_closed()


@row(2)
def test_three_in_one_segment(server, number):
    with server.tcp() as client:
        client.send(b"".join(frame(query(WEB, ident=n)) for n in (1, 2, 3)))
        assert sorted(svc.read_reply(client.receive()).id for _ in range(3)) == [1, 2, 3]


@row(3)
def test_byte_by_byte(server, number):
    with server.tcp() as client:
        for byte in frame(query(WEB, ident=7)):
            client.send(bytes([byte]))
        assert svc.read_reply(client.receive()).id == 7


@row(4)
def test_half_close(server, number):
    with server.tcp() as client:
        client.send(frame(query(WEB, ident=1)) + frame(query(BIG, 33, ident=2)))
        client.socket.shutdown(socket.SHUT_WR)
        assert svc.read_reply(client.receive()).id == 1
        assert len(svc.read_reply(client.receive()).answer) == zone_fixture.BIG
        assert client.wait_closed() == b""


@row(5)
@pytest.mark.parametrize("data", [b"\0\0", b"\0\0" * 100], ids=["once", "many"])
def test_length_zero(server, number, data):
    with server.tcp() as client:
        client.send(data)
        assert client.wait_closed() == b""


@row(6)
def test_less_than_a_header(server, number):
    with server.tcp() as client:
        client.send(frame(header()[:11]))
        assert client.wait_closed() == b""


@row(7)
def test_cut_short(server, number):
    with server.tcp() as client:
        client.send(struct.pack("!H", 500) + query(WEB))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.wait_closed() == b""
    wait_connections(server, 0)


@row(8)
@pytest.mark.parametrize("drip", [False, True], ids=["silence", "drip"])
def test_partial_frame(hasty, number, drip):
    """The time runs from the first byte, however slowly the rest comes."""
    with hasty.tcp() as client:
        start = time.monotonic()
        client.send(b"\xff")

        def closed():
            with contextlib.suppress(OSError):
                client.send(b"\xff" if drip else b"")
            return client.is_closed()

        svc.wait_until(closed, "it is closed", interval=IO / 5)
        assert client.wait_closed() == b""
        assert IO * 0.9 < time.monotonic() - start


@pytest.mark.parametrize("asked", [pytest.param(False, id="row-T9"), pytest.param(True, id="row-T10")])
def test_idle(start_server, asked):
    """By default it would be seconds more."""
    server = start_server(**{"dns.tcp_idle": f"{IDLE}s"})
    start = time.monotonic()
    with server.tcp() as client:
        if asked:
            ask(client, count=0)
        assert client.wait_closed() == b""
        assert IDLE * 0.9 < time.monotonic() - start < 9.5


@row(11, 12)
def test_response_is_ignored(server, number):
    """Never answered; the connection goes on, and a good query behind it is answered."""
    with server.tcp() as client:
        client.send(frame(query(WEB, flags=QR, ident=1)))
        ask(client, 2)


@row(13)
def test_formerr_then_good(server, number):
    with server.tcp() as client:
        reply = svc.read_reply(client.exchange(header(qd=1, ident=3)))
        assert (reply.id, reply.rcode) == (3, 1)
        ask(client, 4)


@row(14)
def test_largest_query(server, number):
    plain = query(WEB, edns=opt())
    room = 65535 - len(plain) - 4
    data = query(WEB, edns=opt(options=option(65001, bytes(room))))
    assert len(data) == 65535
    with server.tcp() as client:
        reply = svc.read_reply(client.exchange(data))
        assert len(reply.answer) == 2
        ask(client, 5)


@row(15)
@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)],
    ids=["http", "tls"],
)
def test_other_protocols(hasty, number, data):
    with hasty.tcp() as client:
        client.send(data)
        assert client.wait_closed() == b""


@row(16)
def test_never_reads(hasty, number):
    """What waits for it is bounded; others are served meanwhile; in the end it is closed."""
    with hasty.tcp() as client, hasty.tcp() as other:
        memory = resident(hasty)
        client.socket.setblocking(False)
        burst = frame(query(BIG, 33)) * 1000
        try:
            for _ in range(50):
                client.socket.send(burst)
        except (BlockingIOError, ConnectionError):
            pass
        svc.wait_until(lambda: ask(other) and connections(hasty) == 1, "it is closed")
        assert resident(hasty) - memory < 16 << 20
        ask(other)


def resident(server):
    """The dns process's memory in bytes."""
    pages = int(Path(f"/proc/{server.pid('dns')}/statm").read_text().split()[1])
    return pages * 4096


@row(17)
def test_full(start_server, number):
    """The connection that was idle longest makes room; UDP does not notice."""
    server = start_server(**{"dns.tcp_connections": 8, "dns.workers": 1, "dns.tcp_idle": "24h"})
    server.register("web", "i1", "10.0.0.1", 80)
    clients = [server.tcp() for _ in range(8)]
    for n, client in enumerate(clients):
        ask(client, n, count=1)
    ask(clients[0], 9, count=1)
    newcomers = [server.tcp() for _ in range(3)]
    for client in newcomers:
        ask(client, count=1)
    for client in clients[1:4]:
        assert client.wait_closed() == b""
    for client in [clients[0], *clients[4:], *newcomers]:
        ask(client, count=1)
    assert len(server.ask(WEB).answer) == 1
    assert server.metric("svcdns_dns_tcp_rejected_total") == 3
    for client in clients + newcomers:
        client.socket.close()
    wait_connections(server, 0)


@row(17)
def test_full_of_busy_ones(start_server, number):
    """Nobody idle: the new one is turned away; after the holders leave every new client is served."""
    server = start_server(**{"dns.tcp_connections": 4, "dns.workers": 1, "dns.tcp_idle": "24h"})
    server.register("web", "i1", "10.0.0.1", 80)
    busy = [server.tcp() for _ in range(4)]
    for client in busy:
        ask(client, count=1)
        client.send(b"\0")
    with pytest.raises((EOFError, OSError)):
        for _ in range(20):  # until the half messages have been seen
            with server.tcp() as client:
                ask(client, count=1)
    assert len(server.ask(WEB).answer) == 1
    for client in busy:
        client.socket.close()
    wait_connections(server, 0)
    for _ in range(20):
        with server.tcp() as client:
            ask(client, count=1)


@row(17)
def test_full_for_one_address(start_server, number):
    server = start_server(**{"dns.tcp_connections_per_address": 3, "dns.workers": 1, "dns.tcp_idle": "24h"})
    server.register("web", "i1", "10.0.0.1", 80)
    clients = [server.tcp(source="127.0.0.1") for _ in range(3)]
    for client in clients:
        ask(client, count=1)
    with server.tcp(source="127.0.0.1") as fourth:
        assert fourth.wait_closed() == b""
    with server.tcp(source="127.0.0.9") as other:
        ask(other, count=1)
    for client in clients:
        ask(client, count=1)
        client.socket.close()
    wait_connections(server, 0)
    with server.tcp(source="127.0.0.1") as client:
        ask(client, count=1)


@row(17)
def test_idle_connections_are_cheap(start_server, number):
    """A thousand that have asked and wait: no buffer is kept for them."""
    limits = {"dns.tcp_connections": 2000, "dns.tcp_connections_per_address": 2000, "dns.tcp_idle": "24h"}
    server = start_server(**limits, **{"dns.workers": 1})
    server.register("web", "i1", "10.0.0.1", 80)
    with server.tcp() as client:
        ask(client, count=1)
    memory = resident(server)
    clients = [server.tcp() for _ in range(1000)]
    for client in clients:
        ask(client, count=1)
    assert connections(server) >= 1000
    assert (resident(server) - memory) / 1000 < 4096
    for client in clients:
        client.socket.close()
    wait_connections(server, 0)


@row(18)
def test_resets_free_descriptors(server, number):
    wait_connections(server, 0)
    before = dns_descriptors(server)
    for n in range(50):
        with server.tcp() as client:
            client.send(frame(query(BIG, 33)) * 3)
            if n % 2:
                client.socket.recv(10)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The last ones may not have been accepted yet.
    svc.wait_until(lambda: connections(server) == 0 and dns_descriptors(server) == before, "all are given back")


@row(18)
def test_client_that_vanishes(server, number):
    """A half-closed client that is gone for good is not waited for."""
    wait_connections(server, 0)
    before = dns_descriptors(server)
    clients = [server.tcp() for _ in range(10)]
    for client in clients:
        ask(client)
        client.socket.shutdown(socket.SHUT_WR)
    wait_connections(server, 0)
    assert dns_descriptors(server) == before
    for client in clients:
        client.socket.close()


@row(19)
@pytest.mark.parametrize("kind", ["A", "SRV"])
def test_retry_after_truncation(server, number, kind):
    cut = server.ask(BIG, kind, edns=False)
    assert cut.tc
    whole = server.retry(BIG, kind, edns=False)
    assert not whole.tc and len(whole.answer) == zone_fixture.BIG
    assert {r.value for r in cut.answer} < {r.value for r in whole.answer}


@row(20)
def test_a_megabyte_of_queries(server, number):
    """All answered, in memory that does not grow with the stream."""
    one = frame(query(WEB, edns=opt()))
    count = (1 << 20) // len(one)
    memory = resident(server)
    with server.tcp() as client:
        sender = threading.Thread(target=client.send, args=(one * count,))
        sender.start()
        for n in range(count):
            reply = client.receive()
            if n % 1000 == 0:
                assert len(svc.read_reply(reply).answer) == 2
        sender.join()
    assert resident(server) - memory < 16 << 20


def test_slow_client_among_good_ones(server):
    """One client in the middle of a message holds up nobody."""
    with server.tcp() as slow:
        slow.send(frame(query(WEB))[:5])
        for n in range(100):
            with server.tcp() as client:
                ask(client, n)
        slow.send(frame(query(WEB))[5:])
        assert len(svc.read_reply(slow.receive()).answer) == 2


def test_listeners_of_both_families(server):
    if not svc.IPV6:
        pytest.skip("this machine has no IPv6 loopback")
    with server.tcp(host="::1") as client:
        ask(client)


def test_no_descriptors_left(start_server):
    """With few descriptors: UDP is always answered, the loop does not spin, and TCP is back when there are some."""
    server = start_server(**{"dns.workers": 1})
    server.register("web", "i1", "10.0.0.1", 80)
    pid = server.pid("dns")
    limit = dns_descriptors(server) + 5
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    clients = []
    for _ in range(20):
        clients.append(server.tcp())
        clients[-1].send(b"\0")
    spent = cpu_seconds(pid)
    for _ in range(20):
        assert len(server.ask(WEB).answer) == 1
        time.sleep(0.02)
    assert cpu_seconds(pid) - spent < 0.3
    for client in clients:
        client.socket.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))

    def served():
        try:
            with server.tcp() as client:
                return ask(client, count=1)
        except (EOFError, OSError):
            return False

    svc.wait_until(served, "TCP is served again")
    assert server.pid("dns") == pid


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100

"""The relay under load and in trouble: upstream down or silent, the process killed, stopped or full, servers that ask one
another. The names that are ours are answered all the time, and everyone gets the answer to his own question."""

import contextlib
import itertools
import os
import select
import signal
import socket
import struct
import threading
import time

import dns.message
import dns.rrset
import pytest

import packets
import strict
import svc
from upstream import Upstream

RD = 0x0100
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


def start(start_server, upstream, **config):
    options = {key.replace("__", "."): value for key, value in config.items()}
    server = start_server(**{"relay.upstream": upstream.address, **options})
    server.register("web", id="w1", address="10.0.0.1", port=80)
    return server


def read(data):
    return svc.read_reply(data, relay=True)


def ask(server, name, kind="A", **more):
    return server.ask(name, kind, flags=RD, **more)


def test_a_dead_upstream_costs_our_names_nothing(start_server, upstream):
    server = start_server(**{"relay.upstream": upstream.address, "relay.timeout": "3s", "dns.workers": 1})
    server.register("web", id="w1", address="10.0.0.1", port=80)
    upstream.silent = True
    with server.udp() as client:
        for i in range(20):
            client.send(packets.query(f"dead{i}.example.com", flags=RD, edns=packets.opt(), ident=i))
        for _ in range(20):
            assert server.ask("web.service.local").addresses() == ["10.0.0.1"]
        assert select.select([client.socket], [], [], 0)[0] == [], "authoritative answers did not wait"
        replies = [read(client.receive()) for _ in range(20)]
    assert {reply.id for reply in replies} == set(range(20))
    assert {reply.rcode for reply in replies} == {SERVFAIL}
    # 14 says dns where the relay was too slow to say it.
    assert {reply.ede()[0][0] for reply in replies} <= {22, 14}
    upstream.silent = False
    svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "upstream is found again")


def test_a_name_that_gets_no_answer_takes_no_other_along(start_server, upstream):
    """Upstream asks others, and theirs may be dead: it is silent about one name, and answers about the rest."""
    server = start(start_server, upstream, relay__timeout="3s", dns__workers="1")
    upstream.lost = {"lost.example.com."}
    assert ask(server, "before.example.com").rcode == NXDOMAIN
    with server.udp() as client:
        for ident, kind in enumerate((strict.A, strict.AAAA)):
            client.send(packets.query("lost.example.com", kind, flags=RD, edns=packets.opt(), ident=ident))
        assert [read(client.receive()).rcode for _ in range(2)] == [SERVFAIL] * 2
    assert ask(server, "after.example.com").rcode == NXDOMAIN


def test_a_slow_name_is_waited_for(start_server, upstream):
    """As long as relay.timeout says, also while answers about others come quickly."""
    server = start(start_server, upstream, relay__timeout="3s", dns__workers="1")
    upstream.lost = {"lost.example.com."}
    with server.udp() as client:
        client.send(packets.query("lost.example.com", flags=RD, edns=packets.opt()))
        others = itertools.count()
        while not select.select([client.socket], [], [], 0.01)[0]:
            assert ask(server, f"n{next(others)}.example.com").rcode == NXDOMAIN
        reply = read(client.receive())
    assert reply.rcode == SERVFAIL
    assert reply.ede()[0][1] != "relay.upstream has no usable answer", "libunbound did not give up before"
    assert next(others) > 5 and upstream.names().count("lost.example.com.") <= 4


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_relay_that_dies_or_hangs(start_server, upstream, number):
    """Ours go on; a query that went to a relay which never answers is SERVFAIL; another relay comes."""
    server = start_server(
        **{"relay.upstream": upstream.address, "relay.timeout": "500ms", "process.stall_timeout": "5s"})
    server.register("web", id="w1", address="10.0.0.1", port=80)
    svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "the relay answers")
    dns = server.pid("dns")
    old = server.signal("relay", number)
    reply = ask(server, "www.example.com")
    assert reply.rcode == (SERVFAIL if number == signal.SIGSTOP else reply.rcode)
    assert server.ask("web.service.local").addresses() == ["10.0.0.1"]
    svc.wait_until(lambda: server.children().get("relay", old) != old, "another relay")
    svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "the new relay answers")
    assert server.pid("dns") == dns


def test_queries_in_flight_are_bounded(start_server, upstream):
    """What is over the limit gets SERVFAIL at once, not after the timeout."""
    server = start_server(**{"relay.upstream": upstream.address, "relay.timeout": "20s", "relay.in_flight": 16,
                             "dns.workers": 1})
    upstream.silent = True
    with server.udp() as client:
        for i in range(40):
            client.send(packets.query(f"q{i}.example.com", flags=RD, edns=packets.opt(), ident=i))
        replies = [read(client.receive()) for _ in range(24)]
    assert {reply.rcode for reply in replies} == {SERVFAIL}
    assert server.metric("svcdns_relay_in_flight") == 16
    assert len(set(upstream.names())) <= 16


def test_one_client_cannot_take_all(start_server, upstream):
    server = start(start_server, upstream, relay__timeout="20s", relay__in_flight="32", dns__workers="1",
                   relay__in_flight_per_address="4")
    upstream.silent = True
    with server.udp(source="127.0.0.1") as greedy, server.udp(source="127.0.0.2") as other:
        for i in range(20):
            greedy.send(packets.query(f"q{i}.example.com", flags=RD, edns=packets.opt(), ident=i))
        replies = [read(greedy.receive()) for _ in range(16)]
        assert {reply.rcode for reply in replies} == {SERVFAIL}
        said = {reply.ede()[0][1] for reply in replies}
        assert said == {"relay.in_flight_per_address queries of this client are under way"}
        other.send(packets.query("other.example.com", flags=RD))
        svc.wait_until(lambda: len(set(upstream.names())) == 5, "four go up, and another client's")
    assert "other.example.com." in upstream.names()
    upstream.silent = False
    svc.wait_until(lambda: ask(server, "www.example.com", source="127.0.0.1").rcode == NOERROR, "what has ended counts no more")


def test_a_client_that_takes_its_share_leaves_the_rest(start_server, upstream):
    """Also if the clients meet on one of the workers: the limits are those of all workers together."""
    server = start(start_server, upstream, relay__timeout="20s", relay__in_flight="16", dns__workers="4",
                   relay__in_flight_per_address="8")
    upstream.silent = True
    with contextlib.ExitStack() as stack:
        for host in (2, 3):
            client = stack.enter_context(server.udp(source=f"127.0.0.{host}"))
            for i in range(8):
                client.send(packets.query(f"q{host}-{i}.example.com", flags=RD, ident=i))
            svc.wait_until(lambda host=host: server.metric("svcdns_relay_in_flight") == 8 * (host - 1), "all eight wait")
        with server.udp(source="127.0.0.4") as third:
            reply = read(third.exchange(packets.query("q4.example.com", flags=RD, edns=packets.opt())))
    assert reply.rcode == SERVFAIL
    assert reply.ede()[0] in {
        (0, "relay.in_flight queries are under way"),
        (14, "the relay does not take or answer queries now"),  # if all three met on one worker, which has so many places
    }


class Asker(threading.Thread):
    """Asks for names of its own by its own socket, eight at once, and keeps what is wrong with the answers. As programs
    do, it asks again after a SERVFAIL: on a busy machine upstream may be too slow."""

    def __init__(self, server, number, tcp):
        super().__init__()
        self.server, self.number, self.tcp, self.wrong = server, number, tcp, []
        self.left = list(range(40))

    def run(self):
        try:
            with self.server.tcp() if self.tcp else self.server.udp() as client:
                svc.wait_until(lambda: self.is_done(client), "all names are answered", 60)
        except (OSError, EOFError, AssertionError) as error:
            self.wrong.append(repr(error))

    def is_done(self, client):
        """Asks for the next ones that are left; true when there are none."""
        some, self.left = self.left[:8], self.left[8:]
        self.some_at_once(client, some)
        return not self.left

    def some_at_once(self, client, numbers):
        for i in numbers:
            name = "web.service.local" if i % 8 == 7 else f"n{self.number}-{i}.example.com"
            message = packets.query(name, flags=RD, ident=1000 + i)
            client.send(packets.frame(message) if self.tcp else message)
        for _ in numbers:
            reply = read(client.receive())
            i = reply.id - 1000
            expected = "10.0.0.1" if i % 8 == 7 else f"198.51.{self.number}.{i}"
            if reply.rcode == SERVFAIL and i % 8 != 7:
                self.left.append(i)
            elif reply.addresses() != [expected]:
                self.wrong.append(f"{reply.questions}: {reply.rcode}, {reply.addresses()} instead of {expected}")


def test_everyone_gets_his_own_answer(start_server, upstream):
    """Sixteen clients with the same ids on four workers, by UDP and TCP, from upstream and from us."""
    for number in range(16):
        for i in range(40):
            upstream.answers[f"n{number}-{i}.example.com."] = [f"A 198.51.{number}.{i}"]
    server = start(start_server, upstream, dns__workers="4", relay__timeout="20s")
    askers = [Asker(server, number, tcp=number % 2 == 1) for number in range(16)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [wrong for asker in askers for wrong in asker.wrong] == []
    asked = {f"n{number}-{i}.example.com." for number in range(16) for i in range(40) if i % 8 != 7}
    assert set(upstream.names()) == asked


def test_a_full_queue_costs_our_names_nothing(start_server, upstream):
    """The relay is stopped and as many queries come as there are places, and hundreds more: those get SERVFAIL at
    once, the others after their time; ours are answered between them."""
    server = start(start_server, upstream, dns__workers="1", relay__in_flight="32", relay__timeout="1s",
                   process__stall_timeout="60s")
    svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "the relay answers")
    stopped = server.signal("relay", signal.SIGSTOP)
    took, rcodes = [], []
    with server.udp() as flood, server.udp() as client:
        for i in range(64):
            flood.send(packets.query(f"e{i}.example.com", flags=RD, ident=i))
        assert read(client.exchange(packets.query("web.service.local"))).addresses() == ["10.0.0.1"]
        assert server.metric("svcdns_relay_in_flight") <= 32
        assert {read(flood.receive()).rcode for _ in range(64)} == {SERVFAIL}
        for i in range(400):
            flood.send(packets.query(f"f{i}.example.com", flags=RD, ident=i))
            before = time.monotonic()
            assert read(client.exchange(packets.query("web.service.local", ident=i))).addresses() == ["10.0.0.1"]
            took.append(time.monotonic() - before)
            if i >= 32:
                rcodes.append(read(flood.receive()).rcode)
        early = len(rcodes)
        rcodes += [read(flood.receive()).rcode for _ in range(400 - early)]
    assert (early, set(rcodes)) == (368, {SERVFAIL})
    assert sorted(took)[360] < 0.5, "but for some at which a busy machine stood still"
    assert server.metric('svcdns_relay_queries_total{result="full"}') + server.metric(
        'svcdns_relay_queries_total{result="expired"}') == 464
    os.kill(stopped, signal.SIGCONT)
    svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "the relay goes on")
    assert set(upstream.names()) == {"www.example.com."}, "what nobody waits for any more is not asked"


def test_a_relay_that_is_killed_under_load(start_server, upstream):
    """Five times while queries for other names pour in: ours are all answered, and quickly, by the same process."""
    server = start(start_server, upstream, relay__timeout="500ms")
    dns, ended, took = server.pid("dns"), threading.Event(), []

    def pour():
        with server.udp() as client:
            client.socket.setblocking(False)
            while not ended.is_set():
                try:
                    client.send(packets.query(f"p{time.monotonic_ns()}.example.com", flags=RD))
                    client.socket.recv(4096)
                except (BlockingIOError, ConnectionRefusedError):
                    ended.wait(0.0005)

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        with server.udp() as client:
            for _ in range(5):
                old = server.signal("relay", signal.SIGKILL)
                while server.children().get("relay", old) == old:
                    before = time.monotonic()
                    reply = read(client.exchange(packets.query("web.service.local", ident=len(took) % 65536)))
                    took.append(time.monotonic() - before)
                    assert reply.addresses() == ["10.0.0.1"]
    finally:
        ended.set()
        thread.join()
    assert len(took) >= 5 and sorted(took)[len(took) // 2] < 0.5 and server.pid("dns") == dns
    svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "the last relay answers")


def test_nobody_upstream(start_server):
    """The port is closed, which to libunbound is silence: SERVFAIL with a reason, within the time."""
    server = start_server(**{"relay.upstream": f"127.0.0.1:{svc.free_port()}", "relay.timeout": "1s"})
    started = time.monotonic()
    for _ in range(3):  # the first time and when libunbound knows it
        reply = ask(server, "www.example.com")
        assert reply.rcode == SERVFAIL
        assert reply.ede()[0][0] in (22, 14)  # 14 says dns where the relay was too slow to say it
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("trouble", ["closed", "silent", SERVFAIL, REFUSED])
def test_one_of_two_upstreams_is_in_trouble(start_server, upstream, trouble):
    with Upstream() as other:
        other.silent, other.rcode = trouble == "silent", trouble
        address = f"127.0.0.1:{svc.free_port()}" if trouble == "closed" else other.address
        server = start_server(**{"relay.upstream": f"{address},{upstream.address}"})
        for i in range(12):
            upstream.answers[f"n{i}.example.com."] = ["A 198.51.100.1"]
            assert ask(server, f"n{i}.example.com").addresses() == ["198.51.100.1"]
        assert trouble == "closed" or other.asked


class Forger(Upstream):
    """Sends what others could send in its place before what is true: with other ids, and from another port."""

    def _reply_udp(self, data, client):
        query = dns.message.from_wire(data)
        forged = dns.message.make_response(query, recursion_available=True)
        forged.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.66"))
        wire = forged.to_wire()
        for i in range(1, 200):
            self.udp.sendto(struct.pack("!H", (query.id + i) % 65536) + wire[2:], client)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(wire, client)
        super()._reply_udp(data, client)


def test_forged_answers_are_not_taken(start_server):
    with Forger() as upstream:
        server = start_server(**{"relay.upstream": upstream.address})
        for i in range(10):
            upstream.answers[f"n{i}.example.com."] = ["A 198.51.100.1"]
            assert ask(server, f"n{i}.example.com").addresses() == ["198.51.100.1"]
    assert len({query.id for query in upstream.messages}) >= 8, "ids are not guessed"


def test_two_servers_that_ask_each_other(start_server):
    """No query ever ends there; it ends by the time limit, after a bounded number of rounds, and both live."""
    port = svc.free_port()
    one = start_server(**{"relay.upstream": f"127.0.0.1:{port}", "relay.timeout": "1s"})
    two = start_server(**{"relay.upstream": f"127.0.0.1:{one.port}", "relay.timeout": "1s",
                          "dns.listen": f"127.0.0.1:{port}"})
    two.port = port
    started = time.monotonic()
    for name in ("a.example.com", "b.example.com"):
        assert ask(one, name).rcode == SERVFAIL
    assert time.monotonic() - started < 20
    assert two.metric("svcdns_dns_requests_total") < 100
    for server in (one, two):
        assert ask(server, "service.local", "SOA").rcode == NOERROR

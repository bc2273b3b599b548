"""Socket activation: the sockets belong to somebody who outlives the server (here this test, as systemd would), so
that a stop, a kill and a restart of the whole server refuse nothing."""

import contextlib
import os
import socket
import subprocess
import sys
import threading

import pytest

import packets
import svc

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
IP_FREEBIND = 15  # of linux/in.h
ACTIVATE = svc.ROOT / "tests/support/activate.py"


def bound(kind, port, family=socket.AF_INET, host="127.0.0.1", shared=False, listen=True):
    """A socket as a .socket unit opens it."""
    s = socket.socket(family, kind)
    if kind == socket.SOCK_STREAM:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((host, port))
    if kind == socket.SOCK_STREAM and listen:
        s.listen(4096)
    return s


class Activated(svc.Server):
    """A server with its sockets handed over: rows of (name, socket)."""

    def __init__(self, directory, config=None, sockets=None, environment=None):
        # What the options ask for must not be opened: it is taken.
        self.taken = svc.free_port()
        self.holders = [bound(socket.SOCK_DGRAM, self.taken), bound(socket.SOCK_STREAM, self.taken)]
        options = {"dns.listen": f"127.0.0.1:{self.taken}", "http.listen": f"127.0.0.1:{self.taken}"}
        super().__init__(directory, {**options, **(config or {})}, environment=environment)
        self.sockets = sockets(self) if sockets else self.usual()
        self.pass_fds = [s.fileno() for _, s in self.sockets]
        named = [f"{name}={s.fileno()}" for name, s in self.sockets]
        self.wrapper = [sys.executable, str(ACTIVATE), *named, "--"]

    def usual(self, each=1):
        kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
        dns = [("dns", bound(kind, self.port, shared=each > 1)) for kind in kinds for _ in range(each)]
        return dns + [("http", bound(socket.SOCK_STREAM, self.http_port))]

    def close(self):
        for s in self.holders + [s for _, s in self.sockets]:
            s.close()


@pytest.fixture
def activated(tmp_path):
    """A function that makes such servers; they are stopped at the end."""
    servers = []

    def make(**arguments):
        servers.append(Activated(tmp_path / f"server{len(servers)}", **arguments))
        return servers[-1]

    yield make
    with contextlib.ExitStack() as stack:
        for server in servers:
            stack.callback(server.close)
            stack.callback(server.stop)


def register(server):
    server.register("web", id="w1", address="10.0.0.1", port=80)


def test_what_came_while_it_was_down_is_answered(activated):
    server = activated().start()
    register(server)
    server.stop()
    data = packets.query("web.service.local", packets.A)
    request = b"GET /v1/agent/services HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with server.udp() as udp, server.tcp() as tcp, svc.Tcp(("127.0.0.1", server.http_port)) as http:
        udp.send(data)
        tcp.send(packets.frame(data))
        http.send(request)
        server.start()
        for client in (udp, tcp):
            assert svc.read_reply(client.receive()).addresses() == ["10.0.0.1"]
        assert b'"w1"' in http.wait_closed()


def test_sockets_stand_for_their_options(activated):
    """Also after a reload, and the log says so."""
    server = activated().start()
    assert f"dns=127.0.0.1:{server.port} http=127.0.0.1:{server.http_port}" in server.log()
    svc.wait_until(lambda: f"DNS on 127.0.0.1:{server.port}" in server.log(), "the greeting")
    server.signal("supervisor", svc.signal.SIGHUP)
    svc.wait_until(lambda: "config read" in server.log(), "the reload")
    assert "needs_restart" not in server.log()
    register(server)
    assert server.ask("web.service.local").addresses() == ["10.0.0.1"]


class Prober(threading.Thread):
    """Connects and asks, again and again, as clients do: a lost query is sent again, a closed connection opened
    again. A refusal is what must not be."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self.ask, self.done = ask, threading.Event()
        self.answered, self.lost, self.refused = 0, 0, 0

    def run(self):
        while not self.done.is_set():
            try:
                self.ask()
                self.answered += 1
            except ConnectionRefusedError:
                self.refused += 1
            except (OSError, EOFError, svc.http.client.HTTPException):
                self.lost += 1


def ask_dns(client):
    data = packets.query("web.service.local", packets.A)
    with client() as c:
        c.socket.settimeout(10)  # longer than a start takes: what is lost until then is lost
        assert svc.read_reply(c.exchange(data)).addresses() == ["10.0.0.1"]


def ask_http(server):
    connection = server.connect_http()
    connection.request("GET", "/v1/health/service/web")
    assert connection.getresponse().status == 200
    connection.close()


def test_killed_and_started_again_under_load(activated):
    server = activated().start()
    register(server)
    asks = [lambda: ask_dns(server.udp), lambda: ask_dns(server.tcp), lambda: ask_http(server)]
    probers = [Prober(ask) for ask in asks for _ in range(2)]
    for prober in probers:
        prober.start()
    rounds = 4
    for n in range(rounds):
        seen = [prober.answered for prober in probers]
        svc.wait_until(lambda seen=seen: all(p.answered > s + 5 for p, s in zip(probers, seen)), "all probers get answers")
        server.kill() if n % 2 == 0 else server.stop()
        server.start()
    for prober in probers:
        prober.done.set()
    for prober in probers:
        prober.join()
    assert [prober.refused for prober in probers] == [0] * len(probers)
    # What a process had taken from its socket when it ended is lost with it: at most one each time.
    assert max(prober.lost for prober in probers) <= rounds


@pytest.mark.parametrize("each", [1, 3])
def test_workers_share_what_was_handed_over(activated, each):
    """One socket for all three workers, or one for each of them (ReusePort=yes): whichever the kernel picks answers."""
    server = activated(config={"dns.workers": 3}, sockets=lambda server: server.usual(each)).start()
    register(server)
    for _ in range(40):  # a new source port each time
        for tcp in (False, True):
            assert server.ask("web.service.local", tcp=tcp).addresses() == ["10.0.0.1"]


def test_address_that_is_not_there_yet(activated):
    """As a unit with FreeBind=yes hands it over: the other address is served meanwhile."""
    def sockets(server):
        early = [socket.socket(socket.AF_INET, kind) for kind in (UDP, TCP)]
        for s in early:
            s.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            s.bind(("192.0.2.77", server.port))
        early[1].listen()
        return server.usual() + [("dns", s) for s in early]

    server = activated(sockets=sockets).start()
    register(server)
    assert server.ask("web.service.local").addresses() == ["10.0.0.1"]


TOLD = {
    "SO_TIMESTAMP": (socket.SOL_SOCKET, 29), "SO_TIMESTAMPNS": (socket.SOL_SOCKET, 35),
    "SO_RXQ_OVFL": (socket.SOL_SOCKET, 40), "IP_RECVTTL": (socket.IPPROTO_IP, 12),
    "IP_RECVTOS": (socket.IPPROTO_IP, 13),
}  # fmt: skip


def told(host):
    """The sockets of a server, the UDP socket with these options on."""
    def sockets(server):
        usual = [(name, s) for name, s in server.usual() if name == "http"]
        udp, tcp = (bound(kind, server.port, host=host) for kind in (UDP, TCP))
        for level, option in TOLD.values():
            udp.setsockopt(level, option, 1)
        return [("dns", udp), ("dns", tcp), *usual]
    return sockets


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_what_is_told_beside_a_packet(activated, host):
    """A time stamp (Timestamping= of the unit) would be sent back, which the kernel refuses, and the answer be lost."""
    server = activated(sockets=told(host)).start()
    register(server)
    assert server.ask("web.service.local").addresses() == ["10.0.0.1"]
    udp = server.sockets[0][1]
    assert {name: udp.getsockopt(*option) for name, option in TOLD.items()} == dict.fromkeys(TOLD, 0)


def test_one_kind_only(activated):
    """HTTP handed over, DNS opened by ourselves."""
    server = activated(sockets=lambda server: server.usual()[2:])
    server.config["dns.listen"] = f"127.0.0.1:{server.port}"
    server.start()
    register(server)
    assert server.ask("web.service.local").addresses() == ["10.0.0.1"]


def test_sockets_for_another_process_are_left_alone(activated):
    server = activated(sockets=lambda server: [], environment={"ACTIVATE_PID": "1", "ACTIVATE_FDS": "3"})
    server.config.update({"dns.listen": f"127.0.0.1:{server.port}", "http.listen": f"127.0.0.1:{server.http_port}"})
    server.start()
    assert "handed over" not in server.log()


def unix(_):
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


WRONG = {
    "unknown name": (lambda s: [("svcdns.socket", bound(UDP, s.port))], 'descriptor 3 ("svcdns.socket") has an unknown name'),
    "HTTP over UDP": (lambda s: [("http", bound(UDP, s.port))], "is not a TCP socket: ListenStream="),
    "unix": (lambda s: [("dns", unix(s))], "is neither IPv4 nor IPv6"),
    "no TCP": (lambda s: [("dns", bound(UDP, s.port))], "but no TCP socket: ListenStream=127.0.0.1:"),
    "no UDP": (lambda s: [("dns", bound(TCP, s.port))], "but no UDP socket: ListenDatagram=127.0.0.1:"),
    "does not listen": (lambda s: [("http", bound(TCP, s.port, listen=False))], "does not listen: Accept=no"),
    "not bound": (lambda s: [("dns", socket.socket(socket.AF_INET, UDP))], "is not bound to a port"),
    "not loopback": (lambda s: [("http", bound(TCP, s.http_port, host="0.0.0.0"))], "is not loopback"),
    "HTTP twice": (lambda s: [("http", bound(TCP, s.port, shared=True)) for _ in range(2)], "more than one socket"),
    "too many": (lambda s: s.usual(3), "3 UDP sockets were passed for 127.0.0.1:"),
}


def ends(server):
    """Starts a server that must not run; returns what it says."""
    environment = {**os.environ, **server.environment}
    done = subprocess.run(
        server.wrapper + server.arguments(),
        capture_output=True, text=True, timeout=svc.PATIENCE, env=environment, pass_fds=server.pass_fds)
    assert done.returncode == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("case", WRONG)
def test_wrong_socket(activated, case):
    sockets, expected = WRONG[case]
    assert expected in ends(activated(config={"dns.workers": 2}, sockets=sockets))


@pytest.mark.ipv6
def test_ipv6_that_takes_ipv4(activated):
    """A client's IPv4 address would hide in one IPv6 network with all others, and share its limits."""
    server = activated(sockets=lambda s: [("dns", bound(UDP, s.port, socket.AF_INET6, "::"))])
    assert "BindIPv6Only=ipv6-only is needed" in ends(server)


@pytest.mark.parametrize("count, expected", [("x", "LISTEN_FDS: 'x' is not a number"), ("5", "6 (\"\") cannot be used: Bad")])
def test_wrong_count(activated, count, expected):
    assert expected in ends(activated(environment={"ACTIVATE_FDS": count}))

"""HTTP against the whole program: the raw table of tests/support/http_raw.txt, limits, clients that leave or are slow,
the browser and bind guard (issue: "a raw list must pass, and a client that leaves while parked is freed")."""

import resource
import select
import socket
import struct
import subprocess
import time

import pytest

import http_raw
import svc

HOST = "Host: localhost"
PROBE = b"GET /v1/status/leader HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Raw:
    """A raw connection to the HTTP port."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.http_port), timeout=svc.PATIENCE)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has had enough; what it answered is still to be read

    def _more(self):
        try:
            part = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += part
        return bool(part)

    def reply(self):
        """(status, headers in lower case, body), or None at the end of the connection."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                assert not self.buffer, f"half a reply: {self.buffer!r}"
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        line, *fields = head.decode("latin-1").split("\r\n")
        version, status, _ = line.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        size = 0 if status in ("100", "204", "304") else int(headers["content-length"])
        while len(self.buffer) < size:
            assert self._more(), "half a body"
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return int(status), headers, body

    def ask(self, data):
        self.send(data)
        return self.reply()

    def closed(self):
        """Waits for the end of the connection; True if nothing came before it."""
        return self.reply() is None


@pytest.fixture
def raw(shared_server):
    with Raw(shared_server) as connection:
        yield connection


@pytest.mark.parametrize("row", http_raw.rows(), ids=lambda row: row.name)
def test_row(raw, row):
    raw.send(row.bytes)
    for expected in row.statuses:
        status, headers, body = raw.reply()
        assert status == expected
        if status >= 400:
            assert headers["content-type"] == "text/plain; charset=utf-8"
            assert body and not body.endswith(b"\n")
    if row.open:
        assert raw.ask(PROBE)[0] == 200
    else:
        assert raw.closed()


def test_reply_headers(raw):
    status, headers, body = raw.ask(PROBE)
    assert status == 200
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert time.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT")
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "fields",
    [
        "Host: evil.example",
        "Host: 127.0.0.1.evil.example",
        "Host: localhost.",
        "Host: 2130706433",
        f"{HOST}\r\nOrigin: http://evil.example",
        f"{HOST}\r\nOrigin: null",
        f"{HOST}\r\nSec-Fetch-Site: cross-site",
        f"{HOST}\r\nSec-Fetch-Site: same-site",
    ],
)
@pytest.mark.parametrize("path", ["/v1/agent/service/register", "/v1/agent/self", "/no/such/path", "/healthz"])
def test_web_pages_are_refused_before_routing(raw, fields, path):
    """conformance.md 6.2: rebinding and cross-site requests, whatever they ask for."""
    body = b'{"Name":"evil"}'
    head = f"PUT {path} HTTP/1.1\r\n{fields}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    assert raw.ask(head.encode() + body)[0] == 403


@pytest.mark.parametrize(
    "fields",
    [HOST, "Host: LOCALHOST:1", "Host: 127.0.0.1", "Host: [::1]:8500", f"{HOST}\r\nOrigin: http://localhost"],
)
def test_others_are_not(raw, fields):
    assert raw.ask(f"GET /v1/status/leader HTTP/1.1\r\n{fields}\r\n\r\n".encode())[0] == 200


def test_listed_host(start_server):
    server = start_server(**{"http.hosts": "registry.example"})
    with Raw(server) as client:
        assert client.ask(b"GET /v1/status/leader HTTP/1.1\r\nHost: Registry.Example:80\r\n\r\n")[0] == 200
        assert client.ask(b"GET /v1/status/leader HTTP/1.1\r\nHost: other.example\r\n\r\n")[0] == 403


def test_token(start_server, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    server = start_server(**{"http.token_file": str(token)})
    assert server.http("GET", "/healthz").status == 200
    refused = server.http("PUT", "/v1/agent/service/register", {"Name": "web"})
    assert (refused.status, refused.text) == (403, "Permission denied")
    for headers in ({"X-Consul-Token": "secret"}, {"Authorization": "Bearer secret"}):
        assert server.http("GET", "/v1/agent/services", headers=headers).status == 200
    assert server.http("GET", "/v1/agent/services?token=secret").text == "{}"
    assert server.http("GET", "/v1/agent/services", headers={"X-Consul-Token": "Secret"}).status == 403
    assert "secret" not in server.log()


def test_no_bind_outside_loopback_without_token(tmp_path):
    result = subprocess.run(
        [
            str(svc.BINARY),
            f"--dns.listen=127.0.0.1:{svc.free_port()}",
            f"--http.listen=0.0.0.0:{svc.free_port()}",
            f"--registry.path={tmp_path}/registry.db",
        ],
        capture_output=True,
        text=True,
        timeout=svc.PATIENCE,
        check=False,
    )
    assert result.returncode not in (0, None)
    assert "http.token_file" in result.stderr
    assert not (tmp_path / "registry.db").exists()


def index_of(server, path):
    return server.http("GET", path).headers["X-Consul-Index"]


def park(server, service):
    """A connection with a blocking query on it that is known to be parked."""
    path = f"/v1/health/service/{service}"
    index = index_of(server, path)
    before = server.metric("svcdns_api_parked")
    client = Raw(server)
    client.send(f"GET {path}?index={index}&wait=300s HTTP/1.1\r\n{HOST}\r\n\r\n".encode())
    svc.wait_until(lambda: server.metric("svcdns_api_parked") == before + 1, "the query is parked")
    return client


@pytest.mark.parametrize("junk", [b"", b"GET / HT", PROBE * 3], ids=["nothing", "half", "pipelined"])
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_leaving_while_parked_is_noticed(server, reset, junk):
    """The place of a client that leaves is free at once, not when its query's time is over."""
    client = park(server, "nobody")
    open_before = server.metric("svcdns_api_connections")
    client.send(junk)
    if reset:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()
    svc.wait_until(lambda: server.metric("svcdns_api_connections") == open_before - 1, "the connection is freed")
    svc.wait_until(lambda: server.metric("svcdns_api_parked") == 0, "the query is freed with it")


def test_bytes_while_parked_harm_nobody(server):
    with park(server, "late") as client:
        client.socket.settimeout(0.5)
        try:
            for _ in range(64):
                client.socket.send(PROBE * 1000)
        except TimeoutError:
            pass  # the kernel's buffers are full; the server does not read
        client.socket.settimeout(svc.PATIENCE)
        assert server.register("other", id="o1", address="10.0.0.1", port=1).status == 200
        assert server.metric("svcdns_api_parked") == 1
        server.register("late", id="l1", address="10.0.0.2", port=1)
        status, _, body = client.reply()
        assert status == 200 and b'"l1"' in body
        assert client.reply()[0] == 200  # and then the pipelined ones
    server.register("still", id="s1", address="10.0.0.3", port=1)


def test_half_closed_client_gets_its_reply(server):
    """`nc -N`, as a person would do it: request, end of input, and then the reply is expected."""
    body = b'{"Name":"web","ID":"w1","Address":"10.0.0.9","Port":80}'
    with Raw(server) as client:
        client.send(
            f"PUT /v1/agent/service/register HTTP/1.1\r\n{HOST}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        client.socket.shutdown(socket.SHUT_WR)
        assert client.reply()[0] == 200
        assert client.closed()
    assert server.ask("web.service.local", "A").rcode == 0


def test_limits(start_server):
    server = start_server(**{"http.header_size": "4KiB", "http.body_size": "64KiB"})
    fill = "x" * 5000
    many = "".join(f"X-{i}: y\r\n" for i in range(200))
    for head, expected in (
        (f"GET /{fill} HTTP/1.1\r\n{HOST}\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\n{HOST}\r\nX: {fill}\r\n\r\n", 431),
        (f"GET / HTTP/1.1\r\n{HOST}\r\n{many}\r\n", 431),
        (f"PUT / HTTP/1.1\r\n{HOST}\r\nContent-Length: 65537\r\n\r\n", 413),
        (f"PUT / HTTP/1.1\r\n{HOST}\r\nContent-Length: 65537\r\nExpect: 100-continue\r\n\r\n", 413),
        (f"PUT / HTTP/1.1\r\n{HOST}\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n", 413),
    ):
        with Raw(server) as client:
            assert client.ask(head.encode())[0] == expected
            assert client.closed()


def test_endless_body_is_not_read(start_server):
    """Fault 17: what is taken of a refused body is bounded, in bytes and in time."""
    server = start_server(**{"http.body_size": "64KiB"})
    with Raw(server) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        client.send(f"PUT / HTTP/1.1\r\n{HOST}\r\nContent-Length: 10000000000\r\n\r\n".encode())
        sent = 0
        try:
            while sent < 1 << 30:
                sent += client.socket.send(bytes(65536))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 64 << 20
    assert server.http("GET", "/healthz").status == 200


def test_slow_clients_end_and_do_not_hold_up_others(start_server):
    """Fault 15: heads and bodies that trickle in have a deadline in all; meanwhile the others are served."""
    server = start_server(**{"http.header_timeout": "1s", "http.body_timeout": "1s"})
    clients = [Raw(server) for _ in range(150)]
    try:
        for number, client in enumerate(clients):
            kind = number % 3
            if kind:
                client.send(f"PUT / HTTP/1.1\r\n{HOST}\r\n".encode())
            if kind == 2:
                client.send(b"Content-Length: 100\r\n\r\n")

        def ended():
            """All of them, although each goes on to send."""
            for client in clients[1::3] + clients[2::3]:
                client.send(b"X")
            assert server.http("GET", "/v1/status/leader").status == 200
            return len(select.select([client.socket for client in clients], [], [], 0)[0]) == len(clients)

        svc.wait_until(ended, "their time is over", interval=0.05)
        for number, client in enumerate(clients):
            reply = client.reply()
            assert reply is None if number % 3 == 0 else reply[0] == 408
    finally:
        for client in clients:
            client.socket.close()
    svc.wait_until(lambda: server.metric("svcdns_api_connections") <= 2, "all connections are gone")


def test_connections_have_a_cap(start_server):
    server = start_server(**{"http.connections": "30", "http.connections_per_address": "20", "http.header_timeout": "1h"})
    rejected = server.metric("svcdns_api_rejected_total")
    clients = []
    for _ in range(40):  # in the middle of a request: who is idle for a second would give way to the next
        clients.append(Raw(server))
        clients[-1].send(PROBE[:10])
    try:
        refused = 0
        for client in clients:
            reply = client.ask(PROBE[10:])
            refused += reply is None or reply[0] == 429
        assert 20 <= refused <= 21  # the test's own kept connection is one of the twenty
        assert server.ask("service.local", "SOA").rcode == 0
        other = socket.create_connection(("127.0.0.1", server.http_port), svc.PATIENCE, ("127.0.0.2", 0))
        other.sendall(PROBE)
        assert other.recv(100).startswith(b"HTTP/1.1 200")
        other.close()
    finally:
        for client in clients:
            client.socket.close()
    svc.wait_until(lambda: server.metric("svcdns_api_rejected_total") - rejected >= 20, "they were counted, and made room")


def test_no_descriptors_left(start_server):
    """Fault 9: the sidecar out of descriptors neither spins nor hurts DNS, and recovers by itself."""
    server = start_server()
    server.register("web", id="w1", address="10.0.0.1", port=80)
    sidecar = server.pid("sidecar")
    limits = resource.prlimit(sidecar, resource.RLIMIT_NOFILE)
    clients = [Raw(server) for _ in range(20)]
    resource.prlimit(sidecar, resource.RLIMIT_NOFILE, (0, limits[1]))
    waiting = [Raw(server) for _ in range(20)]
    try:
        cpu, start = cpu_seconds(sidecar), time.monotonic()
        while time.monotonic() - start < 0.5:
            for _ in range(10):
                assert server.ask("web.service.local", "A").addresses() == ["10.0.0.1"]
            # On a connection that it has; one that is idle for a second would be closed.
            assert server.http("GET", "/v1/status/leader").status == 200
        assert cpu_seconds(sidecar) - cpu < 0.2
        resource.prlimit(sidecar, resource.RLIMIT_NOFILE, limits)
        for client in waiting:
            assert client.ask(PROBE)[0] == 200
    finally:
        for client in clients + waiting:
            client.socket.close()


def cpu_seconds(pid):
    """User and system time of a process, from /proc."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100

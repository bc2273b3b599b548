"""The three processes: what a kill, a stop, a reload and a second server do, and that nothing acknowledged is lost."""

import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

import packets
import svc

INSTANCES = 10_000
PER_SERVICE = 10


def bulk_register(server, count=INSTANCES, connections=16):
    """Registers `count` instances, PER_SERVICE to a service, over kept connections; each must get its 200."""

    def worker(first):
        connection = server.connect_http()
        for n in range(first, count, connections):
            body = json.dumps(
                {
                    "Name": f"s{n // PER_SERVICE}",
                    "ID": f"i{n}",
                    "Address": f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}",
                    "Port": 1 + n % 65535,
                }
            )
            connection.request("PUT", "/v1/agent/service/register", body)
            reply = connection.getresponse()
            assert reply.status == 200, reply.read()
            reply.read()
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        list(pool.map(worker, range(connections)))


def addresses(server, n):
    return sorted(server.retry(f"s{n}.service.local", "A").addresses())


def expected(n):
    return sorted(
        f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(n * PER_SERVICE, (n + 1) * PER_SERVICE)
    )


class Prober(threading.Thread):
    """Asks one name again and again on one socket, each query until it is answered; keeps every answer."""

    def __init__(self, server, name, kind="A"):
        super().__init__(daemon=True)
        self.server, self.name, self.kind = server, name, kind
        self.stopped = threading.Event()
        self.answers, self.errors, self.slowest = [], [], 0.0

    def run(self):
        with self.server.udp() as client:
            n = 0
            while not self.stopped.is_set():
                n += 1
                data = packets.query(self.name, svc.qtype(self.kind), ident=n & 0xFFFF)
                started = time.monotonic()
                try:
                    reply = svc.read_reply(client.exchange(data))
                except OSError as error:  # ECONNREFUSED or a lost query (the socket's timeout)
                    self.errors.append(repr(error))
                    continue
                self.slowest = max(self.slowest, time.monotonic() - started)
                self.answers.append((reply.rcode, tuple(sorted(reply.addresses()))))

    def __enter__(self):
        self.start()
        svc.wait_until(lambda: len(self.answers) > 20, "the prober is at work")
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()


@pytest.fixture
def server(tmp_path):
    with svc.Server(tmp_path) as server:
        yield server


def test_every_process_is_called_svcdnsd(server):
    """Also in ps, top and the journal, where the children would be "exe"."""
    for role in ("supervisor", "dns", "sidecar"):
        assert pathlib.Path(f"/proc/{server.pid(role)}/comm").read_text() == "svcdnsd\n"


def test_kill_sidecar(server):
    """DNS goes on answering, the sidecar is back, what was acknowledged is there."""
    server.register("web", id="w1", address="10.0.0.1", port=80)
    with Prober(server, "web.service.local") as prober:
        for n in range(3):
            old = server.signal("sidecar", signal.SIGKILL)
            svc.wait_until(lambda old=old: server.children().get("sidecar", old) != old, "another sidecar")
            server.wait_ready()
            server.register("web", id=f"again{n}", address="10.0.0.1", port=81 + n)
        dns = server.pid("dns")
    assert not prober.errors
    assert set(prober.answers) == {(0, ("10.0.0.1",))}
    assert server.pid("dns") == dns
    assert sorted(server.get("/v1/agent/services")) == ["again0", "again1", "again2", "w1"]
    assert len(server.ask("web.service.local", "SRV").srv()) == 4


def test_acknowledged_survives_kill_of_sidecar_under_load(server):
    """Registrations from four clients while the sidecar is killed: each 200 is in the registry and in DNS."""
    acknowledged, stop = [], threading.Event()

    def client(n):
        k = 0
        while not stop.is_set():
            k += 1
            id = f"c{n}-{k}"
            try:
                answer = server_http(server, {"Name": "load", "ID": id, "Address": f"10.9.{n}.{k % 250}", "Port": k})
            except (OSError, ValueError, svc.http.client.HTTPException):
                time.sleep(0.005)
                continue
            if answer == 200:
                acknowledged.append(id)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for _ in range(4):
        before = len(acknowledged)
        svc.wait_until(lambda before=before: len(acknowledged) > before + 20, "some registrations")
        old = server.signal("sidecar", signal.SIGKILL)
        svc.wait_until(lambda old=old: server.children().get("sidecar", old) != old, "another sidecar")
    stop.set()
    for t in threads:
        t.join()
    server.wait_ready()
    stored = server.get("/v1/agent/services")
    assert set(acknowledged) <= set(stored)
    shown = {target.split(".")[0] for *_, target in server.retry("load.service.local", "SRV").srv()}
    assert set(acknowledged) <= shown


def server_http(server, body):
    connection = server.connect_http(timeout=5)
    try:
        connection.request("PUT", "/v1/agent/service/register", json.dumps(body))
        reply = connection.getresponse()
        reply.read()
        return reply.status
    finally:
        connection.close()


@pytest.mark.parametrize("binary", ["sanitized", "release"])
def test_kill_dns_with_10000_instances(tmp_path, binary):
    """Queries wait in the socket and get the right answer; the view is whole again; then everything is killed.
    A sanitized build may need more than a second for its load, a release not: of the processor, which the machine may have
    given to others."""
    if binary == "release" and not svc.RELEASE.exists():
        pytest.skip("build/release is not there")
    with svc.Server(tmp_path, binary=svc.RELEASE if binary == "release" else svc.BINARY) as server:
        kill_dns_with_10000_instances(server)
        assert binary == "sanitized" or cpu_seconds(server.pid("dns")) < 1


def kill_dns_with_10000_instances(server):
    bulk_register(server)
    right = (0, tuple(expected(7)))
    with Prober(server, "s7.service.local") as prober:
        for _ in range(3):
            old = server.signal("dns", signal.SIGKILL)
            svc.wait_until(lambda old=old: server.children().get("dns", old) != old, "another dns")
            after = len(prober.answers)
            svc.wait_until(lambda after=after: prober.answers[after:].count(right) > 20, "right answers again")
    assert not prober.errors, "a query was refused or lost"
    assert set(prober.answers) == {right}
    for n in (0, 1, 499, 999):
        assert addresses(server, n) == expected(n)
    server.kill()
    server.start()
    for n in (0, 1, 499, 999):
        assert addresses(server, n) == expected(n)
    assert server.metric("svcdns_view_instances") == INSTANCES


def test_a_load_of_more_than_a_second_is_servfail_with_ede_14(tmp_path):
    """dns alone, held up by a registry that cannot be read yet: SERVFAIL and EDE 14, never NXDOMAIN."""
    (tmp_path / "registry.db").write_bytes(b"this is no database" * 100)
    server = svc.Server(tmp_path, {"dns.load_patience": "200ms"})
    server.start(ready=False)
    try:
        svc.wait_until(lambda: "dns" in server.children(), "the dns process")
        reply = server.ask("web.service.local", "A")
        assert reply.rcode == 2
        assert reply.ede()[0][0] == 14
        assert server.ask("example.com", "A").rcode == 5
    finally:
        server.stop()
    assert (tmp_path / "registry.db").read_bytes() == b"this is no database" * 100
    assert "sidecar cannot start" in server.log()


def test_kill_of_the_supervisor_ends_all(tmp_path):
    server = svc.Server(tmp_path).start()
    server.register("web", id="w1", address="10.0.0.1", port=80)
    server.kill()  # waits for the children to end
    with server:
        assert server.ask("web.service.local").addresses() == ["10.0.0.1"]


def run(server, config=None):
    """Starts a second server and returns (status, output)."""
    other = svc.Server(server.directory / "other", config)
    done = subprocess.run(other.arguments(), capture_output=True, text=True, timeout=svc.PATIENCE, cwd=server.directory)
    return done.returncode, done.stdout + done.stderr


def test_second_server_on_the_same_registry(server):
    status, output = run(server, {"registry.path": server.config["registry.path"]})
    assert status == 1
    assert f"is held by another svcdnsd with pid {server.process.pid}" in output


@pytest.mark.parametrize("key", ["dns.listen", "http.listen"])
def test_second_server_on_the_same_address(server, key):
    status, output = run(server, {key: server.config[key]})
    assert status == 1
    assert "cannot listen on" in output and "is another server running there?" in output
    server.register("web", id="w1", address="10.0.0.1", port=80)
    assert server.ask("web.service.local").addresses() == ["10.0.0.1"]


def test_udp_only_holder_of_the_address_is_noticed(tmp_path):
    """Somebody's UDP socket with SO_REUSEPORT: sharing the port with it would lose half of the queries."""
    server = svc.Server(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", server.port))
        done = subprocess.run(server.arguments(), capture_output=True, text=True, timeout=svc.PATIENCE)
    assert done.returncode == 1
    assert f"cannot listen on UDP 127.0.0.1:{server.port}" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_clean_end(tmp_path, number):
    server = svc.Server(tmp_path).start()
    server.register("web", id="w1", address="10.0.0.1", port=80)
    children = server.children()
    server.process.send_signal(number)
    assert server.process.wait(svc.PATIENCE) == 0
    assert all(not os.path.exists(f"/proc/{pid}") for pid in children.values())
    server.process = None
    server.check_log()
    with server:
        assert server.ask("web.service.local").addresses() == ["10.0.0.1"]


ZONE = """$ORIGIN service.local.
$TTL 5
@ IN SOA ns1 hostmaster 1 3600 600 86400 5
@ IN NS ns1
ns1 IN A 127.0.0.1
fixed IN A {}
"""


def test_reload(tmp_path):
    """SIGHUP reads config and zone file again; the listeners stay and no query is lost."""
    config = tmp_path / "svcdns.conf"
    config.write_text("[dns]\nnsid = one\n")
    server = svc.Server(tmp_path, zone=ZONE.format("10.0.0.1"))
    argv = server.arguments
    server.arguments = lambda: argv() + [f"--config={config}"]
    with server:
        pids = server.children()
        with Prober(server, "fixed.service.local") as prober:
            assert nsid(server) == b"one"
            config.write_text("[dns]\nnsid = two\nworkers = 3\n")
            (tmp_path / "test.zone").write_text(ZONE.format("10.0.0.2"))
            server.signal("supervisor", signal.SIGHUP)
            svc.wait_until(lambda: server.ask("fixed.service.local").addresses() == ["10.0.0.2"], "the new zone")
            svc.wait_until(lambda: nsid(server) == b"two", "the new identity")
            # An error leaves everything as it was, and is told with file, line and key.
            config.write_text("[dns]\nnsid = three\nworkerz = 3\n")
            server.signal("supervisor", signal.SIGHUP)
            svc.wait_until(lambda: "workerz" in server.log(), "the error is told")
            config.write_text("[dns]\nnsid = three\n")
            (tmp_path / "test.zone").write_text(ZONE.format("10.0.0.3") + "*.x IN A 10.0.0.9\n")
            server.signal("supervisor", signal.SIGHUP)
            svc.wait_until(lambda: "test.zone:7" in server.log(), "the zone file's error is told")
        assert f"{config}:3: dns.workerz: there is no such key" in server.log()
        assert nsid(server) == b"two"
        assert server.ask("fixed.service.local").addresses() == ["10.0.0.2"]
        assert server.children() == pids
    assert not prober.errors
    assert {rcode for rcode, _ in prober.answers} == {0}
    assert "needs_restart=dns.workers" in server.log()


def nsid(server):
    reply = server.ask("service.local", "SOA", options=packets.option(3))
    return next(iter(reply.opt.values(3)), None)


def test_receive_buffer_is_logged(server):
    assert "receive_buffer_asked=4194304" in server.log()
    assert "receive_buffer_granted=" in server.log()


def test_crash_loop_backs_off_and_ends_cleanly(tmp_path):
    """A registry that cannot be opened: the sidecar is tried again with growing pauses, one line each."""
    (tmp_path / "registry.db").write_bytes(b"x" * 8192)
    server = svc.Server(tmp_path)
    server.start(ready=False)
    svc.wait_until(lambda: server.log().count("process died") >= 3, "three attempts")
    server.stop()
    starts = [line for line in server.log().splitlines() if "process died" in line and "sidecar" in line]
    assert len(starts) == len(set(starts)) >= 3


def test_greeting(server):
    svc.wait_until(lambda: "curl -X PUT" in server.log(), "the greeting")
    log = server.log()
    assert f"registry in {server.config['registry.path']}" in log
    for line in ("curl -X PUT", "dig @127.0.0.1", "/v1/health/service/web?pretty"):
        assert line in log


def test_a_log_that_nobody_reads_blocks_nothing(tmp_path):
    """stdout and stderr are one pipe that is full from the start: all goes on, through kills and a reload."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, F_SETPIPE_SZ, 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    config = {"process.stall_timeout": "2s"}
    with svc.Server(tmp_path, config, wrapper=["sh", "-c", f'exec "$@" >{fifo} 2>&1', "sh"]) as server:
        for n in range(3):
            server.register("web", id=f"w{n}", address=f"10.0.0.{n}", port=80)
            assert server.ask("web.service.local").rcode == 0
            for role in ("dns", "sidecar"):
                old = server.signal(role, signal.SIGKILL)
                svc.wait_until(lambda role=role, old=old: server.children().get(role, old) != old, f"another {role}")
            server.wait_ready()
            server.signal("supervisor", signal.SIGHUP)
            os.read(reader, 2000)  # room for some lines only
        assert server.ask("web.service.local").addresses() == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
        svc.wait_until(lambda: server.metric("svcdns_log_dropped_total") > 0, "lost lines are counted")
    os.close(reader)
    os.close(writer)


F_SETPIPE_SZ = 1031


def test_closed_standard_descriptors_are_not_reused(tmp_path):
    """Started with stdin, stdout and stderr closed: no socket and no database may get their numbers."""
    with svc.Server(tmp_path, wrapper=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]) as server:
        server.register("web", id="w1", address="10.0.0.1", port=80)
        assert server.ask("web.service.local").addresses() == ["10.0.0.1"]
        for role in ("supervisor", "dns", "sidecar"):
            for fd in range(3):
                assert os.readlink(f"/proc/{server.pid(role)}/fd/{fd}") == "/dev/null"


def end_in_time(server):
    """SIGTERM; the end must be each process's own: after 5 s the supervisor would kill it."""
    process = server.process
    process.send_signal(signal.SIGTERM)
    assert process.wait(svc.PATIENCE) == 0
    server.check_log()
    assert server.log().count('msg="process ended"') == server.log().count('how="exit status 0"') == 2, server.log()


def test_end_under_load_with_parked_queries(server):
    """SIGTERM while queries are parked and others come all the time."""
    server.register("web", id="w1", address="10.0.0.1", port=80)
    index = server.http("GET", "/v1/health/service/web").headers["X-Consul-Index"]
    waiting = [server.connect_http() for _ in range(100)]
    for connection in waiting:
        connection.request("GET", f"/v1/health/service/web?index={index}&wait=5m")
    svc.wait_until(lambda: server.metric("svcdns_api_parked") == len(waiting), "all are parked")
    stop = threading.Event()

    def load(n):
        k = 0
        while not stop.is_set():
            k += 1
            with contextlib.suppress(OSError, svc.http.client.HTTPException):
                server_http(server, {"Name": f"load{n}", "ID": f"l{n}-{k}", "Address": "10.9.0.1", "Port": 1})

    threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    with server.udp() as client, server.tcp() as idle:
        for n in range(1000):
            client.send(packets.query("web.service.local", 1, ident=n))
        idle.send(b"\0")
        end_in_time(server)
    stop.set()
    for thread in threads:
        thread.join()
    assert all(connection.getresponse().status == 200 for connection in waiting), "parked queries are answered"


def test_end_with_a_client_that_does_not_read(server):
    """A reply that its client does not take holds up the end for a moment only."""
    for n in range(8):
        server.register("web", id=f"w{n}", address="10.0.0.1", port=80, Tags=[f"{k:x>15000}" for k in range(60)])
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.http_port))
        client.sendall(b"GET /v1/agent/services HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.recv(100)
        end_in_time(server)


def test_out_of_descriptors(tmp_path):
    """More clients than descriptors: DNS over UDP goes on, no process spins or dies, and all is well afterwards."""
    config = {"dns.workers": "1"}
    with svc.Server(tmp_path, config, wrapper=["prlimit", "--nofile=64:64"]) as server:
        server.register("web", id="w1", address="10.0.0.1", port=80)
        server._drop_http()
        pids = server.children()
        clients = [socket.create_connection(("127.0.0.1", port)) for port in (server.http_port, server.port)
                   for _ in range(80)]
        used = {role: cpu_seconds(pid) for role, pid in pids.items()}
        for _ in range(100):
            assert server.ask("web.service.local").addresses() == ["10.0.0.1"]
            time.sleep(0.01)
        assert all(cpu_seconds(pid) - used[role] < 0.7 for role, pid in pids.items()), "a process spins"
        for client in clients:
            client.close()
        server.wait_ready()
        assert server.ask("web.service.local", tcp=True).addresses() == ["10.0.0.1"]
        assert server.children() == pids


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

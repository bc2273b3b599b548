"""HAProxy with doc/examples/haproxy.cfg: server-template on _web._tcp.service.local."""

import re
import socket
import time

import pytest

import examples
import metrics
import svc
from svc import wait_until

RESOLUTION_MAINTENANCE = 0x20  # srv_admin_state: no address from DNS
HOLD_OTHER = 5  # seconds; of the example


class Haproxy(examples.Daemon):
    """The example, and its stats socket."""

    def __init__(self, server, folder, **stated):
        self.port, self.socket = svc.free_port(kinds=(socket.SOCK_STREAM,)), f"{folder}/haproxy.sock"
        values = {"127.0.0.1:8600": f"127.0.0.1:{server.port}", "127.0.0.1:8080": f"127.0.0.1:{self.port}",
                  "/run/haproxy.sock": self.socket}
        pace = {"timeout resolve 1s": "timeout resolve 50ms", **stated}
        super().__init__(["haproxy", "-db", "-f", str(examples.adapted("haproxy.cfg", folder, values, pace))], folder)
        self.wait_listening(self.port)

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def servers(self):
        """The rows of `show servers state` that have an address: dicts by column."""
        lines = self.ask("show servers state web").splitlines()
        columns = lines[1].lstrip("# ").split()
        rows = [dict(zip(columns, line.split())) for line in lines[2:] if line]
        return [row for row in rows if not int(row["srv_admin_state"]) & RESOLUTION_MAINTENANCE]

    def weights(self):
        """{(address, port): weight} of what it would send requests to."""
        return {(row["srv_addr"], int(row["srv_port"])): int(row["srv_uweight"]) for row in self.servers()}

    def resolver(self, counter):
        return int(re.search(rf"^ *{counter}: *(\d+)", self.ask("show resolvers svcdns"), re.M).group(1))


def in_512_bytes(server):
    """HAProxy's default."""
    return {"accepted_payload_size 1232": ""}


def by_tcp(server):
    local = f"127.0.0.1:{server.port}"
    return {f"nameserver local {local}": f"nameserver local tcp@{local}", "accepted_payload_size 1232":
            "accepted_payload_size 65535", "web 20 ": "web 200 "}


@pytest.mark.parametrize("stated, instances, expected", [
    (lambda server: {}, 12, 12),
    (in_512_bytes, 12, 10),  # 10 of them fit, and no glue: always the same 10
    (by_tcp, 200, 200),  # some 13 kB
], ids=["1232", "512", "tcp"])
def test_many_instances_do_not_flap(server, tmp_path, stated, instances, expected):
    for i in range(1, instances + 1):
        server.register("web", id=f"web-{i}", address=f"10.0.0.{i}", port=8000 + i)
    everything = {(f"10.0.0.{i}", 8000 + i): 1 for i in range(1, instances + 1)}
    queries_in_a_poll = 1 if expected == instances else 1 + expected  # without glue it asks for each address
    patient = {"timeout retry 1s": f"timeout retry {svc.PATIENCE:.0f}s"}  # a busy machine is slow
    with Haproxy(server, tmp_path, **patient, **stated(server)) as haproxy:

        def wait_polls(count, during=lambda: None):
            polls = haproxy.resolver("sent") + count * queries_in_a_poll
            wait_until(lambda: (during(), haproxy.resolver("sent") >= polls)[1], f"{count} polls", interval=0.02)

        def same():
            assert {row["srv_name"]: row["srv_addr"] for row in haproxy.servers()} == names

        first = wait_until(lambda: len(haproxy.weights()) >= expected and haproxy.weights(), f"{expected} servers are up")
        assert len(first) == expected and first.items() <= everything.items()
        names = {row["srv_name"]: row["srv_addr"] for row in haproxy.servers()}
        wait_polls(2)  # it has said what it did before
        said = haproxy.log.read_text()
        assert "web/web1" in said
        wait_polls(30, same)
        assert haproxy.log.read_text() == said, "it tells of each change of a server"
        for bad in ("nx", "timeout", "refused", "invalid", "too_big", "outdated"):
            assert haproxy.resolver(bad) == 0, bad
        asked = {s.labels["type"] for s in metrics.series(server.http("GET", "/metrics").text)
                 if s.name == "svcdns_dns_requests_total" and s.value > 0}
        assert asked == ({"SRV"} if expected == instances else {"SRV", "A"}), "the addresses come with the SRV records"
        # One more poll says so when one goes, and when another comes.
        gone = next(iter(names.values()))
        server.deregister("web-" + gone.rsplit(".", 1)[1])
        wait_until(lambda: gone not in {address for address, _ in haproxy.weights()}, f"{gone} is gone")
        server.register("web", id="web-254", address="10.0.0.254", port=1)
        wait_until(lambda: len(haproxy.weights()) == expected, "as many as before")


def test_follows_registrations_and_deaths(server, tmp_path):
    """Real programs behind it; no request fails while one of them lives."""
    port = svc.free_port(("127.0.0.2", "127.0.0.3"), (socket.SOCK_STREAM,))
    with Haproxy(server, tmp_path) as haproxy:
        assert examples.fetch(haproxy.port)[0] == 503

        def answering():
            status, name = examples.fetch(haproxy.port)
            assert status == 200
            return name

        with examples.Backend(server, tmp_path, "127.0.0.2", port) as first:
            wait_until(lambda: examples.fetch(haproxy.port) == (200, first.name), "it is found")
            with examples.Backend(server, tmp_path, "127.0.0.3", port) as second:
                wait_until(lambda: {answering(), answering()} == {first.name, second.name}, "both answer")
                second.kill()
                wait_until(lambda: answering() == first.name and len(haproxy.weights()) == 1, "the dead one is left out")
                assert {answering() for _ in range(10)} == {first.name}
            first.kill()
            wait_until(lambda: haproxy.weights() == {}, "none is left")
        assert examples.fetch(haproxy.port)[0] == 503


def registered(server, count):
    for i in range(1, count + 1):
        server.register("web", id=f"web-{i}", address=f"127.0.0.{i}", port=8000)


def test_servfail_takes_nothing_out(server, tmp_path):
    """svcdns answers so for some seconds while it loads a large registry. Here somebody between the two does."""
    registered(server, 3)
    between = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    between.bind(("127.0.0.1", svc.free_port()))
    between.settimeout(svc.PATIENCE)
    elsewhere = {f"nameserver local 127.0.0.1:{server.port}": "nameserver local 127.0.0.1:%d" % between.getsockname()[1]}
    with between, Haproxy(server, tmp_path, **elsewhere) as haproxy:

        def all_up():
            """Passes a query on; when, if that is enough."""
            query, client = between.recvfrom(4096)
            now = time.monotonic()
            between.sendto(server.exchange(query), client)
            return len(haproxy.weights()) == 3 and now

        good, answered = wait_until(all_up, "all are up"), 0
        while answered < 2 or time.monotonic() - good < HOLD_OTHER - 2:
            query, client = between.recvfrom(4096)
            between.sendto(query[:2] + b"\x81\x02" + query[4:], client)
            answered += 1
            assert len(haproxy.weights()) == 3 or time.monotonic() - good > HOLD_OTHER


@pytest.mark.long  # 30 s, by HAProxy's own clock
def test_all_stay_while_svcdns_is_down(server, tmp_path):
    port = svc.free_port(("127.0.0.2", "127.0.0.3"), (socket.SOCK_STREAM,))
    with examples.Backend(server, tmp_path, "127.0.0.2", port), examples.Backend(server, tmp_path, "127.0.0.3", port), \
            Haproxy(server, tmp_path) as haproxy:
        wait_until(lambda: len(haproxy.weights()) == 2, "both are up")
        server.kill()
        start = time.monotonic()

        def over():
            assert len(haproxy.weights()) == 2
            return time.monotonic() - start > 35

        wait_until(over, "its 30 s are over", 60, 0.5)
        assert examples.fetch(haproxy.port)[0] == 200
        server.start()
        server.deregister("i2")
        wait_until(lambda: len(haproxy.weights()) == 1, "it follows again")


def test_weights(server, tmp_path):
    """HAProxy makes (weight + 255) / 256 of a weight in DNS, 256 at most."""
    weights = {1: 1, 256: 1, 512: 2, 25600: 100, 65535: 256}
    for i, weight in enumerate(weights):
        server.register("web", id=f"w{i}", address=f"10.0.0.{i}", port=80, Weights={"Passing": weight, "Warning": 1})
    expected = {(f"10.0.0.{i}", 80): scaled for i, scaled in enumerate(weights.values())}
    with Haproxy(server, tmp_path) as haproxy:
        wait_until(lambda: haproxy.weights() == expected, "the weights are there")
        server.register("web", id="w0", address="10.0.0.0", port=80, Weights={"Passing": 1024, "Warning": 1})
        wait_until(lambda: haproxy.weights()["10.0.0.0", 80] == 4, "a new weight is followed")

"""The health-check thread against real targets: an instance leaves DNS when it dies, comes back, and goes for good.

Times are short here; the rules at their exact times are in tests/scenario, with a clock turned by hand."""

import http.server
import itertools
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
from concurrent import futures

import pytest

import strict
import svc
from svc import wait_until

WEB = "web.service.local"


@pytest.fixture
def server(start_server):
    """A check that had the interval or the timeout of none that names its own would be waited for in vain."""
    return start_server(**{"check.interval_default": "24h", "check.timeout_default": "24h"})


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        backend = self.server.backend
        size = int(self.headers.get("Content-Length", 0))
        backend.requests.append((self.command, self.path, dict(self.headers.items()), self.rfile.read(size)))
        self.send_response(backend.status)
        for name, value in backend.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(backend.body)))
        self.end_headers()
        self.wfile.write(backend.body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Backend:
    """An HTTP server whose health the test decides, and which remembers who came."""

    def __init__(self, status=200, body=b"fine", headers=(), context=None):
        self.status, self.body, self.headers, self.requests = status, body, headers, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.backend = self
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # TLS handshakes that the client gives up
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_port
        self.scheme = "https" if context else "http"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path="/"):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


class Listener:
    """A TCP port that takes connections by its backlog, and says nothing."""

    def __init__(self, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Not port 0: the kernel would take back a port that it chose itself when close() ends the listening.
        self.port = svc.free_port((host,), (socket.SOCK_STREAM,))
        self.socket.bind((host, self.port))
        self.socket.listen(1000)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def close(self):
        """Nobody listens any more, and the port stays ours, so that nobody else will."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def reopen(self):
        self.socket.listen(1000)


def count(server, name=WEB):
    reply = server.ask(name, "SRV")
    assert reply.rcode in (strict.NOERROR, strict.NXDOMAIN)
    return len(reply.srv())


def wait_count(server, number, what):
    wait_until(lambda: count(server) == number, what)


def check(server, service="web"):
    """The one check of a service, as the API shows it."""
    (found,) = server.get(f"/v1/health/checks/{service}")
    return found


def changes(server, id="service:web"):
    """What the log says of a check: (from, to)."""
    lines = [line for line in server.log().splitlines() if 'msg="check changed"' in line and f"check={id} " in line]
    words = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
    return [(word["from"], word["to"]) for word in words]


def test_tcp_leaves_dns_when_it_dies_and_the_registry_when_it_stays_away(server):
    with Listener() as listener:
        target = f"127.0.0.1:{listener.port}"
        definition = {"TCP": target, "Interval": "1s", "Timeout": "1s", "DeregisterCriticalServiceAfter": "2s"}
        server.register("web", port=listener.port, Check=definition)
        wait_count(server, 1, "the first probe, which starts at once, has passed")
        assert check(server)["Status"] == "passing"
        assert check(server)["Output"] == f"TCP connect {target}: Success"

        died = time.monotonic()
        listener.close()
        wait_count(server, 0, "it has left within interval and timeout")
        reply = server.ask(WEB, "SRV")
        assert reply.rcode == strict.NOERROR and reply.ede()[0][1] == "web: 0 of 1 healthy"
        assert check(server)["Output"] == f"dial tcp {target}: connect: connection refused"

        wait_until(lambda: "web" not in server.get("/v1/agent/services"), "it is deregistered")
        assert time.monotonic() - died >= 2, "before its two seconds were over"
        assert server.ask(WEB, "SRV").rcode == strict.NXDOMAIN
        with sqlite3.connect(f"file:{server.config['registry.path']}?mode=ro", uri=True) as db:
            assert db.execute("SELECT count(*) FROM instance").fetchone() == (0,)
            assert db.execute("SELECT count(*) FROM checks").fetchone() == (0,)
        wait_until(lambda: server.metric("svcdns_check_deregistered_total") == 1, "it is counted")


def test_tcp_comes_back_and_each_change_is_logged_once(server):
    with Listener() as listener:
        server.register("web", port=listener.port, Check={"TCP": f"localhost:{listener.port}", "Interval": "1s"})
        wait_count(server, 1, "up")
        listener.close()
        wait_count(server, 0, "down")
        time.sleep(1.5)  # more results of the same kind say nothing new
        listener.reopen()
        wait_count(server, 1, "up again")
        wait_until(lambda: len(changes(server)) >= 3, "the log has it all")
    assert changes(server)[:3] == [("waiting", "passing"), ("passing", "critical"), ("critical", "passing")]


@pytest.mark.ipv6
@pytest.mark.parametrize("form", ["[::1]:%d", "::1:%d"])
def test_tcp_over_ipv6(server, form):
    with Listener("::1") as listener:
        server.register("web", address="::1", port=listener.port, Check={"TCP": form % listener.port, "Interval": "1s"})
        wait_count(server, 1, "up")
        assert server.ask(WEB, "AAAA").addresses() == ["::1"]


@pytest.mark.parametrize(
    "status, verdict, text",
    [(200, "passing", "200 OK"), (204, "passing", "204 No Content"), (429, "warning", "429 Too Many Requests"),
     (500, "critical", "500 Internal Server Error"), (301, "critical", "301 Moved Permanently")],
)
def test_http_status(server, status, verdict, text):
    with Backend(status, b"" if status == 204 else b"hello") as backend:
        server.register("web", port=backend.port, Check={"HTTP": backend.url("/ping"), "Interval": "1s"})
        wait_until(lambda: check(server)["Output"], "a first result")
        found = check(server)
        assert found["Status"] == verdict
        assert found["Output"].startswith(f"HTTP GET {backend.url('/ping')}: {text} Output: ")
        assert count(server) == (0 if verdict == "critical" else 1)


def test_http_changes_with_its_target(server):
    with Backend() as backend:
        server.register("web", port=backend.port, Check={"HTTP": backend.url(), "Interval": "1s"})
        for status, verdict in ((200, "passing"), (429, "warning"), (500, "critical"), (200, "passing")):
            backend.status = status
            wait_until(lambda: check(server)["Status"] == verdict, f"{status} makes it {verdict}")
            assert count(server) == (0 if verdict == "critical" else 1)


def test_http_sends_what_the_definition_says(server):
    with Backend() as backend:
        definition = {"HTTP": backend.url("/deep?x=1"), "Method": "POST", "Interval": "1s", "Body": '{"ping": true}',
                      "Header": {"X-Probe": ["one", "two"], "Host": ["web.example"]}}
        server.register("web", port=backend.port, Check=definition)
        wait_count(server, 1, "up")
        method, path, headers, body = backend.requests[0]
        assert (method, path, body) == ("POST", "/deep?x=1", b'{"ping": true}')
        assert headers["Host"] == "web.example"
        assert headers["Accept"] == "text/plain, text/*, */*"
        assert headers["User-Agent"].startswith("svcdns/")


def test_redirects_are_not_followed(server):
    with Backend() as victim, Backend(302, headers=[("Location", victim.url("/secret"))]) as backend:
        server.register("web", port=backend.port, Check={"HTTP": backend.url(), "Interval": "1s"})
        wait_until(lambda: len(backend.requests) >= 2 and check(server)["Output"], "two probes, and a result")
        assert check(server)["Status"] == "critical"
        assert "302 Found" in check(server)["Output"]
        assert victim.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for the name peer.test, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=peer.test", "-addext", "subjectAltName=DNS:peer.test", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )
    return cert, key


def test_https(start_server, certificate):
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = start_server()
    with Backend(context=context) as backend:
        base = {"HTTP": backend.url(), "Interval": "1s"}
        server.register("web", port=backend.port, Check=base)
        server.register("skip", port=backend.port, Check={**base, "TLSSkipVerify": True})
        wait_until(lambda: check(server)["Output"] and check(server, "skip")["Output"], "first results")
        assert check(server)["Status"] == "critical"
        assert "certificate" in check(server)["Output"]
        assert check(server, "skip")["Status"] == "passing"
        assert count(server) == 0 and count(server, "skip.service.local") == 1


def test_https_names_the_server_that_the_definition_names(server, certificate):
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    names = []
    context.sni_callback = lambda _, name, __: names.append(name)
    with Backend(context=context) as backend:
        definition = {"HTTP": backend.url(), "Interval": "1s", "TLSSkipVerify": True, "TLSServerName": "peer.test"}
        server.register("web", port=backend.port, Check=definition)
        wait_count(server, 1, "up")
        assert names[0] == "peer.test"


def test_silent_targets_delay_nobody(server):
    with Listener() as silent, Backend() as backend:
        for i in range(30):
            definition = {"HTTP": f"http://127.0.0.1:{silent.port}/", "Interval": "1s", "Timeout": "10m"}
            server.register("silent", id=f"s{i}", port=1, Check=definition)
        assert server.ask("silent.service.local").ede()[0][1] == "silent: waiting for the first check"
        server.register("web", port=backend.port, Check={"HTTP": backend.url(), "Interval": "1s"})
        wait_count(server, 1, "a check beside thirty that hang")
        backend.status = 500
        wait_count(server, 0, "and again")


def test_a_silent_target_is_critical_at_its_timeout(server):
    with Listener() as silent:
        definition = {"HTTP": f"http://127.0.0.1:{silent.port}/", "Interval": "1s", "Timeout": "500ms"}
        server.register("web", port=1, Check=definition)
        wait_until(lambda: check(server)["Output"], "a result")
        assert check(server)["Status"] == "critical"
        assert "tim" in check(server)["Output"].lower()


def test_ttl(server):
    server.register("web", port=80, Check={"TTL": "5s"})
    reply = server.ask(WEB, "SRV")
    assert reply.rcode == strict.NOERROR and reply.srv() == []
    assert reply.ede()[0][1] == "web: waiting for the first check"
    server.check("pass", "service:web", "all good")
    assert count(server) == 1  # the very next query
    wait_count(server, 0, "its time ran out")
    wait_until(lambda: check(server)["Output"] == "TTL expired (last output before timeout follows): all good", "the reason")
    server.check("warn", "service:web", "so so")
    assert count(server) == 1 and check(server)["Status"] == "warning"
    server.check("fail", "service:web")
    assert count(server) == 0
    wait_until(lambda: len(changes(server)) == 4, "the log has it all")
    assert changes(server) == [
        ("waiting", "passing"), ("passing", "critical"), ("critical", "warning"), ("warning", "critical")]


def test_ttl_heartbeats_keep_it_in(server):
    server.register("web", port=80, Check={"TTL": "4s"})
    end = time.monotonic() + 5
    while time.monotonic() < end:
        server.check("pass", "service:web")
        assert count(server) == 1
        time.sleep(0.2)
    assert server.metric('svcdns_check_transitions_total{to="critical"}') == 0
    assert server.metric("svcdns_registry_commits_total") <= 5, "a heartbeat without news is no disk write"


def is_recorded_only(server):
    """True if the live table alone deals with a heartbeat that brings no news, as it does when it surely knows the
    check and nothing is under way."""
    before = server.metric('svcdns_registry_commands_total{op="set_status"}')
    server.check("pass", "service:web")
    return server.metric('svcdns_registry_commands_total{op="set_status"}') == before


def test_the_last_heartbeat_counts_while_another_is_being_written(server):
    server.register("web", port=80, Check={"TTL": "60s"})
    wait_until(lambda: is_recorded_only(server), "the check is known")

    def beat(pool, verdict, note):
        """Its reply, later; returns when it has been heard."""
        reply = pool.submit(server.http, "PUT", f"/v1/agent/check/{verdict}/service:web?note={note}", fresh=True)
        wait_until(lambda: check(server)["Output"] == note, f"{note} is heard")
        return reply

    def both(number):
        """False if the lock was held for too long, so that the failure was refused."""
        with futures.ThreadPoolExecutor() as pool:
            with server.locked():
                fail = beat(pool, "fail", f"ill{number}")
                beat_again = beat(pool, "pass", f"well{number}")
            return fail.result().status == 200 and beat_again.result().status == 200

    numbers = itertools.count()
    wait_until(lambda: both(next(numbers)), "both are stored")
    assert check(server)["Status"] == "passing"
    assert count(server) == 1
    wait_until(lambda: is_recorded_only(server), "nothing is under way any more")


def test_a_heartbeat_that_cannot_be_stored_is_not_under_way(server):
    server.register("web", port=80, Check={"TTL": "60s"})
    wait_until(lambda: is_recorded_only(server), "the check is known")
    with server.locked():
        assert server.http("PUT", "/v1/agent/check/fail/service:web").status == 503
    wait_until(lambda: is_recorded_only(server), "nothing is under way any more")
    assert check(server)["Status"] == "passing"


def test_ttl_is_deregistered_after_it_expired(server):
    server.register("web", port=80, Check={"TTL": "2s", "DeregisterCriticalServiceAfter": "1s"})
    start = time.monotonic()
    server.check("pass", "service:web")
    wait_until(lambda: "web" not in server.get("/v1/agent/services"), "it is deregistered")
    assert time.monotonic() - start >= 3
    assert server.ask(WEB).rcode == strict.NXDOMAIN


def test_a_stopped_sidecar_expires_nobody(start_server):
    server = start_server(**svc.MAY_STAND_STILL)
    server.register("web", port=80, Check={"TTL": "4s", "DeregisterCriticalServiceAfter": "1s"})
    server.check("pass", "service:web")
    time.sleep(0.5)
    pid = server.signal("sidecar", signal.SIGSTOP)
    time.sleep(4)
    server.signal("sidecar", signal.SIGCONT)
    end = time.monotonic() + 1.2  # without a word from the instance, which gets a whole TTL
    while time.monotonic() < end:
        assert count(server) == 1
        time.sleep(0.05)
    server.check("pass", "service:web")
    assert count(server) == 1
    assert server.pid("sidecar") == pid
    assert "did not run for a while" in server.log()
    assert changes(server) == [("waiting", "passing")]
    wait_until(lambda: "web" not in server.get("/v1/agent/services"), "silence counts again")


def test_a_new_sidecar_goes_on_with_what_is_stored(server):
    with Listener() as listener:
        definition = {"TCP": f"127.0.0.1:{listener.port}", "Interval": "2s"}
        server.register("web", port=listener.port, Check=definition)
        server.register("beat", port=80, Check={"TTL": "5s"})
        wait_count(server, 1, "up")
        server.check("pass", "service:beat")
        told = time.monotonic()
        time.sleep(3)
        old = server.signal("sidecar", signal.SIGKILL)
        wait_until(lambda: server.children().get("sidecar") not in (None, old), "a new sidecar")
        server.wait_ready()
        while time.monotonic() < told + 5.5:  # beyond the five seconds of the last heartbeat
            assert count(server, "beat.service.local") == 1
            time.sleep(0.1)
        listener.close()
        wait_count(server, 0, "its check was loaded and goes on")
        wait_until(lambda: count(server, "beat.service.local") == 0, "one full TTL, no more")


def test_reload_of_the_check_section(start_server, tmp_path):
    config = tmp_path / "svcdns.conf"
    config.write_text("[check]\ninterval_min = 30s\n")
    server = start_server(**{"config": str(config)})
    with Listener() as listener:
        server.register("web", port=listener.port, Check={"TCP": f"127.0.0.1:{listener.port}", "Interval": "1s"})
        wait_count(server, 1, "up")
        probes = server.metric("svcdns_check_probes_total")
        config.write_text("[check]\ninterval_min = 1s\n")
        server.signal("supervisor", signal.SIGHUP)
        wait_until(lambda: 'process=sidecar msg="config taken over"' in server.log(), "the sidecar has it")
        server.deregister("web")  # what is scheduled stays; what starts from now on has the new value
        server.register("web", port=listener.port, Check={"TCP": f"127.0.0.1:{listener.port}", "Interval": "1s"})
        wait_until(lambda: server.metric("svcdns_check_probes_total") >= probes + 3, "a probe each second")

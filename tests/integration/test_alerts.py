"""Each alert of doc/prometheus/svcdns-rules.yml by a real cause: a real Prometheus watches a real server to which it happens.

Windows are of seconds here, nothing has to last, and two thresholds are lower, so that no cause takes long."""

import contextlib
import re
import signal
import sqlite3
import threading

import pytest

import packets
import svc
from prometheus import RULES, Prometheus
from svc import wait_until

SOONER = [(r"for: \d+[sm]", "for: 0s"), (r"\[\d+m\]", "[20s]"), (r"behind_seconds > 5", "behind_seconds > 1"),
          (r"128 \* 1024 \* 1024", "1024 * 1024")]  # fmt: skip


def register(server, number=0):
    """A registration, whatever becomes of it."""
    return server.http("PUT", "/v1/agent/service/register", {"Name": "web", "ID": f"w{number}", "Port": number + 1}, fresh=True)


def down(server, fires):
    server.stop()
    fires()


def not_serving(server, fires):
    with server.without("dns"):
        fires()


def restarts(server, fires):
    def kill():
        old = server.signal("dns", signal.SIGKILL)
        wait_until(lambda: server.children().get("dns") not in (None, old), "it is started again")

    fires(kill)


def behind(server, fires):
    server.signal("dns", signal.SIGSTOP)
    register(server)
    fires()
    server.signal("dns", signal.SIGCONT)


def registry_fails(server, fires):
    def fail():
        with server.locked():
            assert register(server).status == 503

    fires(fail)


def servfail(server, fires):
    def ask():
        assert server.ask("elsewhere.example", flags=packets.RD).rcode == 2
        return True

    fires(ask)


def queries_lost(server, fires):
    query = packets.query("web.service.local", svc.qtype("A"), 1, 0, None, 1)
    with server.udp() as client:
        def flood():
            server.signal("dns", signal.SIGSTOP)
            for _ in range(500):
                client.send(query)
            server.signal("dns", signal.SIGCONT)
            client.exchange(query)

        fires(flood)


def limit_reached(server, fires):
    index = server.http("GET", "/v1/health/service/web").headers["X-Consul-Index"]
    path = f"/v1/health/service/web?index={index}"
    parked = server.connect_http()
    parked.request("GET", path)
    wait_until(lambda: server.metric("svcdns_api_parked") == 1, "a query is parked")
    fires(lambda: server.http("GET", path).status == 429)
    parked.close()


def instances_critical(server, fires):
    server.register("web", "w1", "10.0.0.1", 80)
    for n in range(2):
        server.register("db", f"d{n}", "10.0.0.1", 80, Check={"TTL": "1h"})
        server.check("fail", f"service:d{n}", "gone")
    fires()


def slow_commits(server, fires):
    """The sidecar is stopped in the middle of one; where it had not come so far, once more."""
    def stop():
        writing = threading.Thread(target=register, args=(server,))
        with server.locked():
            writing.start()
            writing.join(0.3)
            server.signal("sidecar", signal.SIGSTOP)
        writing.join(1.2)
        server.signal("sidecar", signal.SIGCONT)
        writing.join()

    fires(stop)


def log_grows(server, fires):
    with contextlib.closing(sqlite3.connect(server.config["registry.path"], isolation_level=None)) as database:
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        numbers = iter(range(100000))

        def write():
            server.register_many([{"Name": "web", "ID": f"w{next(numbers)}", "Meta": {"a": "x" * 500}} for _ in range(100)])

        fires(write)


CAUSES = {
    "SvcdnsDown": (down, {}),
    "SvcdnsDnsNotServing": (not_serving, {}),
    "SvcdnsRestarts": (restarts, {}),
    "SvcdnsViewBehind": (behind, {"http.publish_timeout": "100ms", **svc.MAY_STAND_STILL}),
    "SvcdnsRegistryFails": (registry_fails, {}),
    "SvcdnsServfail": (servfail, {"relay.upstream": "127.0.0.1:1", "relay.timeout": "100ms"}),
    "SvcdnsQueriesLost": (queries_lost, {"dns.receive_buffer": "4096", "dns.workers": "1", **svc.MAY_STAND_STILL}),
    "SvcdnsLimitReached": (limit_reached, {"http.parked": "1"}),
    "SvcdnsInstancesCritical": (instances_critical, {}),
    "SvcdnsSlowCommits": (slow_commits, svc.MAY_STAND_STILL),
    "SvcdnsLogGrows": (log_grows, {}),
}


def test_every_alert_has_a_cause():
    assert list(CAUSES) == re.findall(r"alert: (\w+)", RULES.read_text())


@pytest.mark.parametrize("alert", CAUSES)
def test_fires(start_server, tmp_path, alert):
    cause, config = CAUSES[alert]
    rules = RULES.read_text()
    for old, new in SOONER:
        assert re.search(old, rules), old
        rules = re.sub(old, new, rules)
    server = start_server(**config)
    with Prometheus(server, tmp_path / "prometheus", rules) as prometheus:
        def state():
            data = prometheus.get("rules", type="alert")
            rules = [rule for group in data["groups"] for rule in group["rules"]] if data else []
            return next((rule["state"] for rule in rules if rule["name"] == alert and rule["health"] == "ok"), None)

        def fires(meanwhile=lambda: None):
            wait_until(lambda: meanwhile() and False or state() == "firing", f"{alert} fires", interval=0.1)

        wait_until(lambda: prometheus.query('up{job="svcdns"} == 1') and state() == "inactive", "all is well")
        cause(server, fires)

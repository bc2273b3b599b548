"""Prometheus, as Debian has it: it reads doc/prometheus/, scrapes svcdns, and finds targets by /v1/sd/prometheus."""

import http.server
import json
import re
import threading

import pytest

import metrics
import svc
from prometheus import EXAMPLES, RULES, Prometheus, needs, promtool

NAMES = re.compile(r"\bsvcdns_[a-z_]+")


def test_config_and_rules_are_good():
    promtool("check", "config", EXAMPLES / "prometheus.yml")
    promtool("check", "rules", RULES)


def test_alerts():
    promtool("test", "rules", svc.ROOT / "tests/integration/svcdns-rules.test.yml")
    tested = (svc.ROOT / "tests/integration/svcdns-rules.test.yml").read_text()
    for alert in re.findall(r"alert: (\w+)", RULES.read_text()):
        assert tested.count(f"alertname: {alert}") >= 2, f"{alert}: a test that it fires, and one that it does not"


def test_names_in_rules_and_dashboard_exist(server):
    text = server.http("GET", "/metrics").text
    known = {series.name for series in metrics.series(text)}
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) > 20
    for what in (RULES.read_text(), *expressions, dashboard["templating"]["list"][1]["query"]):
        used = set(NAMES.findall(what))
        assert used and used <= known, used - known


# /v1/sd/prometheus


def targets(server, query=""):
    answer = server.http("GET", "/v1/sd/prometheus" + query)
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    return {group["labels"]["__meta_svcdns_instance"]: group for group in answer.json()}


def test_targets(server):
    server.register("web", id="w1", address="10.0.0.1", port=80, Tags=["v1", "metrics"], Meta={"a-b": "1", "a_b": "2"})
    server.register("web", id="w2", address="2001:db8::1", port=81, Check={"TTL": "1h"})
    server.register("db", id="d1", port=5432, Tags=["metrics"])
    server.register("db", id="none", address="10.0.0.9")
    found = targets(server)
    assert set(found) == {"w1", "w2", "d1"}, "what has no port cannot be scraped"
    assert found["w1"] == {"targets": ["10.0.0.1:80"], "labels": {
        "__meta_svcdns_service": "web", "__meta_svcdns_instance": "w1", "__meta_svcdns_node": "testnode",
        "__meta_svcdns_datacenter": "dc1", "__meta_svcdns_address": "10.0.0.1", "__meta_svcdns_port": "80",
        "__meta_svcdns_health": "passing", "__meta_svcdns_tags": ",v1,metrics,", "__meta_svcdns_meta_a_b": "1"}}
    assert found["w2"]["targets"] == ["[2001:db8::1]:81"]
    assert found["w2"]["labels"]["__meta_svcdns_health"] == "critical" and found["w2"]["labels"]["__meta_svcdns_tags"] == ","
    assert found["d1"]["targets"] == ["127.0.0.1:5432"], "the node's address"
    for query, ids in (("?tag=metrics", {"w1", "d1"}), ("?tag=METRICS&tag=v1", {"w1"}), ("?service=Web", {"w1", "w2"}),
                       ("?service=web&service=db", {"w1", "w2", "d1"}), ("?service=web&tag=metrics", {"w1"}),
                       ("?service=nobody", set()), ("?tag=nothing", set())):
        assert set(targets(server, query)) == ids, query
    server.deregister("w1")
    assert set(targets(server)) == {"w2", "d1"}


def test_a_list_that_is_too_long_is_refused(start_server):
    server = start_server(**{"http.sd_instances": 3})
    for i in range(3):
        server.register("web", id=f"w{i}", address="10.0.0.1", port=80)
    assert len(targets(server)) == 3
    server.register("db", id="d1", address="10.0.0.1", port=80, Tags=["metrics"])
    answer = server.http("GET", "/v1/sd/prometheus")
    assert (answer.status, answer.text) == (
        400, "more than 3 instances: ask for a service= or tag=, or raise http.sd_instances")
    assert set(targets(server, "?tag=metrics")) == {"d1"} and len(targets(server, "?service=web")) == 3
    assert server.http("GET", "/v1/sd/prometheus?service=web&service=db").status == 400


# The real thing


class Page(http.server.BaseHTTPRequestHandler):
    """A service with metrics: it says which path was asked."""

    def do_GET(self):
        body = f'asked_total{{path="{self.path}"}} 1\n'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def page():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield listener.server_address[1]
        listener.shutdown()
        thread.join()


def test_prometheus_scrapes_and_discovers(server, page, tmp_path):
    needs("prometheus")
    server.register("web", id="w1", address="127.0.0.1", port=page, Tags=["metrics"])
    server.register("web", id="w2", address="127.0.0.1", port=1, Tags=["metrics"],
                    Meta={"metrics-port": str(page), "metrics-path": "/stats"})
    server.register("db", id="untagged", address="127.0.0.1", port=page)
    server.ask("web.service.local")
    rules = re.sub(r"\[\d+m\]", "[20s]", RULES.read_text())  # one commit that the disk made slow is soon forgotten
    with Prometheus(server, tmp_path / "prometheus", rules) as prometheus:
        found = svc.wait_until(lambda: prometheus.query('asked_total{path="/stats"}'), "the service is scraped")
        assert found[0][0]["service"] == "web" and found[0][0]["instance"] == "w2" and found[0][0]["job"] == "services"
        svc.wait_until(lambda: prometheus.query('asked_total{path="/metrics",instance="w1"}'), "so is the other")
        assert not prometheus.query('up{instance="untagged"}')
        svc.wait_until(lambda: [v for _, v in prometheus.query('svcdns_dns_requests_total{type="A",proto="udp",family="1"}')]
                       == [1], "svcdns is scraped")
        # A new instance is found, one that is deregistered is forgotten.
        server.register("late", id="l1", address="127.0.0.1", port=page, Tags=["metrics"])
        svc.wait_until(lambda: prometheus.query('up{instance="l1"} == 1'), "a new instance is found")
        server.deregister("w1")
        svc.wait_until(lambda: not prometheus.query('up{instance="w1"}'), "a deregistered one is forgotten")
        # The rules are evaluated, and none of them is about to fire. On a busy machine a scrape may come too late.
        def states():
            data = prometheus.get("rules")
            return {(rule["health"], rule["state"]) for group in data["groups"] for rule in group["rules"]} if data else None

        svc.wait_until(lambda: states() == {("ok", "inactive")}, "the rules are evaluated, and all is well")

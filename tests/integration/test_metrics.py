"""/metrics: what promtool says of it, that the table and doc/metrics.md are what is served, and what is left while a process
is down."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import metrics
import svc

PAGE = (svc.ROOT / "doc/metrics.md").read_text(encoding="utf-8")


def text_of(server):
    answer = server.http("GET", "/metrics")
    assert answer.status == 200
    return answer.text


def use(server):
    """Something of everything: queries by both transports, checks that pass and warn, a refusal. Nothing goes on behind it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server.register("web", id="w1", address="127.0.0.1", port=port, Check={"TCP": f"127.0.0.1:{port}", "Interval": "24h"})
        server.register("ttl", id="t1", address="127.0.0.1", port=1, Check={"TTL": "1h"})
        server.check("warn", "service:t1")
        svc.wait_until(lambda: server.ask("web.service.local").answer, "the check has passed")
        svc.wait_until(lambda: server.metric('svcdns_checks{status="warning"}') == 1, "the health thread has heard of it too")
    server.ask("web.service.local", "SRV", tcp=True)
    server.ask("nobody.service.local", "TXT")
    assert server.http("PUT", "/v1/agent/service/register", {"Name": "-bad"}).status == 400


def listed():
    """{name: (type, labels, unit, home)} of doc/metrics.md."""
    rows = re.findall(r"^\| `(svcdns_\w+)` \| (\w+) \| ([^|]*) \| (\w*) \| ([^|]*) \| (.+) \|$", PAGE, re.M)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels)), unit, home) for name, kind, labels, unit, home, _ in rows}


def test_promtool_finds_nothing(server):
    if not shutil.which("promtool"):
        pytest.skip("promtool (Debian's prometheus) is not installed")
    use(server)
    done = subprocess.run(["promtool", "check", "metrics"], input=text_of(server), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_is_the_table():
    table = subprocess.run([svc.BINARY, "--print-metrics"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert table.count("\n") > 40 and table in PAGE, "replace the table in doc/metrics.md by what svcdnsd --print-metrics prints"


def test_what_is_listed_is_served(server):
    use(server)
    text, page = text_of(server), listed()
    assert metrics.families(text) == {name: kind for name, (kind, *_) in page.items()}
    for name, labels, _ in metrics.series(text):
        family = name if name in page else re.sub(r"_(bucket|sum|count)$", "", name)
        assert set(labels) - {"le"} == page[family][1], name
    for name, (kind, _, unit, _) in page.items():
        assert (kind == "counter") == name.endswith("_total") and name.removesuffix("_total").endswith(unit), name


def test_numbers(server):
    before = text_of(server)
    use(server)
    text = text_of(server)
    build = next(series.labels for series in metrics.series(text) if series.name == "svcdns_build_info")
    assert metrics.value(text, "svcdns_build_info") == 1
    assert build["version"] == server.get("/v1/agent/self")["Stats"]["svcdns"]["version"]
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?" if (svc.ROOT / ".git").exists() else "none", build["revision"])
    assert metrics.value(text, "svcdns_dns_requests_total", proto="tcp", family="1", type="SRV") == 1
    assert metrics.value(text, "svcdns_dns_requests_total", proto="udp", family="1", type="other") == 1
    assert metrics.value(text, "svcdns_dns_responses_total", rcode="NXDOMAIN") >= 1
    assert metrics.value(text, "svcdns_dns_response_size_bytes_count", proto="tcp") == 1
    assert metrics.value(text, "svcdns_registry_commands_total", op="put_instance") == 3
    assert metrics.value(text, "svcdns_registry_commands_total", op="set_status") >= 2
    assert metrics.value(text, "svcdns_registry_refused_total") == 1
    assert metrics.value(text, "svcdns_registry_changes_total") > metrics.value(before, "svcdns_registry_changes_total")
    assert metrics.value(text, "svcdns_check_duration_seconds_count", type="tcp") >= 1
    assert metrics.value(text, "svcdns_checks", status="warning") == 1
    commits = metrics.value(text, "svcdns_registry_commits_total")
    assert metrics.value(text, "svcdns_registry_commit_duration_seconds_count") == commits > 0
    assert metrics.value(text, "svcdns_registry_commit_duration_seconds_sum") > 0
    index = metrics.value(text, "svcdns_registry_index")
    assert metrics.value(text, "svcdns_view_index") == index
    svc.wait_until(lambda: server.metric('svcdns_zone_serial{zone="service.local"}') == index, "the serial follows the view")
    assert metrics.value(text, "svcdns_view_behind_seconds") == 0
    assert metrics.value(text, "svcdns_view_instances", status="warning") == 1
    assert metrics.value(text, "svcdns_view_publish_duration_seconds_count") >= 2
    assert 0 < metrics.value(text, "svcdns_view_publish_duration_seconds_sum") < 60
    assert abs(metrics.value(text, "svcdns_view_published_timestamp_seconds") - time.time()) < 600
    for op, code, count in (("register", "2xx", 2), ("register", "4xx", 1), ("heartbeat", "2xx", 1), ("read", "2xx", 0)):
        assert metrics.value(text, "svcdns_api_requests_total", op=op, code=code) == count, (op, code)

    def sizes():
        """Between the two looks a check may have been written."""
        text = text_of(server)
        return [(metrics.value(text, f"svcdns_registry_{name}_bytes"), os.stat(server.config["registry.path"] + end).st_size)
                for name, end in (("database", ""), ("wal", "-wal"))]

    svc.wait_until(lambda: all(shown == there > 0 for shown, there in sizes()), "the sizes are those of the files")

    def timed():
        server.ask("web.service.local")
        return metrics.value(text_of(server), "svcdns_dns_request_duration_seconds_count", proto="udp")

    svc.wait_until(timed, "some queries are timed")
    assert metrics.value(text_of(server), "svcdns_dns_request_duration_seconds_sum", proto="udp") > 0


def test_requests_by_what_they_do(start_server):
    server = start_server(**{"http.parked": 1, "http.connections": 2})

    def count(op, code):
        return metrics.value(text_of(server), "svcdns_api_requests_total", op=op, code=code)

    for method, path, op, code in (
            ("GET", "/v1/health/service/web", "read", "2xx"), ("GET", "/v1/agent/service/none", "read", "4xx"),
            ("PUT", "/v1/agent/check/pass/none", "heartbeat", "4xx"), ("PUT", "/v1/agent/service/deregister/none", "deregister", "4xx"),
            ("GET", "/", "page", "3xx"), ("GET", "/ui/", "page", "2xx"), ("GET", "/v1/agent/self", "status", "2xx"),
            ("PUT", "/v1/agent/reload", "operate", "2xx"), ("PUT", "/v1/agent/maintenance?enable=true", "maintenance", "2xx"),
            ("GET", "/nothing", "other", "4xx"), ("DELETE", "/v1/events", "events", "4xx")):
        before = count(op, code)
        server.http(method, path)
        assert count(op, code) == before + 1 + (op == "status"), path
    index = server.http("GET", "/v1/health/service/web").headers["X-Consul-Index"]
    with socket.create_connection(("127.0.0.1", server.http_port)) as parked:
        parked.sendall(f"GET /v1/health/service/web?index={index} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        svc.wait_until(lambda: server.metric("svcdns_api_parked") == 1, "a query is parked")
        assert server.http("GET", f"/v1/health/service/web?index={index}").status == 429
        assert count("read", "429") == 1
    svc.wait_until(lambda: server.metric("svcdns_api_parked") == 0, "its client has left")
    with socket.create_connection(("127.0.0.1", server.http_port)) as client:
        client.sendall(b"nonsense\r\n\r\n")
        while client.recv(4096):
            pass
    assert metrics.value(text_of(server), "svcdns_api_rejected_total", reason="malformed") == 1

    def turned_away():
        with socket.create_connection(("127.0.0.1", server.http_port), timeout=0.1) as client:
            try:
                return client.recv(4096).startswith(b"HTTP/1.1 429")
            except TimeoutError:
                return False

    with socket.create_connection(("127.0.0.1", server.http_port)) as first:
        first.sendall(b"GET /v1/even")
        with socket.create_connection(("127.0.0.1", server.http_port)) as second:
            second.sendall(b"GET /v1/even")
            svc.wait_until(turned_away, "one connection too many is turned away")

    def counted():
        answer = server.http("GET", "/metrics")
        return answer.status == 200 and metrics.value(answer.text, "svcdns_api_rejected_total", reason="connections") >= 1

    svc.wait_until(counted, "and counted")


@pytest.mark.ipv6
def test_address_family(server):
    server.ask("web.service.local", host="::1")
    server.ask("web.service.local", host="::1", tcp=True)
    text = text_of(server)
    assert metrics.value(text, "svcdns_dns_requests_total", proto="udp", family="2", type="A") == 1
    assert metrics.value(text, "svcdns_dns_requests_total", proto="tcp", family="2", type="A") == 1


def test_processes_and_their_restarts(server):
    text = text_of(server)
    starts = {s.labels["process"]: s.value for s in metrics.series(text) if s.name == "svcdns_process_start_time_seconds"}
    assert set(starts) == {"supervisor", "dns", "sidecar"} and min(starts.values()) == starts["supervisor"]
    use(server)
    answered = server.metric("svcdns_dns_responses_total")
    commits = server.metric("svcdns_registry_commits_total")
    for role in ("dns", "sidecar"):
        assert metrics.value(text_of(server), "svcdns_process_restarts_total", process=role) == 0
        old = server.signal(role, signal.SIGKILL)
        svc.wait_until(lambda role=role, old=old: server.children().get(role) not in (None, old), "it is started again")
        server.wait_ready()
        svc.wait_until(lambda role=role: server.metric(f'svcdns_process_restarts_total{{process="{role}"}}') == 1, "it is counted")
        text = text_of(server)
        assert metrics.value(text, "svcdns_process_start_time_seconds", process=role) > starts[role]
    # Totals never go back.
    assert server.metric("svcdns_dns_responses_total") >= answered
    assert server.metric("svcdns_registry_commits_total") >= commits


def test_what_processes_use(server):
    text = text_of(server)
    for role in ("supervisor", "dns", "sidecar"):
        pages = int(Path(f"/proc/{server.pid(role)}/statm").read_text().split()[1])
        resident = metrics.value(text, "svcdns_process_resident_memory_bytes", process=role)
        assert abs(resident - pages * resource.getpagesize()) < resident / 2, role
        assert metrics.value(text, "svcdns_process_cpu_seconds_total", process=role) < 60
    assert metrics.value(text, "svcdns_process_cpu_seconds_total", process="relay") is None

    def busy():
        server.get("/v1/agent/self")
        return metrics.value(text_of(server), "svcdns_process_cpu_seconds_total", process="sidecar") > 0.05

    svc.wait_until(busy, "the sidecar has used some time")


def test_the_relay_is_a_process_too(start_server):
    server = start_server(**{"relay.upstream": "127.0.0.1:1"})
    assert metrics.value(text_of(server), "svcdns_process_up", process="relay") == 1
    old = server.signal("relay", signal.SIGKILL)
    svc.wait_until(lambda: server.children().get("relay") not in (None, old), "it is started again")
    # The process may be seen before its parent has counted it.
    svc.wait_until(lambda: server.metric('svcdns_process_restarts_total{process="relay"}') == 1, "it is counted")
    assert server.metric('svcdns_process_restarts_total{process="dns"}') == 0


def test_while_dns_is_down(start_server):
    server = start_server()
    use(server)
    answered = server.metric("svcdns_dns_responses_total")
    with server.without("dns"):
        svc.wait_until(lambda: metrics.value(text_of(server), "svcdns_process_up", process="dns") == 0, "dns is down")
        text = text_of(server)
    assert metrics.value(text, "svcdns_process_up", process="sidecar") == 1
    assert metrics.value(text, "svcdns_view_ready") == 0
    # What it held is not known; what it counted is, and so is all of the sidecar.
    for name in ("svcdns_view_index", "svcdns_view_behind_seconds", "svcdns_view_names", "svcdns_zone_serial", "svcdns_dns_tcp_connections"):
        assert metrics.value(text, name) is None
    assert server.metric("svcdns_dns_responses_total") == answered
    assert metrics.value(text, "svcdns_registry_index") > 0 and metrics.value(text, "svcdns_checks", status="warning") == 1
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_view_that_is_behind(start_server):
    """While dns stands still (it is stopped, not dead), what it lacks is counted from its commit on."""
    server = start_server(**{"http.publish_timeout": "100ms"}, **svc.MAY_STAND_STILL)
    server.signal("dns", signal.SIGSTOP)
    try:
        server.register("web", id="w1", address="10.0.0.1", port=80)
        text = text_of(server)
        assert 0 < metrics.value(text, "svcdns_view_behind_seconds") < 600
        assert metrics.value(text, "svcdns_view_index") < metrics.value(text, "svcdns_registry_index")
    finally:
        server.signal("dns", signal.SIGCONT)
    svc.wait_until(lambda: metrics.value(text_of(server), "svcdns_view_behind_seconds") == 0, "it has caught up")


def test_zones(start_server):
    zone = "$ORIGIN other.example.\n@ 5 SOA ns admin 4000000000 60 60 60 5\n@ 5 NS ns\nns 5 A 127.0.0.1\n"
    server = start_server(zone=zone, **{"zone.name": "service.local,second.local"})

    def shown():
        """A little behind the view."""
        return {s.labels["zone"]: s.value for s in metrics.series(text_of(server)) if s.name == "svcdns_zone_serial"}

    serials = svc.wait_until(lambda: len(shown()) == 3 and shown(), "all zones are shown")
    assert set(serials) == {"service.local", "second.local", "other.example"}
    for name, serial in serials.items():
        assert server.ask(name, "SOA").answer[0].value[2] == serial


def test_strangers_make_no_series(server):
    """Whatever is asked and registered, the series are the same."""
    use(server)
    before = {(s.name, tuple(s.labels.items())) for s in metrics.series(text_of(server))}
    for i in range(20):
        server.register(f"svc-{i}", id=f"i-{i}", address="10.0.0.1", port=80, Tags=[f"t{i}"])
        server.ask(f"svc-{i}.service.local", 1000 + i)
        server.http("GET", f"/nothing/{i}")
        server.http("DELETE", f"/v1/agent/services?x={i}")
    assert {(s.name, tuple(s.labels.items())) for s in metrics.series(text_of(server))} == before

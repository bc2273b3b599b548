"""The log of a server that has much to tell: each line in both formats, what changed and why, and floods."""

import json
import re
import signal
import urllib.parse

import pytest

import svc
from svc import wait_until

PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')
HOSTILE = 'a "new"\nkernel \\ level=error \x1b[31m \x7f m\u00fcnchen \U0001f600'
TO_STDERR = ("sh", "-c", 'exec "$0" "$@" 2>>stderr')  # the greeting goes to stdout


def read_logfmt(line):
    """The pairs of a logfmt line; nothing may stand between them."""
    pairs, at = {}, 0
    while at < len(line):
        found = PAIR.match(line, at)
        assert found, f"no pair at {at}: {line!r}"
        key, value = found.groups()
        assert key not in pairs, f"{key} twice: {line!r}"
        pairs[key] = json.loads(re.sub(r"\\x(..)", r"\\u00\1", value)) if value.startswith('"') else value
        at = found.end()
    return pairs


def read_json(line):
    def once(pairs):
        assert len({key for key, _ in pairs}) == len(pairs), f"a key twice: {line!r}"
        return dict(pairs)

    return json.loads(line, object_pairs_hook=once)


READERS = {"logfmt": read_logfmt, "json": read_json}


def lines(server, form):
    """Every line of stderr so far, as pairs."""
    whole = (server.directory / "stderr").read_bytes().rpartition(b"\n")[0]
    return [READERS[form](line) for line in whole.decode().split("\n")]  # strictly


def told(server, form, message, **pairs):
    """The lines that say this."""
    wanted = {"msg": message, **pairs}
    return [line for line in lines(server, form) if wanted.items() <= line.items()]


def start(start_server, form, **config):
    """That a machine stood still for a while is told too, and is not what these tests are about."""
    return start_server(wrapper=TO_STDERR, **{"log.format": form, "check.stopped": "24h", **config})


def lead_a_busy_life(server, form):
    """All that the log tells of, each once."""
    ttl = {"CheckID": "c1", "TTL": "1h"}
    server.register("web", id="w1", port=80, Check=ttl)
    server.register("web", id="w1", port=81, Check=ttl)
    server.check("pass", "c1", HOSTILE)
    server.check("warn", "c1", "disk 90%")
    server.check("fail", "c1", "disk full")
    reason = urllib.parse.quote(HOSTILE)
    for path in ("/v1/agent/service/maintenance/w1", "/v1/agent/maintenance"):
        server.put(f"{path}?enable=true&reason={reason}")
        server.put(f"{path}?enable=false")
    server.deregister("w1")
    server.register("db", id='d "1"', port=1, Check={
        "CheckID": "c2", "TTL": "300ms", "DeregisterCriticalServiceAfter": "1s"})  # fmt: skip
    wait_until(lambda: told(server, form, "instance deregistered", service="db"), "it is reaped")
    server.put("/v1/catalog/register", {"Node": "n1", "Address": "10.0.0.9", "Service": {"Service": "mail", "Port": 25}})
    server.put("/v1/catalog/deregister", {"Node": "n1"})
    pid = server.signal("dns", signal.SIGKILL)
    wait_until(lambda: server.children().get("dns") not in (None, pid), "dns is back")
    wait_until(lambda: server.http("GET", "/readyz").status == 200, "it serves")
    server.signal("supervisor", signal.SIGHUP)
    wait_until(lambda: len(told(server, form, "config taken over")) == 2, "the reload")


def check_changes(server, form):
    """What changed, where, and why."""
    one = {"service": "web", "node": "testnode", "instance": "w1"}
    check = {**one, "check": "c1"}
    expected = [
        ("instance registered", one),
        ("instance registered anew", one),
        ("check changed", {**check, "from": "waiting", "to": "passing", "reason": HOSTILE, "level": "info"}),
        ("check changed", {**check, "from": "passing", "to": "warning", "reason": "disk 90%", "level": "warn"}),
        ("check changed", {**check, "from": "warning", "to": "critical", "reason": "disk full", "level": "warn"}),
        ("maintenance begun", {**one, "check": "_service_maintenance:w1", "reason": HOSTILE}),
        ("maintenance ended", {**one, "check": "_service_maintenance:w1"}),
        ("maintenance begun", {"node": "testnode", "check": "_node_maintenance", "reason": HOSTILE}),
        ("maintenance ended", {"node": "testnode", "check": "_node_maintenance"}),
        ("instance deregistered", one),
        ("check changed", {"service": "db", "instance": 'd "1"', "to": "critical"}),
        ("instance deregistered", {"service": "db", "reason": "check c2 was critical for longer than 1s"}),
        ("node registered", {"node": "n1", "reason": "catalog"}),
        ("instance registered", {"node": "n1", "service": "mail"}),
        ("instance deregistered", {"node": "n1", "service": "mail"}),
        ("node deregistered", {"node": "n1"}),
    ]
    for message, pairs in expected:
        wait_until(lambda: told(server, form, message, **pairs), f"{message} {pairs}")  # behind the reply
        assert len(told(server, form, message, **pairs)) == 1, f"{message} {pairs}"
    assert not told(server, form, "check registered")  # debug


def test_both_formats_say_the_same(start_server):
    shapes = {}
    for form in READERS:
        server = start(start_server, form)
        lead_a_busy_life(server, form)
        check_changes(server, form)
        server.stop()
        said = lines(server, form)
        assert {line["process"] for line in said} == {"supervisor", "dns", "sidecar"}
        for line in said:
            assert list(line)[:4] == ["time", "level", "process", "msg"]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        shapes[form] = {(line["process"], line["msg"], *line) for line in said}
    assert shapes["json"] == shapes["logfmt"]


@pytest.mark.parametrize("form", READERS)
def test_a_flood_is_limited_and_counted(start_server, form):
    server = start(start_server, form)
    number = 600
    # So many at once that one commit has more of them than may be told in a second.
    server.register_many([{"Name": "web", "ID": f"w{i}", "Port": 80} for i in range(number)], connections=150)

    def count():
        """Lines that came, and lines that are told to have been suppressed, by this message or the last resort."""
        came = told(server, form, "instance registered")
        late = told(server, form, "lines suppressed", of="instance registered")
        return len(came), sum(int(line.get("suppressed", 0)) for line in came + late)

    wait_until(lambda: sum(count()) == number, "every line has come or was counted")
    came, suppressed = count()
    assert came < number and suppressed > 0
    # The limit is of one kind of change: another is told at once.
    server.deregister("w1")
    wait_until(lambda: told(server, form, "instance deregistered"), "it is told")


def test_a_reload_changes_level_and_format(start_server, tmp_path):
    config = tmp_path / "svcdns.conf"
    config.write_text("[log]\nformat = logfmt\n")
    server = svc.Server(tmp_path / "own", wrapper=TO_STDERR)
    arguments = server.arguments
    server.arguments = lambda: arguments() + [f"--config={config}"]
    with server:
        server.register("web", id="old", port=80)
        config.write_text("[log]\nformat = json\nlevel = debug\n")
        assert server.http("PUT", "/v1/agent/reload").status == 200

        def last():
            text = (server.directory / "stderr").read_text().splitlines()
            return [read_json(line) for line in text if line.startswith("{")]

        wait_until(lambda: {line["process"] for line in last() if line["msg"] in ("config read", "config taken over")}
                   == {"supervisor", "dns", "sidecar"}, "all three have it")  # fmt: skip
        server.register("web", id="new", port=80, Check={"TTL": "1h"})
        wait_until(lambda: [line for line in last() if line["msg"] == "check registered"], "debug is told")
        config.write_text("[log]\nformat = xml\n")
        refused = server.http("PUT", "/v1/agent/reload")
        assert refused.status == 400 and "log.format: 'xml' is neither logfmt nor json" in refused.text, refused

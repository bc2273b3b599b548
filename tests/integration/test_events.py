"""/v1/events against the real server: what comes, in which order with DNS, how one resumes, and what is refused."""

import http.client
import json
import time

import pytest

import svc


class Stream:
    """One event stream; reading waits for what must come."""

    def __init__(self, server, query="", headers=None):
        self.connection = server.connect_http()
        self.connection.request("GET", "/v1/events" + query, headers=headers or {})
        self.reply = self.connection.getresponse()
        self.id = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.reply.close()
        self.connection.close()

    def block(self):
        """The lines up to the next empty one, as (field, value) pairs."""
        fields = []
        while True:
            line = self.reply.readline().decode()
            assert line.endswith("\n"), "the stream has ended"
            if line == "\n":
                return fields
            fields.append(tuple(line[:-1].split(": ", 1)) if ": " in line else (line[:-1], ""))

    def event(self):
        """The next event as (type, data); comments and ids alone are passed over, but not for ever."""
        end = time.monotonic() + svc.PATIENCE
        while True:
            assert time.monotonic() < end, "nothing but heartbeats"
            fields = dict(self.block())
            self.id = fields.get("id", self.id)
            if "data" in fields:
                return fields.get("event", "message"), json.loads(fields["data"])

    def until(self, wanted):
        """Events up to the first one that `wanted` accepts."""
        seen = []
        while not seen or not wanted(seen[-1]):
            seen.append(self.event()[1])
        return seen


def wait_open(server, count):
    svc.wait_until(lambda: server.metric("svcdns_api_streams") == count, f"{count} streams are open")


def test_life_of_an_instance(server):
    with Stream(server) as stream:
        assert stream.reply.status == 200
        assert stream.reply.headers["Content-Type"] == "text/event-stream"
        assert stream.reply.headers["Cache-Control"] == "no-store"
        server.register("web", "web1", "10.0.0.1", 80, Check={"TTL": "600s"})
        server.check("pass", "service:web1", "all fine")
        server.check("fail", "service:web1", "disk full")
        server.deregister("web1")
        events = stream.until(lambda event: event["Kind"] == "instance" and event["Change"] == "removed")
        story = [(e["Kind"], e["Change"], e.get("OldStatus"), e.get("NewStatus"), e.get("Reason")) for e in events]
        assert story == [
            ("instance", "registered", None, None, None),
            ("check", "registered", None, None, None),
            ("check", "status", "waiting", "passing", "all fine"),
            ("check", "status", "passing", "critical", "disk full"),
            ("check", "removed", "critical", None, None),
            ("instance", "removed", None, None, None),
        ]
        assert all((e["Service"], e["Node"], e["Instance"]) == ("web", "testnode", "web1") for e in events)
        assert all(abs(time.time() - time.mktime(time.strptime(e["Time"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 60
                   for e in events)
        indexes = [e["Index"] for e in events]
        assert indexes == sorted(indexes) and stream.id == str(indexes[-1])


def test_dns_shows_what_was_told(server):
    """The publication law: whoever hears of an instance finds it by DNS at once."""
    with Stream(server) as stream:
        for n in range(30):
            server.register(f"s{n}", address=f"10.0.1.{n}")
            event = stream.event()[1]
            assert event["Service"] == f"s{n}" and "Published" not in event
            assert server.ask(f"s{n}.service.local").addresses() == [f"10.0.1.{n}"]


@pytest.mark.parametrize("how", ["header", "query"])
def test_resumes(server, how):
    with Stream(server) as stream:
        server.register("web", "web1")
        stream.event()
        last = stream.id
    for n in range(2, 6):
        server.register("web", f"web{n}")
    # The header is of the browser that comes back; its URL still says where it began.
    query, headers = ("?last=1000", {"Last-Event-ID": last}) if how == "header" else (f"?index={last}", {})
    with Stream(server, query, headers) as stream:
        heard = [stream.event()[1]["Instance"] for _ in range(4)]
        assert heard == ["web2", "web3", "web4", "web5"]
        server.register("web", "web6")
        assert stream.event()[1]["Instance"] == "web6"


def test_a_cut_between_two_changes_of_one_index(server):
    """Its last change alone has the id, so whoever heard only the first hears both again."""
    with Stream(server) as stream:
        hello = dict(stream.block())["id"]
        server.register("web", "web1", Check={"TTL": "600s"})
        blocks = [dict(stream.block()) for _ in range(2)]
        indexes = [json.loads(block["data"])["Index"] for block in blocks]
        assert indexes[0] == indexes[1] and [block.get("id") for block in blocks] == [None, str(indexes[1])]
    with Stream(server) as stream:
        server.register("web", "web2", Check={"TTL": "600s"})
        stream.event()
        last = stream.id
        assert int(last) >= int(hello)
    with Stream(server, headers={"Last-Event-ID": last}) as stream:
        assert [stream.event()[1]["Kind"] for _ in range(2)] == ["instance", "check"]


def test_outlives_a_restart(server):
    server.register("web", "web1")
    with Stream(server, "?last=1") as stream:
        stream.event()
        last = stream.id
    server.restart()
    server.register("web", "web2")
    with Stream(server, f"?index={last}") as stream:
        assert stream.until(lambda event: event.get("Instance"))[-1]["Instance"] == "web2"


def test_pruned_is_a_reset(start_server):
    server = start_server(**{"registry.changelog_rows": "100"})
    server.register("web", "web1")
    first = server.http("GET", "/v1/catalog/services").headers["X-Consul-Index"]
    server.register_many([{"Name": "web", "ID": f"w{n}"} for n in range(150)])
    with Stream(server, f"?index={first}") as stream:
        kind, data = stream.event()
        assert kind == "reset" and data["Index"] > int(first) and stream.id == str(data["Index"])
        server.register("web", "after")
        assert stream.event()[1]["Instance"] == "after"


def test_last(server):
    for n in range(5):
        server.register("web", f"web{n}")
    with Stream(server, "?last=2") as stream:
        assert [stream.event()[1]["Instance"] for _ in range(2)] == ["web3", "web4"]


def test_end_of_the_server_ends_it(start_server):
    server = start_server()
    with Stream(server) as stream:
        stream.block()
        server.stop()
        assert stream.reply.read() == b""


def test_limit_and_leavers(start_server):
    server = start_server(**{"http.streams": "2"})
    with Stream(server) as one, Stream(server) as two:
        assert one.reply.status == two.reply.status == 200
        with Stream(server) as three:
            assert three.reply.status == 429 and b"event streams" in three.reply.read()
            assert three.reply.headers["Retry-After"]
        one.connection.sock.shutdown(2)
        wait_open(server, 1)
        with Stream(server) as three:
            assert three.reply.status == 200


def test_heartbeat(start_server):
    server = start_server(**{"http.heartbeat": "100ms"})
    with Stream(server) as stream:
        stream.block()
        for _ in range(3):
            assert stream.block() == [(":", "")]


@pytest.mark.parametrize("query", ["?index=-1", "?index=x", "?index=1x", "?last=1001", "?last=all"])
def test_bad_start(shared_server, query):
    with Stream(shared_server, query) as stream:
        assert stream.reply.status == 400 and b"Invalid" in stream.reply.read()


def test_guard(start_server, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    server = start_server(**{"http.token_file": str(token)}, ready=True)
    for query, headers, status in [
        ("", {}, 403),
        ("?token=secret", {}, 200),
        ("", {"Authorization": "Bearer secret"}, 200),
        ("?token=secret", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("?token=secret", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("?token=secret", {"Origin": "http://evil.example"}, 403),
    ]:
        with Stream(server, query, headers) as stream:
            assert stream.reply.status == status, (query, headers)


def test_a_slow_reader_is_cut_off(start_server):
    server = start_server(**{"http.stream_buffer": "4KiB", "http.write_timeout": "10m"})
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    connection.connect()
    connection.sock.setsockopt(svc.socket.SOL_SOCKET, svc.socket.SO_RCVBUF, 2048)
    connection.request("GET", "/v1/events")
    wait_open(server, 1)
    body = {"Check": {"TTL": "600s"}}
    for n in range(100):
        server.register_many([{**body, "Name": f"web-{n}-{m}", "ID": f"{n}-{m}-" + "x" * 200} for m in range(100)])
        if server.metric("svcdns_api_streams") == 0:
            break
    assert server.metric("svcdns_api_streams") == 0
    connection.close()

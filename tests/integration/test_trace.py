"""Queries told live: /v1/trace and `svcdns trace`, against the real server; getaddrinfo is in tests/interop."""

import http.client
import json
import re
import signal
import subprocess
import threading

import pytest

import metrics
import packets
import svc
from cli import Client
from svc import wait_until

WEB = "web.service.local"


def open_now(server, stream):
    """How many streams of this kind the metrics count."""
    return metrics.value(server.http("GET", "/metrics").text, "svcdns_api_streams", stream=stream)


class Stream:
    """One stream of queries; opening it waits until dns has been told to tell."""

    def __init__(self, server, query=""):
        self.connection = server.connect_http()
        self.connection.request("GET", "/v1/trace" + query)
        self.reply = self.connection.getresponse()
        if self.reply.status == 200:
            assert self.reply.getheader("Content-Type") == "text/event-stream"
            assert self.block() == [": listening"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.reply.close()
        self.connection.close()

    def block(self):
        """The lines up to the next empty one; None at the end of the stream."""
        lines = []
        while True:
            line = self.reply.readline().decode()
            if not line:
                return None
            if line == "\n":
                return lines
            lines.append(line.rstrip("\n"))

    def next(self):
        """The next query or loss; None at the end of the stream."""
        while True:
            lines = self.block()
            if lines is None:
                return None
            data = [line[6:] for line in lines if line.startswith("data: ")]
            if data:
                return json.loads(data[0])

    def until(self, name):
        """Queries up to the first one for `name`, without their times and ports."""
        seen = []
        while not seen or seen[-1].get("Name") != name:
            query = self.next()
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", query.pop("Time")), query
            assert query.pop("Port") > 0
            seen.append(query)
        return seen


@pytest.fixture
def web(server):
    server.register("web", id="w1", address="10.0.0.1", port=80)
    return server


def test_a_query_and_what_became_of_it(web):
    with Stream(web) as stream:
        reply = web.ask(WEB, "SRV")
        assert stream.until(WEB) == [{
            "Client": "127.0.0.1", "Protocol": "udp", "Name": WEB, "Type": "SRV", "Rcode": "NOERROR", "Answers": 1,
            "Size": reply.size, "Truncated": False}]  # fmt: skip
        web.ask("No.Service.Local", "AAAA", tcp=True)
        (query,) = stream.until("no.service.local")
        assert (query["Protocol"], query["Type"], query["Rcode"], query["Answers"]) == ("tcp", "AAAA", "NXDOMAIN", 0)
        web.ask("example.org")
        assert stream.until("example.org")[-1]["Rcode"] == "REFUSED"


def test_programs_as_they_are(web):
    with Stream(web, f"?name={WEB}") as stream:
        asked = subprocess.run(
            ["dig", "@127.0.0.1", "-p", str(web.port), WEB, "SRV", "+noall", "+answer"],
            capture_output=True, text=True, timeout=svc.PATIENCE, check=True)  # fmt: skip
        assert "w1.web.service.local" in asked.stdout
        (query,) = stream.until(WEB)
        assert (query["Client"], query["Type"], query["Answers"]) == ("127.0.0.1", "SRV", 1)


def test_only_what_is_asked_for(web):
    with Stream(web, "?name=WEB.service.local.") as name, Stream(web, "?address=127.0.0.2") as address:
        with Stream(web, "?address=127.0.0.0/31&name=service.local") as both:
            web.ask("db.service.local")
            web.ask("v1." + WEB)
            web.ask("xweb.service.local")
            web.ask(WEB, source="127.0.0.2")
            web.ask(WEB, "SRV")
            # The threads' queries come in no order.
            seen = sorted((query["Name"], query["Type"]) for query in (name.next(), name.next(), name.next()))
            assert seen == [("v1." + WEB, "A"), (WEB, "A"), (WEB, "SRV")]
            assert address.until(WEB)[0]["Client"] == "127.0.0.2"
            seen = sorted(both.next()["Name"] for _ in range(4))
            assert seen == ["db.service.local", "v1." + WEB, WEB, "xweb.service.local"]


def test_it_ends_at_its_limit(web):
    with Stream(web, "?limit=2") as stream:
        for _ in range(3):
            web.ask(WEB)
        assert stream.next()["Name"] == stream.next()["Name"] == WEB
        assert stream.next() is None


@pytest.mark.parametrize("query,said", [
    ("?name=a..b", 'Invalid name: "a..b" is not a domain name'),
    ("?address=10.0.0", 'Invalid address: "10.0.0" is neither an address nor a prefix'),
    ("?address=10.0.0.1/8", "neither an address nor a prefix"),
    ("?limit=-1", 'Invalid limit: "-1" is not a number'),
])
def test_what_is_refused(shared_server, query, said):
    answer = shared_server.http("GET", "/v1/trace" + query)
    assert answer.status == 400 and said in answer.text, answer


def test_no_more_than_the_limit(start_server):
    server = start_server(**{"http.traces": "1"})
    with Stream(server):
        answer = server.http("GET", "/v1/trace")
        assert answer.status == 429 and "the limit is 1 (http.traces)" in answer.text
        assert (open_now(server, "trace"), open_now(server, "events")) == (1, 0)
    wait_until(lambda: open_now(server, "trace") == 0, "the metrics see it leave")
    wait_until(lambda: Stream(server, "?limit=1").reply.status == 200, "whoever leaves makes room")


def test_the_token_is_asked_for(start_server, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    server = start_server(**{"http.token_file": str(token)})
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=svc.PATIENCE)
    connection.request("GET", "/v1/trace")
    assert connection.getresponse().status == 403
    connection.close()


def questions():
    """One of each kind, as bytes."""
    edns = packets.opt(1232, b"")
    kinds = [(WEB, "A"), (WEB, "SRV"), (WEB, "AAAA"), ("w1." + WEB, "A"), ("no.service.local", "A"), ("example.org", "A"),
             ("service.local", "SOA"), (WEB, "ANY"), (WEB, "AXFR")]  # fmt: skip
    good = [packets.query(name, svc.qtype(kind), 1, 0, record, 4711) for name, kind in kinds for record in (None, edns)]
    bad = [good[0][:2] + b"\x20\x00" + good[0][4:], good[0][:5] + b"\x02" + good[0][6:], good[0][:12]]
    return good + bad


def answers(server):
    return [server.exchange(question, tcp) for question in questions() for tcp in (False, True)]


def test_answers_are_the_same_bytes(web):
    before = answers(web)
    with Stream(web) as stream:
        assert answers(web) == before
        told = [stream.next() for _ in before]
        assert {query["Rcode"] for query in told} >= {"NOERROR", "NXDOMAIN", "REFUSED", "NOTIMP", "FORMERR"}
        assert sorted(query["Size"] for query in told) == sorted(map(len, before))
    assert answers(web) == before


def test_a_sidecar_that_dies_leaves_nothing_on(web):
    """The supervisor clears its page; whoever comes next hears nothing of what was before."""
    stream = Stream(web)
    web.ask(WEB)
    stream.until(WEB)
    pid = web.signal("sidecar", signal.SIGKILL)
    wait_until(lambda: web.children().get("sidecar") not in (None, pid), "it is back")
    web.wait_ready()
    for _ in range(20):
        web.ask("while-nobody-listened.service.local")
    with Stream(web) as fresh:
        web.ask(WEB)
        assert [query["Name"] for query in fresh.until(WEB)] == [WEB]
    stream.close()


def test_a_dns_that_dies_is_listened_to_again(web):
    with Stream(web) as stream:
        web.ask(WEB)
        stream.until(WEB)
        pid = web.signal("dns", signal.SIGKILL)
        wait_until(lambda: web.children().get("dns") not in (None, pid), "it is back")
        web.ask("later.service.local")
        assert stream.until("later.service.local")[-1]["Rcode"] == "NXDOMAIN"


def test_a_flood_is_told_or_counted(start_server):
    """More than the rings hold between two looks, from several threads: nothing is lost without a word."""
    web = start_server(**{"http.stream_buffer": "64MiB"})  # that we may be slow to read is not what this is about
    web.register("web", id="w1", address="10.0.0.1", port=80)
    number, question = 3000, packets.query(WEB, svc.qtype("A"), 1, 0, None, 1)

    def ask():
        with web.udp() as client:
            for _ in range(number // 30):
                for _ in range(10):
                    client.send(question)
                for _ in range(10):
                    client.receive()

    with Stream(web) as stream:
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        count = 0
        while count < number:
            told = stream.next()
            count += told.get("Lost", 1)
        for thread in threads:
            thread.join()
        assert count == number


# The client


def listening(process):
    line = process.stderr.readline()
    assert "svcdns: tracing " in line, line
    return line


def test_a_line_for_each_query(web):
    process = Client(web).start("trace", "web")
    assert listening(process).startswith("svcdns: tracing web at http://")
    web.ask("db.service.local")
    web.ask(WEB, "SRV")
    assert re.fullmatch(rf"\S+Z 127\.0\.0\.1 udp {re.escape(WEB)} SRV NOERROR answers=1 size=\d+\n", process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.wait(svc.PATIENCE) == 0
    assert process.stdout.read() == process.stderr.read() == ""


def test_json_and_count(web):
    process = Client(web).start("trace", "127.0.0.0/8", "--json", "--count=2")
    listening(process)
    web.ask(WEB)
    web.ask("a\x1b.service.local", "AAAA")
    out, err = process.communicate(timeout=svc.PATIENCE)
    assert process.returncode == 0 and err == ""
    queries = sorted(map(json.loads, out.splitlines()), key=lambda query: query["Type"])
    assert [(query["Name"], query["Type"]) for query in queries] == [(WEB, "A"), ("a\\027.service.local", "AAAA")]


def test_the_client_says_what_is_wrong(web, start_server):
    client = Client(web)
    done = client("trace", "web", "--count=0")
    assert done.status == 2 and "--count: '0' is not a number from 1 to" in done.err, done
    done = Client(start_server(**{"http.traces": "0"}))("trace")
    assert done.status == 2 and "the limit is 0 (http.traces)" in done.err, done
    process = client.start("trace")
    listening(process)
    web.stop()
    assert process.wait(svc.PATIENCE) == 2
    assert "has ended the stream" in process.stderr.read()

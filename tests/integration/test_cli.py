"""The client's verbs against a real server: what they print, as a table and as JSON, and their exit status."""

import os
import re
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import svc
from cli import Client


@pytest.fixture
def client(server):
    return Client(server)


@pytest.fixture
def web(server):
    """Two instances of "web": one healthy, one that waits for its first heartbeat."""
    server.register("web", "w1", "10.0.0.1", 8001, Tags=["v1", "blue green"], Meta={"dns-alias": "site"})
    server.register("web", "w2", "10.0.0.2", 8002, Check={"TTL": "1h"})


def test_usage():
    client = Client(None)
    said = client()
    assert said.status == 2 and said.out == "" and "usage: svcdns VERB" in said.err
    assert client("--help").status == 0 and client("help").out == client("--help").out
    assert re.fullmatch(r"svcdns \d+\.\d+\.\d+\n", client("--version").out)
    verbs = re.findall(r"^  ([a-z][a-z-]+)", client("help").out, re.M)
    assert {"register", "list", "exec", "backup", "help"} <= set(verbs)
    for verb in verbs:
        said = client("help", verb)
        assert said.status == 0 and said.out.startswith(f"usage: svcdns {verb}"), said
        assert client(verb, "--help").out == said.out
        assert not re.search(" $", said.out, re.M), verb


@pytest.mark.parametrize("arguments,said", [
    (["nonsense"], "there is no verb 'nonsense'; see 'svcdns help'"),
    (["list", "--nonsense"], "there is no flag --nonsense for list; see 'svcdns help list'"),
    (["show"], "show wants NAME"),
    (["exec", "web", "true"], "'true' is one word too many"),
    (["exec", "web"], "exec wants NAME -- COMMAND"),
    (["exec", "web", "--"], "exec wants NAME -- COMMAND"),
    (["query", "web", "NONSENSE"], "'NONSENSE' is not a record type"),
    (["query", "a..b", "--zone=service.local"], "'a..b.service.local' is not a domain name"),
    (["register", "web", "--port=65536"], "--port: '65536' is not a number from 0 to 65535"),
    (["register", "web", "--meta=x"], "--meta: 'x' is not KEY=VALUE"),
    (["register", "web", "--ttl=5"], "--ttl: '5' is not a duration such as 10s"),
    (["register", "web", "--interval=5s"], "--interval is for a check: --check-tcp"),
    (["list", "--dns=nowhere"], "--dns: 'nowhere' is not an address"),
    (["list", "--token-file=/nonexistent"], "cannot read the token from /nonexistent: No such file"),
    (["completion", "tcsh"], "there is no completion for 'tcsh'"),
    (["help", "nonsense"], "there is no verb 'nonsense'"),
    (["list", "--http=127.0.0.1:99999"], "--http: 'http://127.0.0.1:99999' is not an address such as 127.0.0.1:8500: "),
    (["watch", "--http=unix:///run/consul.sock"], "--http: 'unix:///run/consul.sock' is not an address such as"),
    (["exec", "web", "--ttl=999ms", "--", "true"], "--ttl: '999ms' is less than 1s"),
    (["doctor", "a..b", "--zone=service.local"], "'a..b' is not a domain name"),
])
def test_wrong_usage(arguments, said):
    done = Client(None)(*arguments)
    assert done.status == 2 and said in done.err and done.out == "", done


@pytest.mark.parametrize("arguments", [
    ["list"], ["show", "web"], ["watch"], ["watch", "web"], ["status"], ["register", "web"], ["deregister", "w"],
    ["drain", "w"], ["undrain", "w"], ["exec", "web", "--", "true"], ["backup", "copy.db"], ["reload"]])
def test_nobody_there(arguments, tmp_path):
    port = svc.free_port()
    done = Client(None)(*arguments[:1], f"--http=127.0.0.1:{port}", *arguments[1:], cwd=tmp_path)
    assert done.status == 2 and done.out == "", done
    assert f"cannot reach http://127.0.0.1:{port}: Connection refused; is svcdnsd running?" in done.err
    assert not list(tmp_path.iterdir())


class Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

    do_PUT = do_GET

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("arguments", [["list"], ["show", "web"], ["deregister", "w1"]])
def test_another_kind_of_server(arguments):
    """Its pages are not what it says, and its 404 does not mean that a service is not registered."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        done = Client(None)(*arguments, f"--http=127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()
    assert done.status == 2 and done.out == "" and "answers 404 with a web page; is this svcdns or Consul?" in done.err, done


def test_no_dns(client, web):
    done = client("query", "web", f"--dns=127.0.0.1:{svc.free_port()}")
    assert done.status == 2 and "no answer from DNS at 127.0.0.1:" in done.err
    done = client("show", "web", f"--dns=127.0.0.1:{svc.free_port()}")
    assert done.status == 2 and "w1" in done.out, "what HTTP knows is shown"


def test_addresses(server, web):
    nobody = Client(None)
    at = f"127.0.0.1:{server.http_port}"
    assert nobody("list", "--names", env={"CONSUL_HTTP_ADDR": at}).lines() == ["web"]
    assert nobody("list", "--names", f"--http=http://{at}/").status == 0
    assert nobody("list", env={"CONSUL_HTTP_ADDR": at, "SVCDNS_HTTP_ADDR": "127.0.0.1:1"}).status == 2
    assert nobody("list", f"--http={at}", env={"SVCDNS_HTTP_ADDR": "127.0.0.1:1"}).status == 0


@pytest.mark.parametrize("listen,http,at,found", [
    ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ("127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.1"),
    ("0.0.0.0", "127.0.0.2", "http://127.0.0.2", "127.0.0.2"),
    ("0.0.0.0", "127.0.0.1", "localhost", "127.0.0.1"),
])
def test_the_server_says_where_dns_is(start_server, listen, http, at, found):
    """Without --dns; a loopback or any address is looked for where HTTP is."""
    dns_port, http_port = svc.free_port((listen,)), svc.free_port((http,))
    server = start_server(ready=False, **{"dns.listen": f"{listen}:{dns_port}", "http.listen": f"{http}:{http_port}"})
    nobody = Client(None)
    where = f"--http={at}:{http_port}"
    svc.wait_until(lambda: nobody("register", where, "web", "--id=w1", "--port=8001").status == 0, "it is registered")
    shown = nobody("query", where, "web", "SRV")
    assert shown.status == 0 and "8001 w1.web.service.local" in shown.out, shown
    assert f"{found}:{dns_port}" in nobody("status", where).out
    refused = nobody("query", where, "web", "SRV", f"--dns=127.0.0.1:{svc.free_port()}")
    assert refused.status == 2, "what was given holds"
    assert server.process.poll() is None


def test_token(start_server, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    server = start_server(ready=False, **{"http.token_file": token})
    server.wait_ready()
    client = Client(server)
    done = client("list")
    assert done.status == 1 and "wants a token: --token-file=FILE" in done.err
    assert client("list", env={"SVCDNS_HTTP_TOKEN": "secret"}).status == 0
    assert client("list", env={"CONSUL_HTTP_TOKEN": "secret"}).status == 0
    assert client("list", env={"CONSUL_HTTP_TOKEN_FILE": str(token)}).status == 0
    assert client("list", f"--token-file={token}", env={"SVCDNS_HTTP_TOKEN": "wrong"}).status == 0
    assert "wants another token" in client("list", env={"SVCDNS_HTTP_TOKEN": "wrong"}).err


def test_list(client, web, server):
    server.register("api", "a1", "10.0.0.3", 9000)
    assert client("list").lines() == [
        "SERVICE  HEALTHY  PORTS      TAGS", "api      1/1      9000       -", "web      1/2      8001,8002  blue green,v1"]
    assert client("list", "--json", "w*").json() == [
        {"Name": "web", "Healthy": 1, "Maintenance": 0, "Total": 2, "Ports": [8001, 8002], "Tags": ["blue green", "v1"],
         "IDs": ["w1", "w2"]}]
    assert client("list", "--problems", "--names").lines() == ["web"]
    assert client("list", "--tag=V1", "--names").lines() == ["web"]
    assert client("list", "--ids", "WEB").lines() == ["w1", "w2"]
    assert client("list", "--json", "nothing*").json() == []


def test_list_of_many_ports(client, server):
    """A line shows some of them, so that the table stays one; JSON has all."""
    server.register_many([{"Name": "many", "ID": f"m{i:03}", "Address": "10.0.0.1", "Port": i} for i in range(1, 101)])
    assert client("list").lines()[1] == "many     100/100  1,2,3,4,5,6,+94  -"
    assert len(client("list", "--json").json()[0]["Ports"]) == 100


def test_show(client, web):
    done = client("show", "web")
    assert done.status == 0
    for line in [r"web: 1 of 2 healthy, zone service\.local",
                 r"w1 +testnode +10\.0\.0\.1 +8001 +healthy +no checks",
                 r"w2 +testnode +10\.0\.0\.2 +8002 +critical +Service 'web' check",
                 r"blue green\.web\.service\.local +tag +the tag is no host name.*",
                 r"web\.service\.local +5 +A +10\.0\.0\.1",
                 r"web\.service\.local +- +AAAA +NOERROR without records",
                 r"web\.service\.local +5 +SRV +1 1 8001 w1\.web\.service\.local\."]:
        assert re.search(f"^{line}$", done.out, re.M), (line, done)
    shown = client("show", "web", "--json").json()
    assert set(shown) == {"Name", "Zone", "Healthy", "Total", "Instances", "DNS", "Names"}
    assert [(i["ID"], i["State"]) for i in shown["Instances"]] == [("w1", "healthy"), ("w2", "critical")]
    assert set(shown["Instances"][1]) == {"ID", "Node", "Address", "Port", "Tags", "Meta", "State", "Reason", "Checks"}
    assert [check["Type"] for check in shown["Instances"][1]["Checks"] if check["ID"] != "serfHealth"] == ["ttl"]
    assert {name["Name"]: name["Hidden"] for name in shown["Names"]} == {
        "web.service.local": False, "_site._tcp.web.service.local": False, "v1.web.service.local": False,
        "blue green.web.service.local": True}
    assert shown["DNS"]["SRV"]["Answer"][0]["Data"] == "1 1 8001 w1.web.service.local."


def test_hidden_names(client, server):
    """A tag whose name belongs to an instance, and one whose name belongs to another service."""
    server.register("v2.web", "other", "10.0.0.9", 9)
    server.register("web", "blue", "10.0.0.1", 1, Tags=["blue", "v2", "plain"])
    hidden = {name["Name"]: name["Reason"] for name in client("show", "web", "--json").json()["Names"] if name["Hidden"]}
    assert hidden == {"blue.web.service.local": "an instance or the zone file has this name",
                      "v2.web.service.local": "another service has this name"}


@pytest.mark.parametrize("name", ["web.service.local", "WEB.Service.Local."])
def test_show_takes_the_name_that_dns_has(client, web, name):
    """And watch, too: what was copied from an answer is what is looked for."""
    done = client("show", name)
    assert done.status == 0 and done.lines()[0] == client("show", "web").lines()[0], done
    with Watch(client, name) as watch:
        client.server.deregister("w1")
        assert re.fullmatch(f"{TIME} web w1 gone: no checks\n", watch.line())


def test_names_beside_the_zone(client, web):
    for name in ["web.other.local", "service.local", "webservice.local", ".service.local"]:
        done = client("show", name)
        assert done.status == 1 and f"{name} is not registered at" in done.err, done


def test_show_says_no(client, server):
    done = client("show", "nothing")
    assert done.status == 1 and "nothing is not registered at http://" in done.err
    server.register("down", "d1", "10.0.0.1", 1, Check={"TTL": "1h"})
    done = client("show", "down")
    assert done.status == 1 and "NOERROR: down: waiting for the first check" in done.out


def test_query(client, web):
    assert "web.service.local\t5\tA\t10.0.0.1" in client("query", "web").lines()
    done = client("query", "web.service.local", "srv", "--tcp")
    assert done.status == 0 and "w1.web.service.local\t5\tA\t10.0.0.1" in done.lines()
    done = client("query", "nothing")
    assert done.status == 1 and "NXDOMAIN" in done.out and "\tSOA\t" in done.out
    answer = client("query", "example.com.", "--json").json()
    assert answer["Name"] == "example.com." and answer["Status"] == "REFUSED"
    assert answer["Errors"] == [{"Code": 20, "Text": "not authoritative for this name"}]
    assert set(answer) == {"Name", "Type", "Status", "Flags", "Answer", "Authority", "Additional", "Errors", "Server",
                           "Milliseconds"}


def test_query_says_why(client, server):
    server.register("down", "d1", "10.0.0.1", 1, Check={"TTL": "1h"})
    done = client("query", "down", "SRV")
    assert done.status == 1 and "; why: down: waiting for the first check (EDE 0)" in done.lines()


def test_query_needs_no_http(client, web, server):
    """The zone is asked over HTTP; without an answer it is the usual one."""
    assert client("query", "web", "--http=127.0.0.1:1").status == 0
    assert client("query", "web", "--zone=other.zone").status == 1


def test_query_large(client, server):
    """An answer that does not fit is asked for again, over TCP."""
    server.register_many([{"Name": "many", "ID": f"m{i}", "Address": f"10.0.1.{i}", "Port": i} for i in range(1, 100)])
    assert len(client("query", "many", "SRV", "--json").json()["Answer"]) == 99


def test_register(client, server):
    done = client("register", "api", "--id=a1", "--port", "9000", "--address=10.1.1.1", "--tag=v1", "--tag=v2",
                  "--meta=dns-alias=pg", "--meta=k=", "--check-tcp=127.0.0.1:1", "--check-http=http://127.0.0.1:1/",
                  "--check-grpc=127.0.0.1:1/api",
                  "--ttl=30s", "--interval=1h", "--timeout=2s", "--deregister-after=90m")
    assert (done.status, done.out) == (0, "Registered a1\n"), done
    service = server.get("/v1/agent/service/a1")
    assert (service["Service"], service["Port"], service["Address"]) == ("api", 9000, "10.1.1.1")
    assert service["Tags"] == ["v1", "v2"] and service["Meta"] == {"dns-alias": "pg", "k": ""}
    checks = {check["Type"]: check for check in server.get("/v1/agent/checks").values()}
    assert set(checks) == {"tcp", "http", "grpc", "ttl"}
    assert checks["grpc"]["Interval"] == "1h0m0s" and "127.0.0.1:1/api" in str(checks["grpc"])
    assert checks["tcp"]["Interval"] == "1h0m0s" and checks["tcp"]["Timeout"] == "2s"
    assert client("register", "api", "--json").json() == {"ID": "api", "Service": "api", "Registered": True}
    assert client("deregister", "a1").out == "Deregistered a1\n"
    done = client("deregister", "a1")
    assert done.status == 1 and "a1 is not registered" in done.err
    done = client("register", "no good")
    assert done.status == 1 and "says 400" in done.err


def test_drain(client, web, server):
    assert client("drain", "w1", "--reason=new kernel & more").out == "Drained w1\n"
    assert server.ask("web.service.local").rcode == 0 and not server.ask("web.service.local").answer
    instance = client("show", "web", "--json").json()["Instances"][0]
    assert (instance["State"], instance["Reason"]) == ("maintenance", "new kernel & more")
    assert client("list").lines()[1].startswith("web      0/2 (1 in maintenance)  8001,8002 ")
    assert client("list", "--problems", "--names").lines() == ["web"], "w2 fails"
    assert client("drain", "w2").status == 0
    assert client("list", "--problems", "--names").lines() == [], "all are out on purpose"
    assert [(each["Healthy"], each["Maintenance"], each["Total"]) for each in client("list", "--json").json()] == [(0, 2, 2)]
    assert client("undrain", "w1", "--json").json() == {"ID": "w1", "Undrained": True}
    assert server.ask("web.service.local").answer
    assert client("drain", "nothing").status == 1


def test_status(client, web, server):
    done = client("status")
    assert done.status == 0 and re.search(r"^state +ready$", done.out, re.M), done
    shown = client("status", "--json").json()
    assert shown["Ready"] is True and shown["DNSStatus"] == "NOERROR" and shown["Node"] == "testnode"
    assert (shown["Services"], shown["Instances"]) == (1, 2)
    assert shown["RegistryIndex"] == shown["ViewIndex"] > 0
    done = client("status", f"--dns=127.0.0.1:{svc.free_port()}")
    assert done.status == 2 and "no answer" in done.out
    done = client("status", "--zone=not.ours")
    assert done.status == 1 and "REFUSED" in done.out, "up, but not for what was asked"


def test_what_strangers_wrote_is_escaped(client, server):
    evil = "\x1b]0;owned\x07\u202e\n"
    server.register("web", "w\u202e", "10.0.0.1", 1, Tags=[evil], Check={"TTL": "1h"})
    check = next(id for id in server.get("/v1/agent/checks"))
    server.check("fail", check, "down" + evil)
    for arguments in (["list"], ["list", "--ids"], ["show", "web"], ["query", "web", "SRV"], ["list", "--json"],
                      ["show", "web", "--json"], ["deregister", "x" + evil]):
        done = client(*arguments)
        text = done.out + done.err
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text), text
    assert "down\\x1b]0;owned\\x07\\u{202e}\\n" in client("show", "web").out


class Watch:
    """svcdns watch, from its first reply on."""

    def __init__(self, client, *arguments):
        self.process = client.start("watch", *arguments)
        assert "watching http://" in self.process.stderr.readline()

    def line(self):
        return self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
TIME_MS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def test_watch_one(client, server, web):
    with Watch(client, "web") as watch:
        server.register("other", "o1", "10.0.0.9", 1)
        server.check("pass", "service:w2", "fine")
        assert re.fullmatch(f"{TIME} web w2 changed critical -> healthy: Service 'web' check: fine\n", watch.line())
        server.register("web", "w3", "10.0.0.3", 8003)
        assert re.fullmatch(f"{TIME} web w3 new healthy: no checks\n", watch.line())
        server.deregister("w1")
        assert re.fullmatch(f"{TIME} web w1 gone: no checks\n", watch.line())


def test_watch_all(client, server, web):
    """Each change of an instance or check, those of instances without checks too; nothing is lost over a restart."""
    with Watch(client) as watch:
        server.register("web", "w3", "10.0.0.3", 8003)
        assert re.fullmatch(f"{TIME_MS} web w3 new\\n", watch.line())
        server.register("web", "w3", "10.0.0.3", 8004)
        assert re.fullmatch(f"{TIME_MS} web w3 changed\\n", watch.line())
        server.check("pass", "service:w2", "fine")
        assert re.fullmatch(f"{TIME_MS} web w2 service:w2 changed waiting -> passing: fine\\n", watch.line())
        server.restart()
        server.deregister("w3")
        assert re.fullmatch(f"{TIME_MS} web w3 gone\\n", watch.line())
        said = [watch.process.stderr.readline() for _ in range(2)]
        assert "is away" in said[0] and "is back" in said[1]


def test_watch_all_in_json(client, server, web):
    with Watch(client, "--json") as watch:
        server.register("api", "a1", "10.0.0.9", 1, Tags=["x"])
        assert '"Service":"api"' in watch.line()
        server.check("fail", "service:w2", "broken")
        line = watch.line()
        assert '"Instance":"w2"' in line and '"State":"critical"' in line and '"Reason":"broken"' in line


@pytest.mark.parametrize("arguments", [[], ["web"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_end_of_a_watch_is_no_failure(client, web, arguments, number):
    with Watch(client, *arguments) as watch:
        watch.process.send_signal(number)
        assert watch.process.wait(svc.PATIENCE) == 0


def test_watch_survives_the_server(client, server, web):
    with Watch(client, "web") as watch:
        server.stop()
        assert "is away" in watch.process.stderr.readline()
        server.start()
        server.check("pass", "service:w2")
        assert "w2 changed" in watch.line()
        assert "is back" in watch.process.stderr.readline()


def next_probe(pid):
    """Seconds until the kernel asks whether the other side of the process's TCP connection is still there; None if it
    will not (timer 02 of /proc/net/tcp is that of keepalive)."""
    inodes = {os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")}
    with open("/proc/net/tcp") as lines:
        for fields in map(str.split, lines):
            if f"socket:[{fields[9]}]" in inodes:
                timer, ticks = fields[5].split(":")
                return int(ticks, 16) / os.sysconf("SC_CLK_TCK") if timer == "02" else None


@pytest.mark.parametrize("verb", ["watch", "trace"])
def test_a_stream_notices_that_the_machine_is_gone(client, server, verb):
    """No FIN comes from there, and the client itself has nothing to send."""
    process = client.start(verb)
    try:
        assert "http://" in process.stderr.readline()
        svc.wait_until(lambda: (next_probe(process.pid) or 99) < 16, "the connection is probed soon")
    finally:
        process.kill()
        process.communicate()

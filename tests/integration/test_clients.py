"""Each client's own requests, byte for byte as it sends them, against the real server (consul.md section 3).

Raw bodies and raw targets, so that no library of ours tidies them up; what is checked is what the client reads."""

import json
import os
import re
import signal
import socket
import struct
import time

import pytest

import svc


def send(server, method, target, body=None, headers=()):
    """One request with exactly these headers (and the Host and Content-Length that every client sends)."""
    connection = server.connect_http()
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body.encode())))
    connection.endheaders(body.encode() if body is not None else None)
    reply = connection.getresponse()
    reply.text = reply.read().decode()
    connection.close()
    return reply


def ok(reply):
    assert reply.status == 200, f"{reply.status} {reply.text!r}"
    return reply


def index_of(reply):
    """The way that python-consul and npm consul read it: a KeyError here is the end of a watch."""
    return int(reply.headers["X-Consul-Index"])


GO = [("User-Agent", "Go-http-client/1.1"), ("Accept-Encoding", "gzip")]
GO_JSON = GO + [("Content-Type", "application/json")]
REQUESTS = [
    ("User-Agent", "python-requests/2.18.4"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Accept", "*/*"),
    ("Connection", "keep-alive"),
]
NODE = [("Accept", "application/json"), ("Content-Type", "application/json"), ("Connection", "keep-alive")]


@pytest.mark.parametrize("verb", ["GET", "PUT"])
def test_python_consul(server, verb):
    """0.7.1 deregisters and heartbeats by GET, 1.1.0 by PUT; both send lower-case keys and no Content-Type."""
    body = (
        '{"name": "user.rpc", "id": "user.rpc-127.0.0.1-8001", "tags": ["master"], "address": "127.0.0.1", '
        '"port": 8001, "check": {"tcp": "127.0.0.1:9", "interval": "10s", "timeout": "30s", '
        '"DeregisterCriticalServiceAfter": "30s"}}'
    )
    assert ok(send(server, "PUT", "/v1/agent/service/register", body, REQUESTS)).text == ""
    body = '{"name": "foo", "id": "foo:1", "enabletagoverride": true, "check": {"ttl": "10s"}}'
    ok(send(server, "PUT", "/v1/agent/service/register?token=anonymous", body, REQUESTS))
    body = '{"name": "foo_check", "id": "foo check", "serviceid": "foo:1", "notes": "n", "ttl": "100s"}'
    ok(send(server, "PUT", "/v1/agent/check/register", body, REQUESTS))
    services = json.loads(ok(send(server, "GET", "/v1/agent/services", headers=REQUESTS)).text)
    assert services["user.rpc-127.0.0.1-8001"]["Port"] == 8001 and services["foo:1"]["Port"] == 0

    for target in ("service:foo:1?note=it+is+fine", "foo%20check"):
        ok(send(server, verb, "/v1/agent/check/pass/" + target, headers=REQUESTS))
    reply = ok(send(server, "GET", "/v1/health/service/foo?passing=1", headers=REQUESTS))
    (entry,) = json.loads(reply.text)
    assert index_of(reply) >= 1 and entry["Service"]["ID"] == "foo:1"
    assert {c["Output"] for c in entry["Checks"] if c["CheckID"] == "service:foo:1"} == {"it is fine"}
    ok(send(server, verb, "/v1/agent/check/deregister/foo%20check", headers=REQUESTS))
    ok(send(server, "PUT", "/v1/agent/service/maintenance/foo:1?enable=true&reason=be+back", headers=REQUESTS))
    assert json.loads(send(server, "GET", "/v1/health/service/foo?passing=1").text) == []
    ok(send(server, "PUT", "/v1/agent/service/maintenance/foo:1?enable=false", headers=REQUESTS))

    body = (
        '{"node": "n1", "address": "10.1.10.11", "service": {"service": "s1"}, "check": {"name": "c", "status": '
        '"passing"}, "WriteRequest": {"Token": "anonymous"}}'
    )
    assert json.loads(ok(send(server, "PUT", "/v1/catalog/register", body, REQUESTS)).text) is True
    reply = ok(send(server, "GET", "/v1/catalog/node/n3", headers=REQUESTS))
    assert index_of(reply) and json.loads(reply.text) is None
    body = '{"node": "n1", "serviceid": "s1"}'
    assert json.loads(ok(send(server, "PUT", "/v1/catalog/deregister", body, REQUESTS)).text) is True
    missing = send(server, "GET", "/v1/kv/foo", headers=REQUESTS)
    assert missing.status == 404 and index_of(missing) >= 1
    ok(send(server, verb, "/v1/agent/service/deregister/foo:1", headers=REQUESTS))
    assert send(server, verb, "/v1/agent/service/deregister/foo:1", headers=REQUESTS).status == 404


def test_go_api(server):
    """hashicorp/consul/api: nulls for what is not set, every struct in full, the index in each reply."""
    body = '{"ID":"w1","Name":"web","Tags":["a"],"Port":80,"Address":"10.0.0.1","Check":null,"Checks":null}\n'
    ok(send(server, "PUT", "/v1/agent/service/register?replace-existing-checks=true", body, GO_JSON))
    body = '{"ID":"w1:ttl","Name":"ttl","ServiceID":"w1","TTL":"15s","Status":"passing"}\n'
    ok(send(server, "PUT", "/v1/agent/check/register", body, GO_JSON))
    ok(send(server, "PUT", "/v1/agent/check/update/w1:ttl", '{"Status":"passing","Output":"good"}\n', GO_JSON))
    ok(send(server, "PUT", "/v1/agent/check/pass/w1:ttl?note=", headers=GO))
    target = "/v1/health/service/web?index={}&near=_agent&passing=1&stale=&tag=a&wait=60000ms"
    reply = ok(send(server, "GET", target.replace("index={}&", ""), headers=GO))
    assert [reply.headers["X-Consul-" + name] for name in ("LastContact", "KnownLeader")] == ["0", "true"]
    (entry,) = json.loads(reply.text)
    for check in entry["Checks"]:
        assert check["Definition"] == {}, 'an empty duration, "Interval":"" in it, ends the decoding of the whole'
    assert type(entry["Service"]["Port"]) is int and type(entry["Service"]["Weights"]["Passing"]) is int
    body = (
        '{"ID":"","Node":"ext","Address":"10.0.0.9","TaggedAddresses":null,"NodeMeta":null,"Datacenter":"","Service":'
        '{"ID":"e1","Service":"ext","Tags":null,"Meta":null,"Port":5432,"Address":"","Weights":{"Passing":0,"Warning":'
        '0},"EnableTagOverride":false,"Connect":null},"Check":{"Node":"ext","CheckID":"c","Name":"c","Status":"passing"'
        ',"Notes":"","Output":"","ServiceID":"e1","ServiceName":"ext","ServiceTags":null,"Type":"","ExposedPort":0,'
        '"Definition":{"HTTP":"","Header":null,"Method":"","Body":"","TLSServerName":"","TLSSkipVerify":false,"TCP":""'
        ',"TCPUseTLS":false,"UDP":"","GRPC":"","OSService":"","GRPCUseTLS":false,"Interval":"10s","Timeout":"0s",'
        '"DeregisterCriticalServiceAfter":"0s"},"CreateIndex":0,"ModifyIndex":0},"Checks":null,"SkipNodeUpdate":false}'
        "\n"
    )
    assert ok(send(server, "PUT", "/v1/catalog/register", body, GO_JSON)).text == "true"
    (row,) = json.loads(send(server, "GET", "/v1/catalog/service/ext", headers=GO).text)
    assert row["ServiceWeights"] == {"Passing": 1, "Warning": 1} and row["ServicePort"] == 5432
    body = '{"Node":"ext","Address":"","Datacenter":"","ServiceID":"e1","CheckID":"","Namespace":""}\n'
    assert ok(send(server, "PUT", "/v1/catalog/deregister", body, GO_JSON)).text == "true"
    self = json.loads(ok(send(server, "GET", "/v1/agent/self", headers=GO)).text)
    assert all(type(part) is dict for part in self.values())
    ok(send(server, "PUT", "/v1/agent/service/deregister/w1", headers=GO))
    assert json.loads(send(server, "GET", "/v1/agent/checks", headers=GO).text) == {}


def test_go_micro(server):
    """Tags of kilobytes, a dotted name, the check id service:<ID>, and a heartbeat at once."""
    ok(send(server, "GET", "/v1/agent/host", headers=GO))
    tags = ["t-" + "789cab" * 700, "e-" + "789caa56" * 300, "v-789c32d033d0333004040000ffff02ed00f6"]
    id = "go.micro.srv.x-8f1e"
    body = {"ID": id, "Name": "go.micro.srv.x", "Tags": tags, "Port": 34567, "Address": "127.0.0.1", "Check": {
        "TTL": "30s", "DeregisterCriticalServiceAfter": "1m5s"}, "Checks": None}  # fmt: skip
    for _ in range(2):  # it registers again on each refresh that failed
        ok(send(server, "PUT", "/v1/agent/service/register", json.dumps(body, separators=(",", ":")), GO_JSON))
        ok(send(server, "PUT", f"/v1/agent/check/pass/service:{id}?note=", headers=GO))
    assert id in {c["ServiceID"] for c in json.loads(send(server, "GET", "/v1/health/checks/go.micro.srv.x").text)}
    (entry,) = json.loads(ok(send(server, "GET", "/v1/health/service/go.micro.srv.x?stale=", headers=GO)).text)
    assert entry["Service"]["Tags"] == tags and "critical" not in {c["Status"] for c in entry["Checks"]}
    assert "go.micro.srv.x" in json.loads(send(server, "GET", "/v1/catalog/services?stale=", headers=GO).text)
    assert server.ask("_go.micro.srv.x._tcp.service.local", "SRV").srv()[0][2] == 34567
    ok(send(server, "PUT", f"/v1/agent/service/deregister/{id}", headers=GO))
    refresh = send(server, "PUT", f"/v1/agent/check/pass/service:{id}?note=", headers=GO)
    assert refresh.status == 404, "which makes it register again"


def test_heartbeats_mean_the_check_that_is_there(server):
    """Right behind a write the live table may still hold the check that was: a heartbeat must not be taken for one
    of it, and so for nothing new."""
    for _ in range(40):
        server.register("web", "w", Check={"TTL": "60s"})
        server.check("pass", "service:w")
        assert [c["Status"] for c in server.get("/v1/health/checks/web")] == ["passing"]
        server.deregister("w")
        assert server.http("PUT", "/v1/agent/check/pass/service:w").status == 404


def test_go_zero(server):
    """The same check id by the service and by check/register; a resolver that must block, or it spins."""
    id = "user.rpc-127.0.0.1-8080"
    check = '"TTL":"20s","Status":"passing","DeregisterCriticalServiceAfter":"60s"'
    body = (
        f'{{"ID":"{id}","Name":"user.rpc","Tags":["rpc"],"Port":8080,"Address":"127.0.0.1","Meta":{{"Protocol":"grpc"}}'
        f',"Check":null,"Checks":[{{"CheckID":"{id}",{check}}}]}}\n'
    )
    ok(send(server, "PUT", "/v1/agent/service/register", body, GO_JSON))
    body = f'{{"ID":"{id}","Name":"user.rpc","ServiceID":"{id}",{check}}}\n'
    ok(send(server, "PUT", "/v1/agent/check/register", body, GO_JSON))
    assert list(json.loads(send(server, "GET", "/v1/agent/checks").text)) == [id]
    beat = f"/v1/agent/check/update/{id}"
    ok(send(server, "PUT", beat, '{"Status":"passing","Output":""}\n', GO_JSON))
    target = "/v1/health/service/user.rpc?near=_agent&passing=1&tag=rpc&wait=300ms"
    reply = ok(send(server, "GET", target, headers=GO))
    assert len(json.loads(reply.text)) == 1 and index_of(reply) > 0
    start = time.monotonic()
    reply = ok(send(server, "GET", f"{target}&index={index_of(reply)}", headers=GO))
    assert time.monotonic() - start >= 0.3 and len(json.loads(reply.text)) == 1
    ok(send(server, "PUT", f"/v1/agent/service/deregister/{id}", headers=GO))


def test_prometheus(server):
    """A new index with each visible change, check states too; ?node-meta= chooses services, instances and checks."""
    server.register("web", "web1", "10.0.0.1", 80, Tags=["own"], Check={"TTL": "60s", "Status": "passing"})
    server.put("/v1/catalog/register", {"Node": "rack", "Address": "10.0.0.9", "NodeMeta": {"rack": "a"}, "Service": {
        "Service": "web", "ID": "web2", "Tags": ["racked"]}, "Check": {"CheckID": "c", "Name": "c", "ServiceID": "web2",
        "Status": "passing"}})  # fmt: skip
    server.register("db", "db1")
    assert type(json.loads(send(server, "GET", "/v1/agent/self").text)["Config"]["Datacenter"]) is str
    reply = ok(send(server, "GET", "/v1/catalog/services?stale=&wait=120000ms", headers=GO))
    assert json.loads(reply.text) == {"db": [], "web": ["own", "racked"]} and index_of(reply) > 0
    target = "/v1/health/service/web?stale=&tag=own&wait=120000ms"
    before = index_of(send(server, "GET", target, headers=GO))
    server.check("fail", "service:web1")
    assert index_of(send(server, "GET", target, headers=GO)) > before

    def with_meta(path, meta):
        return json.loads(ok(send(server, "GET", f"{path}?node-meta={meta}&stale=&wait=120000ms", headers=GO)).text)

    assert with_meta("/v1/catalog/services", "rack%3Aa") == {"web": ["racked"]}
    assert with_meta("/v1/catalog/services", "rack%3Ab") == {}
    assert [e["Service"]["ID"] for e in with_meta("/v1/health/service/web", "rack%3Aa")] == ["web2"]
    for path in ("/v1/health/state/any", "/v1/health/checks/web", "/v1/health/state/passing"):
        assert [c["CheckID"] for c in with_meta(path, "rack%3Aa")] == ["c"], path
        assert with_meta(path, "rack%3Ab") == [], path
    assert with_meta("/v1/health/node/testnode", "rack%3Aa") == []


def test_npm_consul(server):
    """Ids through encodeURIComponent, JSON only by its Content-Type, and a watch that ends without an index."""
    body = (
        '{"Name":"web","ID":"a/b:1 é","Tags":["x"],"Address":"10.0.0.1","Port":80,"Meta":{"k":null},"Check":{"HTTP":'
        '"http://127.0.0.1:9/","Interval":"10s","Header":{"X":null},"Notes":"n"}}'
    )
    ok(send(server, "PUT", "/v1/agent/service/register", body, NODE))
    id = "a%2Fb%3A1%20%C3%A9"
    reply = ok(send(server, "GET", "/v1/agent/services", headers=NODE))
    assert reply.headers["Content-Type"] == "application/json"
    assert json.loads(reply.text)["a/b:1 é"]["Meta"] == {"k": ""}
    ok(send(server, "PUT", f"/v1/agent/service/maintenance/{id}?enable=true&reason=r", headers=NODE))
    ok(send(server, "PUT", f"/v1/agent/service/maintenance/{id}?enable=false", headers=NODE))
    body = '{"Name":"beat","ID":"beat","ServiceID":"a/b:1 é","TTL":"10s"}'
    ok(send(server, "PUT", "/v1/agent/check/register", body, NODE))
    for verb in ("pass", "warn", "fail"):
        ok(send(server, "PUT", f"/v1/agent/check/{verb}/beat?note=n", headers=NODE))
    reply = ok(send(server, "GET", "/v1/health/service/web?index=0&stale=1&wait=30s", headers=NODE))
    assert index_of(reply) > 0 and reply.headers["Content-Type"] == "application/json"
    refusal = send(server, "GET", "/v1/health/service/web?index=x", headers=NODE)
    assert refusal.status == 400 and refusal.headers["Content-Type"].startswith("text/plain")
    assert len(refusal.text) < 80, "longer texts are not shown"
    ok(send(server, "PUT", f"/v1/agent/service/deregister/{id}", headers=NODE))
    assert json.loads(send(server, "GET", "/v1/agent/services").text) == {}


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$')


def test_metrics_are_valid(server):
    """What `promtool check metrics` demands of the text format."""
    server.register("web", "web1")
    text = server.http("GET", "/metrics").text
    assert text.endswith("\n") and "\n\n" not in text
    kinds, helped, series, families, current = {}, set(), set(), set(), None
    for line in text.splitlines():
        if line.startswith("# "):
            _, word, name, rest = line.split(" ", 3)
            assert rest and word in ("HELP", "TYPE")
            if word == "HELP":
                assert name not in helped, f"HELP of {name} twice"
                helped.add(name)
            else:
                assert name not in kinds and rest in ("counter", "gauge", "histogram"), line
                kinds[name] = rest
            current = name
            continue
        match = SAMPLE.match(line)
        assert match, line
        name, labels, value = match.groups()
        parts = ("_bucket", "_sum", "_count") if kinds[current] == "histogram" else ("",)
        assert name in [current + part for part in parts], f"{name} stands apart from its family"
        assert (name, labels) not in series, f"{line}: twice"
        series.add((name, labels))
        families.add(current)
        assert float(value) >= 0
    assert helped == set(kinds) == families
    for name, kind in kinds.items():
        assert name.endswith("_total") == (kind == "counter"), name


def test_index_of_a_missing_key_is_published(start_server):
    """python-consul reads the index of a 404 too: it must not run ahead of what DNS shows, nor go back."""
    server = start_server(**{"http.publish_timeout": "100ms"}, **svc.MAY_STAND_STILL)
    before = index_of(send(server, "GET", "/v1/kv/foo"))
    pid = server.signal("dns", signal.SIGSTOP)
    try:
        server.register("web", "a")
        assert before <= index_of(send(server, "GET", "/v1/kv/foo")) <= server.metric("svcdns_view_index")
    finally:
        os.kill(pid, signal.SIGCONT)


# Clients that leave, at each stage of a request


def leave(server, request, abruptly):
    """Sends and goes, by RST or by FIN."""
    client = socket.create_connection(("127.0.0.1", server.http_port))
    client.sendall(request.replace("\n", "\r\n").encode())  # no body here holds a newline
    if abruptly:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def put(path, body=""):
    return f"PUT {path} HTTP/1.1\nHost: 127.0.0.1\nContent-Length: {len(body)}\n\n{body}"


def test_clients_leave_at_every_stage(start_server):
    """With the writer, at the gate, parked, and with most of a reply unread. What an orderly one asked for is done,
    each connection is given back, and the sanitizers (of a build that has them) stay silent."""
    server = start_server(**{"http.publish_timeout": "700ms"}, **svc.MAY_STAND_STILL)
    server.register_many([{"Name": f"big{n}", "Meta": {f"m{m}": "x" * 500 for m in range(20)}} for n in range(300)])
    server.register("web", "web1", Check={"TTL": "60s"})
    index = index_of(send(server, "GET", "/v1/health/service/web"))
    pid = server.signal("dns", signal.SIGSTOP)
    try:
        for n in range(40):
            abruptly = n % 2 == 0
            leave(server, put("/v1/agent/service/register", f'{{"Name":"left","ID":"left{n}"}}'), abruptly)
            leave(server, put(f"/v1/agent/check/{'pass' if n % 4 < 2 else 'fail'}/service:web1"), abruptly)
            leave(server, put("/v1/agent/service/deregister/nope"), abruptly)
            leave(server, f"GET /v1/health/service/web?index={index + n} HTTP/1.1\nHost: 127.0.0.1\n\n", abruptly)
            if n % 10 < 2:
                leave(server, "GET /v1/agent/services HTTP/1.1\nHost: 127.0.0.1\n\n" * 2, abruptly)
    finally:
        os.kill(pid, signal.SIGCONT)
    orderly = {f"left{n}" for n in range(1, 40, 2)}  # an RST takes back what was not read yet
    done = lambda: orderly <= {row["ServiceID"] for row in server.get("/v1/catalog/service/left")}  # noqa: E731
    svc.wait_until(done, "what was asked for is done")
    svc.wait_until(lambda: server.metric("svcdns_api_connections") <= 1, "their connections are given back")
    assert server.metric("svcdns_api_parked") == 0
    server.check("fail", "service:web1")
    server.check("pass", "service:web1", "done")
    assert server.get("/v1/health/checks/web")[0]["Status"] == "passing"

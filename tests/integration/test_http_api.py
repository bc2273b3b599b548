"""The HTTP API against the real server: shapes field by field, status codes and their texts (consul.md section 2)."""

import json
import urllib.parse

import pytest

from refusals import UNKNOWN_CHECK, UNKNOWN_SERVICE, refused

DEFAULT_REASON = (
    "Maintenance mode is enabled for this {}, but no reason was provided. This is a default message."
)
PROXY = {"Mode": "", "MeshGateway": {}, "Expose": {}}


def tagged(address, port):
    return {kind: {"Address": address, "Port": port} for kind in ("lan_ipv4", "wan_ipv4")}


def own_node(server):
    (node,) = [n for n in server.get("/v1/catalog/nodes") if n["Node"] == "testnode"]
    return node


def has_index(answer):
    assert int(answer.headers["X-Consul-Index"]) >= 1
    assert answer.headers["X-Consul-KnownLeader"] == "true"
    assert answer.headers["X-Consul-LastContact"] == "0"
    assert answer.headers["X-Consul-Query-Backend"] == "blocking-query"
    return int(answer.headers["X-Consul-Index"])


# Registration and the agent


def test_register_and_list(server):
    answer = server.put(
        "/v1/agent/service/register",
        {
            "ID": "web1",
            "Name": "web",
            "Tags": ["v1"],
            "Address": "10.0.0.1",
            "Port": 8080,
            "Check": {"TCP": "127.0.0.1:9", "Interval": "10s", "Timeout": "1s"},
        },
    )
    assert answer.body == b"" and answer.headers["X-Consul-Default-ACL-Policy"] == "allow"
    assert "X-Svcdns-Published" not in answer.headers
    assert server.get("/v1/agent/services") == {
        "web1": {
            "ID": "web1",
            "Service": "web",
            "Tags": ["v1"],
            "Meta": {},
            "Port": 8080,
            "Address": "10.0.0.1",
            "TaggedAddresses": tagged("10.0.0.1", 8080),
            "Weights": {"Passing": 1, "Warning": 1},
            "EnableTagOverride": False,
            "Datacenter": "dc1",
        }
    }
    checks = server.get("/v1/agent/checks")
    assert list(checks) == ["service:web1"]
    check = checks["service:web1"]
    assert check.pop("Output") is not None and check.pop("Status") == "critical"
    assert check == {
        "Node": "testnode",
        "CheckID": "service:web1",
        "Name": "Service 'web' check",
        "Notes": "",
        "ServiceID": "web1",
        "ServiceName": "web",
        "ServiceTags": ["v1"],
        "Type": "tcp",
        "Interval": "10s",
        "Timeout": "1s",
        "ExposedPort": 0,
        "Definition": {},
        "CreateIndex": 0,
        "ModifyIndex": 0,
    }
    one = server.http("GET", "/v1/agent/service/web1")
    assert one.json()["ContentHash"] == one.headers["X-Consul-ContentHash"] and one.json()["ID"] == "web1"
    refused(server.http("GET", "/v1/agent/service/nope"), 404, "unknown service ID: nope")


def test_empty_lists(server):
    assert server.get("/v1/agent/services") == {} and server.get("/v1/agent/checks") == {}
    assert server.get("/v1/catalog/services") == {}
    for path in ("health/service/x", "health/checks/x", "health/node/x", "health/connect/x", "catalog/service/x"):
        answer = server.http("GET", "/v1/" + path)
        assert answer.status == 200 and answer.body == b"[]"
        has_index(answer)
    answer = server.http("GET", "/v1/catalog/node/nope")
    assert answer.status == 200 and answer.body == b"null" and has_index(answer)
    assert server.get("/v1/catalog/node-services/nope") == {"Node": None, "Services": None}
    for state, ids in {"any": ["serfHealth"], "passing": ["serfHealth"], "critical": [], "nonsense": []}.items():
        assert [c["CheckID"] for c in server.get("/v1/health/state/" + state)] == ids


def test_health_service_shape(server):
    server.register("web", "web1", "10.0.0.1", 8080, Tags=["v1"], Meta={"k": "v"}, Check={"TTL": "60s"})
    server.check("pass", "service:web1", "all is well")
    answer = server.http("GET", "/v1/health/service/WEB")
    index = has_index(answer)
    assert answer.headers["X-Consul-Effective-Consistency"] == "leader"
    (entry,) = answer.json()
    node, service, checks = entry["Node"], entry["Service"], entry["Checks"]
    assert list(entry) == ["Node", "Service", "Checks"]
    assert set(node) == {
        "ID", "Node", "Address", "Datacenter", "TaggedAddresses", "Meta", "CreateIndex", "ModifyIndex",
    }  # fmt: skip
    assert (node["Node"], node["Address"], node["Datacenter"]) == ("testnode", "127.0.0.1", "dc1")
    assert node["TaggedAddresses"]["lan_ipv4"] == "127.0.0.1"
    create, modify = service.pop("CreateIndex"), service.pop("ModifyIndex")
    assert 1 <= create <= modify <= index
    assert service == {
        "ID": "web1",
        "Service": "web",
        "Tags": ["v1"],
        "Address": "10.0.0.1",
        "TaggedAddresses": tagged("10.0.0.1", 8080),
        "Meta": {"k": "v"},
        "Port": 8080,
        "Weights": {"Passing": 1, "Warning": 1},
        "EnableTagOverride": False,
        "Proxy": PROXY,
        "Connect": {},
        "PeerName": "",
    }
    assert [(c["CheckID"], c["Status"], c["Output"]) for c in checks] == [
        ("serfHealth", "passing", "Agent alive and reachable"),
        ("service:web1", "passing", "all is well"),
    ]
    assert checks[1]["ModifyIndex"] == index and checks[1]["Type"] == "ttl"
    assert checks[0]["Name"] == "Serf Health Status" and checks[0]["ServiceTags"] == []


def test_port_is_omitted_when_zero(server):
    server.register("web", "a")
    assert "Port" not in server.get("/v1/health/service/web")[0]["Service"]
    assert server.get("/v1/agent/services")["a"]["Port"] == 0
    assert server.get("/v1/catalog/service/web")[0]["ServicePort"] == 0


def test_catalog_shapes(server):
    server.register("web", "web1", "10.0.0.1", 8080, Tags=["v1", "a"])
    server.register("web", "web2", Tags=["v2", "a"])
    server.register("db", "db1")
    assert {k: sorted(v) for k, v in server.get("/v1/catalog/services").items()} == {
        "db": [],
        "web": ["a", "v1", "v2"],
    }
    first, second = server.get("/v1/catalog/service/web")
    node = own_node(server)
    indexes = first.pop("CreateIndex"), first.pop("ModifyIndex")
    assert indexes[0] == indexes[1] > 1
    assert first == {
        "ID": node["ID"],
        "Node": "testnode",
        "Address": "127.0.0.1",
        "Datacenter": "dc1",
        "TaggedAddresses": node["TaggedAddresses"],
        "NodeMeta": {},
        "ServiceKind": "",
        "ServiceID": "web1",
        "ServiceName": "web",
        "ServiceTags": ["v1", "a"],
        "ServiceAddress": "10.0.0.1",
        "ServiceTaggedAddresses": tagged("10.0.0.1", 8080),
        "ServiceWeights": {"Passing": 1, "Warning": 1},
        "ServiceMeta": {},
        "ServicePort": 8080,
        "ServiceSocketPath": "",
        "ServiceEnableTagOverride": False,
        "ServiceProxy": PROXY,
        "ServiceConnect": {},
        "ServiceLocality": None,
    }
    assert second["ServiceAddress"] == "" and "ServiceTaggedAddresses" not in second
    whole = server.get("/v1/catalog/node/testnode")
    assert whole["Node"] == node and sorted(whole["Services"]) == ["db1", "web1", "web2"]
    assert whole["Services"]["web2"]["Service"] == "web"
    assert [s["ID"] for s in server.get("/v1/catalog/node-services/testnode")["Services"]] == ["db1", "web1", "web2"]
    assert server.get("/v1/catalog/datacenters") == ["dc1"]


def test_tags_and_passing_choose(server):
    server.register("web", "a", Tags=["v1", "x"], Check={"TTL": "60s", "Status": "passing"})
    server.register("web", "b", Tags=["v2", "x"], Check={"TTL": "60s", "Status": "warning"})
    server.register("web", "c", Tags=["V1"], Check={"TTL": "60s"})

    def ids(query):
        return [e["Service"]["ID"] for e in server.get("/v1/health/service/web" + query)]

    assert ids("") == ["a", "b", "c"]
    assert ids("?tag=v1") == ["a", "c"] and ids("?tag=v1&tag=X") == ["a"] and ids("?tag=none") == []
    for query in ("?passing", "?passing=", "?passing=1", "?passing=true"):
        assert ids(query) == ["a"]
    assert ids("?passing=false") == ["a", "b", "c"] == ids("?passing=0")
    assert ids("?stale=&near=_agent&partition=default&ns=default") == ["a", "b", "c"]
    refused(server.http("GET", "/v1/health/service/web?passing=maybe"), 400, "Invalid value for ?passing")
    assert [s["ServiceID"] for s in server.get("/v1/catalog/service/web?tag=v2")] == ["b"]


def test_old_clients(server):
    """python-consul 0.7.1: lower-case keys, no Content-Type, GET for what changes things."""
    body = {"name": "foo", "id": "foo:1", "tags": ["tag:foo:1"], "enabletagoverride": True, "check": {"ttl": "10s"}}
    answer = server.http("PUT", "/v1/agent/service/register?token=", json.dumps(body))
    assert answer.status == 200
    assert server.get("/v1/agent/services")["foo:1"]["EnableTagOverride"] is True
    for verb, status in (("pass", "passing"), ("warn", "warning"), ("fail", "critical")):
        assert server.http("GET", f"/v1/agent/check/{verb}/service:foo:1?note=n").status == 200
        assert server.get("/v1/agent/checks")["service:foo:1"]["Status"] == status
    body = {"name": "extra", "id": "extra:1", "serviceid": "foo:1", "notes": "n", "ttl": "10s"}
    assert server.http("PUT", "/v1/agent/check/register", json.dumps(body)).status == 200
    assert server.http("GET", "/v1/agent/check/deregister/extra:1").status == 200
    assert list(server.get("/v1/agent/checks")) == ["service:foo:1"]
    assert server.http("GET", "/v1/agent/service/deregister/foo:1").status == 200
    assert server.get("/v1/agent/services") == {}


def test_re_registration_keeps_the_status(server):
    check = {"CheckID": "c", "TTL": "60s", "Status": "passing"}
    server.register("web", "web1", Checks=[check], Check=None)
    # go-zero registers the same check a second time, by itself.
    server.put(
        "/v1/agent/check/register", {"ID": "c", "Name": "web", "ServiceID": "web1", "TTL": "60s", "Status": "passing"}
    )
    server.register("web", "web1", Check={"CheckID": "d", "TTL": "60s"})
    server.check("pass", "d")
    server.register("web", "web1", Check={"CheckID": "d", "TTL": "60s"})
    checks = server.get("/v1/agent/checks")
    assert {k: v["Status"] for k, v in checks.items()} == {"c": "passing", "d": "passing"}
    answer = server.put(
        "/v1/agent/service/register?replace-existing-checks=true",
        {"Name": "web", "ID": "web1", "Check": {"CheckID": "d", "TTL": "60s"}},
    )
    assert answer.body == b"" and list(server.get("/v1/agent/checks")) == ["d"]


@pytest.mark.parametrize("id", ["a/b", "a//b", "/a", "a b", "a%b", "é", "a?b#c", "a+b", "A"])
def test_any_id_can_be_used_and_removed(server, id):
    server.register("web", id, Check={"TTL": "60s"})
    quoted = urllib.parse.quote(id, safe="")
    loose = urllib.parse.quote(id, safe="/:")  # as python-consul
    assert server.get("/v1/agent/service/" + quoted)["ID"] == id
    server.put("/v1/agent/check/pass/" + urllib.parse.quote("service:" + id, safe=""))
    server.put(f"/v1/agent/service/maintenance/{loose}?enable=true")
    server.put(f"/v1/agent/service/maintenance/{quoted}?enable=false")
    server.put("/v1/agent/service/deregister/" + loose)
    assert server.get("/v1/agent/services") == {} and server.get("/v1/agent/checks") == {}


def test_heartbeats(server):
    server.register("web", "web1", Check={"TTL": "60s"})
    server.put("/v1/agent/check/update/service:web1", {"Status": "warning", "Output": "so so"})
    check = server.get("/v1/agent/checks")["service:web1"]
    assert (check["Status"], check["Output"]) == ("warning", "so so")
    before = has_index(server.http("GET", "/v1/health/service/web"))
    # The same status again: the output is new, the index is not.
    server.put("/v1/agent/check/update/service:web1", {"Status": "warning", "Output": "still so so"})
    answer = server.http("GET", "/v1/health/service/web")
    assert has_index(answer) == before
    assert answer.json()[0]["Checks"][1]["Output"] == "still so so"
    server.check("fail", "service:web1")
    assert has_index(server.http("GET", "/v1/health/service/web")) > before
    assert [c["CheckID"] for c in server.get("/v1/health/state/critical")] == ["service:web1"]
    assert [c["CheckID"] for c in server.get("/v1/health/checks/web")] == ["service:web1"]
    assert [c["CheckID"] for c in server.get("/v1/health/node/testnode")] == ["serfHealth", "service:web1"]

    refused(server.http("PUT", "/v1/agent/check/pass/nope"), 404, UNKNOWN_CHECK.format("nope"))
    refused(
        server.http("PUT", "/v1/agent/check/update/service:web1", {"Status": "up"}), 400, "Invalid check status: 'up'"
    )
    server.register("tcp", "t", Check={"TCP": "127.0.0.1:9", "Interval": "600s"})
    refused(
        server.http("PUT", "/v1/agent/check/pass/service:t"),
        500,
        'CheckID "service:t" does not have associated TTL',
    )


def test_node_checks_decide_too(server):
    server.register("web", "web1")
    server.put("/v1/agent/check/register", {"Name": "disk", "TTL": "60s", "Status": "warning", "Notes": "n"})
    (entry,) = server.get("/v1/health/service/web")
    assert [c["CheckID"] for c in entry["Checks"]] == ["serfHealth", "disk"]
    assert entry["Checks"][1]["Notes"] == "n" and entry["Checks"][1]["ServiceID"] == ""
    assert server.get("/v1/health/service/web?passing") == []
    server.put("/v1/agent/check/deregister/disk")
    assert len(server.get("/v1/health/service/web?passing")) == 1
    refused(server.http("PUT", "/v1/agent/check/deregister/disk"), 404, UNKNOWN_CHECK.format("disk"))


def test_maintenance(server):
    server.register("web", "web1")
    server.put("/v1/agent/service/maintenance/web1?enable=true&reason=moving%20house")
    check = server.get("/v1/agent/checks")["_service_maintenance:web1"]
    assert (check["Name"], check["Status"], check["Type"]) == ("Service Maintenance Mode", "critical", "maintenance")
    assert check["Notes"] == "moving house" and check["ServiceID"] == "web1"
    server.put("/v1/agent/service/maintenance/web1?enable=false")
    server.put("/v1/agent/service/maintenance/web1?enable=true")
    assert server.get("/v1/agent/checks")["_service_maintenance:web1"]["Notes"] == DEFAULT_REASON.format("service")
    server.put("/v1/agent/service/maintenance/web1?enable=false")
    server.put("/v1/agent/maintenance?enable=true")
    check = server.get("/v1/agent/checks")["_node_maintenance"]
    assert (check["Name"], check["ServiceID"]) == ("Node Maintenance Mode", "")
    assert check["Notes"] == DEFAULT_REASON.format("node")
    assert server.get("/v1/health/service/web?passing") == []
    server.put("/v1/agent/maintenance?enable=false")
    assert server.get("/v1/agent/checks") == {}
    path = "/v1/agent/service/maintenance/"
    refused(server.http("PUT", path + "web1"), 400, "Missing value for enable")
    refused(server.http("PUT", path + "web1?enable=maybe"), 400, 'Invalid value for enable: "maybe"')
    refused(server.http("PUT", path + "?enable=true"), 400, "Missing service ID")
    refused(server.http("PUT", path + "nope?enable=true"), 404, UNKNOWN_SERVICE.format("nope"))


def test_agent_health(server):
    def status(path, **headers):
        answer = server.http("GET", "/v1/agent/health/service/" + path, headers=headers)
        return answer.status, answer

    server.register("web", "a", Check={"TTL": "60s", "Status": "passing"})
    server.register("web", "b", Check={"TTL": "60s", "Status": "warning"})
    code, answer = status("id/a")
    assert code == 200 and answer.json()["AggregatedStatus"] == "passing"
    assert answer.headers["X-Consul-Reason"] == "passing"
    assert [c["CheckID"] for c in answer.json()["Checks"]] == ["service:a"]
    assert answer.json()["Service"]["ID"] == "a"
    assert status("id/b")[0] == 429
    assert status("name/web")[0] == 429 and len(status("name/web")[1].json()) == 2
    server.check("fail", "service:b")
    assert status("id/b?format=text") [0] == 503 and status("id/b?format=text")[1].text == "critical"
    assert status("id/b", Accept="text/plain")[1].text == "critical"
    server.put("/v1/agent/service/maintenance/a?enable=true")
    assert status("id/a")[0] == 503 and status("id/a")[1].json()["AggregatedStatus"] == "maintenance"
    code, answer = status("name/nope")
    assert code == 404 and answer.json() == []
    code, answer = status("id/nope?format=text")
    assert code == 404 and answer.text == "ServiceId nope not found"


# The catalog's writes


def test_catalog_register_and_deregister(server):
    node = {"Node": "ext", "Address": "192.0.2.7", "NodeMeta": {"os": "linux"}, "TaggedAddresses": {"lan": "192.0.2.7"}}
    service = {"ID": "r1", "Service": "redis", "Tags": ["p"], "Port": 6379, "Weights": {"Passing": 0, "Warning": 0}}
    check = {"Node": "ext", "CheckID": "c", "Name": "redis", "Status": "passing", "ServiceID": "r1"}
    answer = server.put("/v1/catalog/register", {**node, "Service": service, "Check": check})
    assert answer.body == b"true" and answer.headers["Content-Type"] == "application/json"
    (entry,) = server.get("/v1/health/service/redis?passing")
    assert entry["Node"]["Meta"] == {"os": "linux"} and entry["Node"]["TaggedAddresses"] == {"lan": "192.0.2.7"}
    assert entry["Service"]["Weights"] == {"Passing": 1, "Warning": 1} and entry["Service"]["Address"] == ""
    assert [c["CheckID"] for c in entry["Checks"]] == ["c"], "an external node has no serfHealth"
    assert server.ask("redis.service.local").addresses() == ["192.0.2.7"]
    assert server.get("/v1/agent/services") == {}, "the agent lists its own services only"
    assert server.get("/v1/health/service/redis?node-meta=os:linux") == [entry]
    assert server.get("/v1/health/service/redis?node-meta=os:plan9") == []
    assert [n["Node"] for n in server.get("/v1/catalog/nodes?node-meta=os:linux")] == ["ext"]

    # A node's check, which python-consul sends in lower case; SkipNodeUpdate needs no address.
    server.put("/v1/catalog/register", {"node": "ext", "skipnodeupdate": True, "check": {"name": "n", "status": "critical"}})
    assert server.get("/v1/health/service/redis?passing") == []
    server.put("/v1/catalog/deregister", {"Node": "ext", "CheckID": "n"})
    assert len(server.get("/v1/health/service/redis?passing")) == 1
    server.put("/v1/catalog/deregister", {"Node": "ext", "ServiceID": "r1"})
    assert server.get("/v1/catalog/services") == {}
    server.put("/v1/catalog/deregister", {"Node": "ext"})
    assert [n["Node"] for n in server.get("/v1/catalog/nodes")] == ["testnode"]
    for body in ({"Node": "ext"}, {"Node": "ext", "ServiceID": "x"}, {"Node": "testnode", "CheckID": "x"}):
        assert server.put("/v1/catalog/deregister", body).body == b"true", "what is not there is no error"


def test_the_output_of_a_catalog_check_is_kept(server):
    def register(output):
        check = {"CheckID": "e", "Name": "e", "Status": "passing", "Output": output}
        assert server.put("/v1/catalog/register", {"Node": "ext", "Address": "192.0.2.7", "Check": check}).body == b"true"

    def shown():
        answer = server.http("GET", "/v1/health/node/ext")
        (check,) = answer.json()
        return check["Output"], int(answer.headers["X-Consul-Index"])

    register("one")
    (output, index) = shown()
    assert output == "one"
    register("two")
    assert shown() == ("two", index + 1)
    register("two")
    assert shown() == ("two", index + 1), "the same again is no change"
    server.restart()
    assert shown() == ("two", index + 1)


def test_catalog_edits_what_the_agent_registered(server):
    server.register("web", "web1", "10.0.0.1", 80)
    server.put("/v1/catalog/deregister", {"Node": "testnode", "ServiceID": "web1"})
    assert server.get("/v1/agent/services") == {}


# The server itself


def test_self_members_status(server):
    self = server.get("/v1/agent/self")
    assert all(isinstance(value, dict) for value in self.values())
    assert set(self) == {"Config", "DebugConfig", "Coord", "Member", "Stats", "Meta", "xDS"}
    config = self["Config"]
    assert config["Datacenter"] == config["PrimaryDatacenter"] == "dc1" and config["Server"] is True
    assert config["NodeName"] == "testnode" and config["NodeID"] == own_node(server)["ID"]
    assert server.get("/v1/agent/members") == [self["Member"]]
    assert self["Member"]["Status"] == 1 and self["Member"]["Addr"] == "127.0.0.1"
    assert server.get("/v1/status/leader") == "127.0.0.1:8300"
    assert server.get("/v1/status/peers") == ["127.0.0.1:8300"]
    assert isinstance(server.get("/v1/agent/host"), dict) and "HumanVersion" in server.get("/v1/agent/version")


def test_plain_endpoints(server):
    assert server.http("GET", "/healthz").text == "ok\n" and server.http("GET", "/readyz").text == "ready\n"
    root = server.http("GET", "/")
    assert root.status == 302 and root.headers["Location"] == "/ui/" and "svcdns" in root.text
    assert "X-Consul-Default-ACL-Policy" not in root.headers
    server.register("web", "web1")
    answer = server.http("GET", "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names)), "each family once"
    assert any(line.startswith('svcdns_build_info{version="') for line in lines)
    assert server.metric("svcdns_registry_index") == server.metric("svcdns_view_index") > 1
    assert server.metric("svcdns_view_instances") == 1, "the counters of dns are there too"
    assert server.metric("svcdns_api_unpublished_total") == 0

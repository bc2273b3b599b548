"""What the HTTP API refuses, with which status and words, and that nothing changes by it; and its parameters."""

import json

from refusals import UNKNOWN_CHECK, UNKNOWN_SERVICE, refused


# Bad input: the status, a text that names the field, and an untouched registry


DECODE = "Request decode failed: json: cannot unmarshal "
BAD = [
    ("agent/service/register", "", 400, "Request decode failed: EOF"),
    ("agent/service/register", "{}", 400, "Missing service name"),
    ("agent/service/register", '{"Name":"w","Port":"80"}', 400, DECODE + 'string into field "Port" of type int'),
    ("agent/service/register", '{"Name":"w","Tags":[1]}', 400, DECODE + 'number into field "Tags" of type []string'),
    ("agent/service/register", '{"Name":"w","Address":"0.0.0.0"}', 400, "Invalid service address"),
    ("agent/service/register", '{"Name":"w","Check":{"HTTP":"http://h"}}', 400,
     "Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks"),
    ("agent/service/register", '{"Name":"w","Check":{"TCP":"h:1","Interval":"1s","TTL":"1s"}}', 400,
     "Invalid check: Interval and TTL cannot both be specified"),
    ("agent/service/register", '{"Name":"w","Check":{"TTL":"-1s"}}', 400, "Invalid check: TTL must be > 0 for TTL checks"),
    ("agent/service/register", '{"Name":"w","Check":{"Args":["x"],"Interval":"1s"}}', 400,
     'Invalid check: field "Check.Args": checks of this kind are not offered; offered are TTL, TCP, HTTP and GRPC'),
    ("agent/service/register", '{"Name":"w","Weights":{"Passing":0,"Warning":1}}', 400,
     "Invalid Weights: Passing must be greater than 0"),
    ("agent/service/register", '{"Name":"w","TaggedAddresses":{"lan_ipv4":{"Address":"::1"}}}', 400,
     'Service tagged address "lan_ipv4" must be a valid ipv4 address'),
    ("agent/check/register", '{"TTL":"1s"}', 400, "Missing check name"),
    ("agent/check/register", '{"Name":"c","TTL":"1s","Status":"x"}', 400, "Bad check status"),
    ("agent/check/register", '{"Name":"c","TTL":"1s","ServiceID":"x"}', 404, 'ServiceID "x" does not exist'),
    ("catalog/register", '{"Address":"x"}', 400, "Must provide node"),
    ("catalog/register", '{"Node":"a"}', 400, "Must provide address if SkipNodeUpdate is not set"),
    ("catalog/register", '{"Node":"a","Address":"10.0.0.1","Service":{"ID":"x"}}', 400,
     "Must provide service name (Service.Service) when service ID is provided"),
    ("catalog/register", '{"Node":"a","Address":"10.0.0.1","Datacenter":"x"}', 500, "No path to datacenter"),
    ("catalog/deregister", "{}", 400, "Must provide node"),
]  # fmt: skip

NAMED = [  # the text is the registry's; that it names the field is what counts
    ("agent/service/register", '{"Name":"a_b..c"}', 400, "service"),
    ("agent/service/register", '{"Name":"w","Meta":{"a b":"x"}}', 400, "Invalid Service Meta: Key contains"),
    ("agent/service/register", '{"Name":"w","Meta":{"consul-x":"x"}}', 400, "reserved"),
    ("agent/service/register", '{"Name":"w","Meta":{"dns-ttl":"soon"}}', 400, "dns-ttl"),
    ("agent/service/register", '{"Name":"w","Check":{"TCP":"nowhere","Interval":"1s"}}', 400, "TCP must be host:port"),
    ("agent/service/register", '{"Name":"w","Check":{"HTTP":"ftp://h","Interval":"1s"}}', 400, "HTTP must be a URL"),
    ("catalog/register", '{"Node":"a","Address":"10.0.0.1","ID":"x"}', 400, "Bad node ID"),
    ("agent/service/register", '{"Name":"w",}', 400, "Request decode failed: json: "),
    ("agent/service/register", '{"Name":"w","Port":1e999}', 400, "real number overflow"),
    ("agent/service/register", '{"Name":"a\\u0000b"}', 400, "Request decode failed: json: "),
]


def test_bad_bodies_change_nothing(server):
    before = server.metric("svcdns_registry_index")
    for path, body, status, text in BAD:
        refused(server.http("PUT", "/v1/" + path, body), status, text)
    for path, body, status, text in NAMED:
        answer = server.http("PUT", "/v1/" + path, body)
        assert answer.status == status and text in answer.text, (path, body, answer)
    assert server.metric("svcdns_registry_index") == before
    assert server.get("/v1/catalog/services") == {} and len(server.get("/v1/catalog/nodes")) == 1


def test_unknown_ids(server):
    for id in ("nope", ""):
        refused(server.http("PUT", "/v1/agent/service/deregister/" + id), 404, UNKNOWN_SERVICE.format(id))
        refused(server.http("PUT", "/v1/agent/check/deregister/" + id), 404, UNKNOWN_CHECK.format(id))
    for path, text in {
        "health/service/": "Missing service name",
        "health/checks/": "Missing service name",
        "health/node/": "Missing node name",
        "health/state/": "Missing check state",
        "catalog/service/": "Missing service name",
        "catalog/node/": "Missing node name",
    }.items():
        refused(server.http("GET", "/v1/" + path), 400, text)
    answer = server.http("GET", "/v1/agent/service/%zz")
    assert answer.status == 400 and "percent" in answer.text


def test_refusals_are_utf8(server):
    """Texts that quote what was sent are cut at some length, but never inside a character."""
    for n in range(95, 105):
        answer = server.http("PUT", "/v1/agent/check/register", {"Name": "c", "TTL": "x" * (n % 4) + "é" * n})
        assert answer.status == 400 and '"TTL"' in answer.body.decode()
        answer = server.http("PUT", "/v1/agent/check/update/c", {"Status": "x" * (n % 4) + "é" * n})
        assert answer.status == 400 and answer.body.decode().startswith("Invalid check status: ")


# Methods, paths, parameters


def test_methods_and_paths(server):
    for method, path, allow in (
        ("GET", "/v1/agent/service/register", "OPTIONS,PUT"),
        ("POST", "/v1/agent/service/register", "OPTIONS,PUT"),
        ("PUT", "/v1/agent/services", "OPTIONS,GET"),
        ("DELETE", "/v1/agent/service/deregister/x", "OPTIONS,GET,PUT"),
    ):
        answer = server.http(method, path)
        refused(answer, 405, f"method {method} not allowed")
        assert answer.headers["Allow"] == allow
    answer = server.http("HEAD", "/v1/agent/services")
    assert answer.status == 405 and answer.headers["Allow"] == "OPTIONS,GET" and answer.body == b""
    answer = server.http("OPTIONS", "/v1/agent/service/register")
    assert answer.status == 200 and answer.headers["Allow"] == "OPTIONS,PUT" and answer.body == b""
    for path in ("/v1/nope", "/v1/kv/a", "/v1/session/list", "/v1/event/list", "//v1/agent/services", "/v1/agent/services/"):
        refused(server.http("GET", path), 404, "Invalid URL path: not a recognized HTTP API endpoint\n")
    # python-consul reads the index even from a missing key.
    assert int(server.http("GET", "/v1/kv/a").headers["X-Consul-Index"]) >= 1


def test_query_parameters(server):
    path = "/v1/health/service/web"
    for query, mode in (("?stale", "stale"), ("?stale=1", "stale"), ("?consistent=1", "consistent"), ("", "leader")):
        answer = server.http("GET", path + query)
        assert answer.status == 200 and answer.headers["X-Consul-Effective-Consistency"] == mode
    for query, status, text in (
        ("?stale&consistent", 400, "Cannot specify ?stale with ?consistent, conflicting semantics."),
        ("?cached&consistent", 400, "Cannot specify ?cached with ?consistent, conflicting semantics."),
        ("?index=x", 400, "Invalid index"),
        ("?index=-1", 400, "Invalid index"),
        ("?index=1&wait=60", 400, "Invalid wait time"),
        ("?dc=elsewhere", 500, "No path to datacenter"),
        ("?dc=dc1&datacenter=elsewhere", 500, "No path to datacenter"),
        ("?filter=Service.Tags+contains+%22a%22", 400, "filter is not supported; use tag, node-meta and passing"),
    ):
        refused(server.http("GET", path + query), status, text)
    assert server.http("GET", path + "?dc=DC1&index=&wait=&filter=").status == 200


def test_pretty(server):
    server.register("web", "web1")
    text = server.http("GET", "/v1/catalog/services?pretty").text
    assert text == '{\n    "web": []\n}\n'
    assert json.loads(server.http("GET", "/v1/health/service/web?pretty").text) == server.get("/v1/health/service/web")

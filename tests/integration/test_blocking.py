"""Blocking queries against the real server: what wakes them, how soon, and what does not (consul.md section 2.2)."""

import http.client
import json
import socket
import threading
import time

import pytest

import svc

WAKE = 0.05  # seconds from the reply of the write to the reply of the query
LONG = "10m"  # longer than any test waits: what is answered was woken


class Watch(threading.Thread):
    """One blocking query in a thread of its own, on a connection of its own."""

    def __init__(self, server, path, index):
        super().__init__(daemon=True)
        self.server, self.path, self.answer = server, path, None
        separator = "&" if "?" in path else "?"
        self.query = f"{path}{separator}index={index}&wait={LONG}"
        parked = server.metric("svcdns_api_parked")
        self.start()
        svc.wait_until(lambda: not self.is_alive() or server.metric("svcdns_api_parked") > parked, "the query is parked")

    def run(self):
        self.answer = self.server.http("GET", self.query, fresh=True)

    def done(self):
        """The reply."""
        self.join(svc.PATIENCE)
        assert self.answer is not None, f"{self.query} still blocks"
        assert self.answer.status == 200
        return self.answer


def index_of(server, path):
    return int(server.http("GET", path).headers["X-Consul-Index"])


SERVICE = "/v1/health/service/web"


@pytest.fixture
def web(server):
    server.register("web", "web1", "10.0.0.1", 80, Check={"TTL": "1h", "Status": "passing"})
    server.register("db", "db1", "10.0.0.2", 81, Check={"TTL": "1h", "Status": "passing"})
    return server


CHANGES = {
    "an instance more": lambda s: s.register("web", "web2"),
    "another tag": lambda s: s.register("web", "web1", "10.0.0.1", 80, Tags=["t"]),
    "check fails": lambda s: s.check("fail", "service:web1"),
    "check warns": lambda s: s.put("/v1/agent/check/update/service:web1", {"Status": "warning", "Output": "o"}),
    "maintenance": lambda s: s.put("/v1/agent/service/maintenance/web1?enable=true"),
    "node check": lambda s: s.put("/v1/agent/check/register", {"Name": "disk", "TTL": "1h"}),
    "check added": lambda s: s.put("/v1/agent/check/register", {"Name": "x", "TTL": "1h", "ServiceID": "web1"}),
    "check removed": lambda s: s.put("/v1/agent/check/deregister/service:web1"),
    "last instance gone": lambda s: s.deregister("web1"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_wakes(web, change):
    index = index_of(web, SERVICE)
    watch = Watch(web, SERVICE, index)
    catalog = Watch(web, "/v1/catalog/service/web", index)
    assert watch.is_alive() and catalog.is_alive()
    CHANGES[change](web)
    answer = watch.done()
    assert int(answer.headers["X-Consul-Index"]) > index
    assert answer.json() == web.get(SERVICE)
    assert int(catalog.done().headers["X-Consul-Index"]) > index


def test_wakes_quickly(web):
    """The middle one of many, and beside what a plain read takes meanwhile, so that a busy machine does not decide."""
    waker, connection, took, plain = web.connect_http(), web.connect_http(), [], []
    for n in range(31):
        start = time.monotonic()
        index = index_of(web, SERVICE)
        plain.append(time.monotonic() - start)
        parked = web.metric("svcdns_api_parked")
        connection.request("GET", f"{SERVICE}?index={index}&wait={LONG}")
        svc.wait_until(lambda: web.metric("svcdns_api_parked") > parked, "the query is parked", interval=0.002)
        waker.request("PUT", f"/v1/agent/check/{'fail' if n % 2 == 0 else 'pass'}/service:web1")
        assert waker.getresponse().read() == b""
        start = time.monotonic()
        reply = connection.getresponse()
        reply.read()
        took.append(time.monotonic() - start)
        assert int(reply.headers["X-Consul-Index"]) > index
    assert sorted(took)[15] < WAKE + 10 * sorted(plain)[15], (took, plain)


def test_other_services_do_not_wake(web):
    web.check("pass", "service:web1")  # the first result: it is no longer the one that was given at registration
    index = index_of(web, SERVICE)
    watch = Watch(web, SERVICE, index)
    for _ in range(3):
        web.check("fail", "service:db1")
        web.check("pass", "service:db1")
    web.register("db", "db2")
    web.deregister("db2")
    # What changes nothing.
    web.register("web", "web1", "10.0.0.1", 80, Check={"TTL": "1h", "Status": "passing"})
    web.check("pass", "service:web1", "another output")
    assert watch.is_alive() and index_of(web, SERVICE) == index
    web.check("fail", "service:web1")
    watch.done()


@pytest.mark.parametrize(
    "path, change, other",
    [
        ("/v1/catalog/services", lambda s: s.register("new"), lambda s: s.check("fail", "service:web1")),
        ("/v1/catalog/nodes", lambda s: s.put("/v1/catalog/register", {"Node": "n2", "Address": "10.0.0.9"}),
         lambda s: s.check("fail", "service:web1")),
        ("/v1/catalog/node/testnode", lambda s: s.register("new"), None),
        ("/v1/health/state/critical", lambda s: s.check("fail", "service:web1"), lambda s: s.register("new")),
        ("/v1/health/checks/web", lambda s: s.check("fail", "service:web1"), lambda s: s.register("new")),
        ("/v1/health/node/testnode", lambda s: s.check("fail", "service:db1"), lambda s: s.register("new")),
        ("/v1/health/service/new", lambda s: s.register("new"), None),
    ],
)  # fmt: skip
def test_resources(web, path, change, other):
    index = index_of(web, path)
    watch = Watch(web, path, index)
    if other:
        other(web)
        assert watch.is_alive() and index_of(web, path) == index
    change(web)
    answer = watch.done()
    assert int(answer.headers["X-Consul-Index"]) > index and answer.json() == web.get(path)


CHECK = {"CheckID": "c", "Name": "beat", "TTL": "60s", "Status": "passing"}


@pytest.mark.parametrize(
    "path, service, before, after",
    [
        ("/v1/health/state/any", "web", {"Tags": ["a"]}, {"Tags": ["b"]}),
        ("/v1/health/node/testnode", "web", {"Tags": ["a"]}, {"Tags": ["b"]}),
        ("/v1/health/checks/api", "api", {}, {}),
    ],
)
def test_checks_wake_for_what_their_rows_show_of_instances(server, path, service, before, after):
    """Fabio watches nothing but the checks, and makes its routes of their ServiceTags."""
    server.register("web", "w", "10.0.0.1", 80, Check=CHECK, **before)
    index = index_of(server, path)
    watch = Watch(server, path, index)
    server.register(service, "w", "10.0.0.1", 80, Check=CHECK, **after)
    answer = watch.done()
    assert int(answer.headers["X-Consul-Index"]) > index
    (row,) = [row for row in answer.json() if row["CheckID"] == "c"]
    assert (row["ServiceName"], row["ServiceTags"]) == (service, after.get("Tags", []))


def test_times_out_with_what_there_is(web):
    index = index_of(web, SERVICE)
    start = time.monotonic()
    answer = web.http("GET", f"{SERVICE}?index={index}&wait=300ms", fresh=True)
    took = time.monotonic() - start
    assert answer.status == 200 and int(answer.headers["X-Consul-Index"]) == index
    assert answer.json() == web.get(SERVICE)
    assert 0.3 <= took


def test_returns_at_once(web):
    index = index_of(web, SERVICE)
    for query in ("", "?index=0", f"?index={index - 1}", f"?index={index + 1000}&wait={LONG}", f"?wait={LONG}", "?index=1"):
        answer = web.http("GET", SERVICE + query, fresh=True)
        assert answer.status == 200, query
        assert int(answer.headers["X-Consul-Index"]) == index


KEY = "/v1/kv/fabio/config?recurse"


def test_a_watcher_of_keys_waits(web):
    """Fabio asks again as soon as it has a reply, a 404 too: it must get one when its time is over, and no sooner."""
    for query, least, most in (("", 0, 15), ("&index=0&wait=60s", 0, 15), ("&index=1&wait=1s", 1, 25)):
        start = time.monotonic()
        answer = web.http("GET", KEY + query, fresh=True)
        took = time.monotonic() - start
        assert answer.status == 404 and answer.headers["X-Consul-Index"] == "1", query
        assert least <= took < most, f"{query}: {took:.3f} s"
    assert web.http("GET", KEY + "&index=x", fresh=True).status == 400
    for method in ("PUT", "DELETE"):
        assert web.http(method, KEY + "&index=1", fresh=True).status == 404


def test_a_watcher_of_keys_is_one_of_the_parked(start_server):
    server = start_server(**{"http.parked": "1"})
    watch = Watch(server, KEY, 7)
    assert server.http("GET", KEY + "&index=1&wait=20s", fresh=True).status == 429
    server.register("web", "web1")
    assert server.metric("svcdns_api_parked") == 1, "no change is its own"
    server.stop()
    watch.join(svc.PATIENCE)
    assert watch.answer is not None and watch.answer.status == 404


def test_many_watchers_of_one_service(web):
    index = index_of(web, SERVICE)
    watches = [Watch(web, SERVICE, index) for _ in range(40)]
    web.check("fail", "service:web1")
    for watch in watches:
        assert watch.done().json()[0]["Checks"][1]["Status"] == "critical"


def test_client_that_leaves_is_forgotten(web):
    index = index_of(web, SERVICE)
    before = web.metric("svcdns_api_parked")
    connections = [web.connect_http() for _ in range(5)]
    for connection in connections:
        connection.request("GET", f"{SERVICE}?index={index}&wait={LONG}")
    svc.wait_until(lambda: web.metric("svcdns_api_parked") == before + 5, "the queries are parked")
    for connection in connections:
        connection.close()
    svc.wait_until(lambda: web.metric("svcdns_api_parked") == before, "they are freed, long before their time")
    web.check("fail", "service:web1")


def test_too_many_are_refused(start_server):
    server = start_server(**{"http.parked": "3"})
    server.register("web", "web1")
    index = index_of(server, SERVICE)
    watches = [Watch(server, SERVICE, index) for _ in range(3)]
    answer = server.http("GET", f"{SERVICE}?index={index}&wait={LONG}", fresh=True)
    assert answer.status == 429 and "blocking queries" in answer.text and answer.headers["Retry-After"]
    server.register("web", "web2")
    for watch in watches:
        watch.done()


def test_end_of_the_server_answers(start_server):
    server = start_server()
    server.register("web", "web1")
    watch = Watch(server, SERVICE, index_of(server, SERVICE))
    server.stop()
    assert len(watch.done().json()) == 1


def park(server, count, query):
    """`count` raw connections with a blocking query each, all of them parked."""
    sockets = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", server.http_port))
        s.sendall(f"GET {query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        s.settimeout(svc.PATIENCE)
        sockets.append(s)
    return sockets


def read_reply(s):
    reply = http.client.HTTPResponse(s)
    reply.begin()
    return reply.status, int(reply.headers["X-Consul-Index"]), reply.read()


def test_many_watchers_share_one_rendering(web):
    """One change answers all that watch the service; those who ask the same get the same bytes, rendered once for a
    wave of them, and those who left meanwhile are nobody's problem."""
    index = index_of(web, SERVICE)
    woken = {kind: web.metric(f'svcdns_api_woken_total{{reply="{kind}"}}') for kind in ("rendered", "shared")}
    plain = park(web, 150, f"{SERVICE}?index={index}&wait={LONG}")
    stale = park(web, 20, f"{SERVICE}?stale&index={index}&wait=9m")
    pretty = park(web, 20, f"{SERVICE}?pretty&index={index}&wait={LONG}")
    tagged = park(web, 20, f"{SERVICE}?tag=none&index={index}&wait={LONG}")
    leavers = park(web, 40, f"{SERVICE}?index={index}&wait={LONG}")
    svc.wait_until(lambda: web.metric("svcdns_api_parked") == 250, "the queries are parked")
    web.register("web", "web2", "10.0.0.3", 83)
    for s in leavers:
        s.close()
    web.check("pass", "service:db1")  # a heartbeat, meanwhile
    replies = {name: {read_reply(s) for s in sockets} for name, sockets in
               {"plain": plain, "stale": stale, "pretty": pretty, "tagged": tagged}.items()}
    assert all(len(found) == 1 for found in replies.values()), "all who ask the same get the same"
    bodies = {name: found.pop() for name, found in replies.items()}
    assert {(status, seen > index) for status, seen, _ in bodies.values()} == {(200, True)}
    assert bodies["plain"] == bodies["stale"]
    assert bodies["pretty"][2] != bodies["plain"][2]
    assert json.loads(bodies["pretty"][2]) == json.loads(bodies["plain"][2])
    assert len(json.loads(bodies["plain"][2])) == 2
    assert json.loads(bodies["tagged"][2]) == []
    after = {kind: web.metric(f'svcdns_api_woken_total{{reply="{kind}"}}') - woken[kind] for kind in woken}
    # Once for each of three questions, and again behind another commit, or where a busy machine made a short read long.
    assert after["rendered"] <= 20
    assert after["rendered"] + after["shared"] >= 210
    for s in plain + stale + pretty + tagged:
        s.close()


def test_no_change_is_missed(web):
    """A watcher that follows the index sees the last of many quick changes."""
    seen, stop = [], threading.Event()

    def follow():
        index = 0
        while not stop.is_set():
            answer = web.http("GET", f"{SERVICE}?index={index}&wait={LONG}", fresh=True)
            assert int(answer.headers["X-Consul-Index"]) >= index
            index = int(answer.headers["X-Consul-Index"])
            seen.append([c["Output"] for c in answer.json()[0]["Checks"]][-1])

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    for n in range(200):
        web.check("fail" if n % 2 == 0 else "pass", "service:web1", f"round-{n}")
    svc.wait_until(lambda: seen[-1:] == ["round-199"], "the last one is seen")
    stop.set()
    web.check("fail", "service:web1")
    follower.join(svc.PATIENCE)
    assert not follower.is_alive()

"""Lists that take long are read beside the loop: whoever else asks or reports is served meanwhile, and what is shared is
never older than what was acknowledged before it was asked for."""

import http.client
import itertools
import json
import select
import signal
import socket
import sqlite3
import threading

import pytest

import svc

COUNT = 10000
LIST = "/v1/health/service/many"
FILL = """
INSERT INTO {table} ({columns}) WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
SELECT {values} FROM {table}, n WHERE {where}
"""


def fill(database):
    """Copies the instance many/m0 and its name until there are COUNT."""
    copied = {"id": "'m' || n.n", "label": "'m' || n.n", "name": "'m' || n.n || '.many'"}
    for table, where in (("instance", "id = 'm0'"), ("name", "name.id = 'm0'")):
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        values = ", ".join(copied.get(column, f"{table}.{column}") for column in columns)
        database.execute(FILL.format(table=table, columns=", ".join(columns), values=values, where=where, count=COUNT - 1))
    database.commit()


@pytest.fixture
def large(start_server):
    server = start_server()
    server.register("many", "m0", "10.0.0.1", 80)
    server.register("web", "web1", "10.0.0.2", 81, Check={"TTL": "60s", "Status": "passing"})
    server.stop()
    database = sqlite3.connect(server.config["registry.path"])
    fill(database)
    database.close()
    return server.start()


class Get(threading.Thread):
    """A request on a connection of its own, and what came of it."""

    def __init__(self, server, path):
        super().__init__(daemon=True)
        self.server, self.path, self.answer = server, path, None
        self.start()

    def run(self):
        self.answer = self.server.http("GET", self.path, fresh=True)

    def ids(self):
        self.join(4 * svc.PATIENCE)
        assert self.answer is not None, f"{self.path} is not answered"
        assert self.answer.status == 200, self.answer
        return {entry["Service"]["ID"] for entry in self.answer.json()}


def reads(server):
    return server.metric("svcdns_api_long_reads_total")


def begin(server, path):
    """A long read that is under way."""
    before = reads(server)
    get = Get(server, path)
    svc.wait_until(lambda: reads(server) > before, f"{path} is read")
    return get


def test_the_others_are_served_meanwhile(large):
    """A heartbeat and a registration that come behind the request for a long list are answered before it; where the disk
    was too slow for that once, the next time."""
    def came_before():
        before = reads(large)
        asker = large.connect_http(4 * svc.PATIENCE)
        asker.request("GET", "/v1/agent/services")
        svc.wait_until(lambda: reads(large) > before, "the list is read")
        large.put("/v1/agent/check/pass/service:web1")
        large.register("db", "db1", "10.0.0.3", 82)
        in_time = select.select([asker.sock], [], [], 0)[0] == []
        assert len(json.loads(asker.getresponse().read())) >= COUNT + 1
        asker.close()
        assert reads(large) == before + 1
        return in_time

    svc.wait_until(came_before, "the others come before the list")
    before = reads(large)
    for _ in range(20):
        assert len(large.get("/v1/health/service/web")) == 1
    assert reads(large) < before + 20, "a short list is read at once, if the machine does not stand still for that moment"


def test_what_is_shared_is_new_enough(large):
    """Two that ask behind a registration share a read, but not the one that began before it; they have to come while that
    is under way, so it is tried until they do."""
    numbers = itertools.count(1)

    def shared():
        number, before = next(numbers), reads(large)
        first = begin(large, LIST)
        large.register("many", f"new{number}", "10.0.0.4", 83)
        later = [Get(large, LIST), Get(large, LIST)]
        assert len(first.ids()) in (COUNT + number - 1, COUNT + number)
        assert [len(get.ids()) for get in later] == [COUNT + number] * 2
        assert all(f"new{number}" in get.ids() for get in later)
        return reads(large) == before + 2

    svc.wait_until(shared, "the two share a read")


def test_woken_watchers_share(large):
    index = int(large.http("GET", LIST).headers["X-Consul-Index"])
    before = reads(large)
    watchers = [Get(large, f"{LIST}?index={index}&wait=10m") for _ in range(6)]
    svc.wait_until(lambda: large.metric("svcdns_api_parked") == 6, "the watchers are parked")
    large.register("many", "new", "10.0.0.4", 83)
    assert all("new" in get.ids() for get in watchers)
    assert all(int(get.answer.headers["X-Consul-Index"]) > index for get in watchers)
    assert reads(large) - before <= 2
    rendered, shared = (large.metric(f'svcdns_api_woken_total{{reply="{reply}"}}') for reply in ("rendered", "shared"))
    assert (rendered + shared, shared >= 4) == (6, True)


def test_whoever_leaves_is_forgotten(large):
    """A client that leaves while its list is read, and one that leaves while it waits for that."""
    clients = []
    for number in range(8):
        clients.append(large.connect_http())
        clients[-1].request("GET", "/v1/agent/services" if number < 7 else LIST)
        svc.wait_until(lambda: reads(large) >= 1, "the first list is read")
    for client in clients:
        client.close()
    svc.wait_until(lambda: large.metric("svcdns_api_connections") == 1, "the clients are gone")
    assert len(Get(large, LIST).ids()) == COUNT
    assert reads(large) < 9, "nothing is read for clients that have left"


def test_a_new_config_comes_in_between(large, tmp_path):
    """A reload beside long lists waits for the one that is being read, and for no other."""
    path = tmp_path / "svcdns.conf"
    path.write_text("")
    argv = large.arguments
    large.arguments = lambda: argv() + [f"--config={path}"]
    large.restart()
    numbers = itertools.count(1)

    def came_in_between():
        """Before the last of the lists at least; on a busy machine the word of it may take long."""
        number, before = next(numbers), reads(large)
        begin(large, "/v1/agent/services")
        lists = [Get(large, "/v1/agent/services") for _ in range(3)]
        path.write_text(f"[http]\nhosts = other{number}.example\n")
        large.signal("supervisor", signal.SIGHUP)
        svc.wait_until(lambda: large.http("GET", "/healthz", headers={"Host": f"other{number}.example"}).status == 200,
                       "the new config is in force", 4 * svc.PATIENCE)
        in_between = reads(large) <= before + 2
        for get in lists:
            get.join(4 * svc.PATIENCE)
            assert get.answer.status == 200 and len(get.answer.json()) == COUNT + 1
        return in_between

    svc.wait_until(came_in_between, "the config does not wait for all lists")


def test_clients_take_turns(large):
    """Whoever asks for many lists holds up nobody else: another client's one comes before the last of them."""
    answered = []

    def take(number, client):
        client.getresponse().read()
        answered.append(number)

    sources = ["127.0.0.1"] * 8 + ["127.0.0.2"]
    clients = [http.client.HTTPConnection("127.0.0.1", large.http_port, 4 * svc.PATIENCE, (source, 0)) for source in sources]
    for client in clients:
        client.connect()
    for number, client in enumerate(clients):
        client.request("GET", f"/v1/agent/services?number={number}")
    threads = [threading.Thread(target=take, args=row) for row in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * svc.PATIENCE)
    for client in clients:
        client.close()
    assert sorted(answered) == list(range(9)) and answered.index(8) <= 4, answered


def test_slow_readers_hold_up_lists_and_no_memory(large):
    """No list is made while too much of others waits for those who read a little now and then; it is told why."""
    large.config.update({"http.write_buffer": "64KiB", "http.write_timeout": "4s"})
    large.restart()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # or the kernel would hold megabytes of it
        slow.settimeout(svc.PATIENCE)
        slow.connect(("127.0.0.1", large.http_port))
        slow.sendall("GET /v1/agent/services HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert slow.recv(1) == b"H"
        other = Get(large, "/v1/agent/services?pretty")
        while other.is_alive():
            slow.recv(16384)
            other.join(0.05)
        assert other.answer.status == 503 and b"clients that read slowly" in other.answer.body, other.answer
        assert other.answer.headers["Retry-After"] == "1" and reads(large) == 1
        assert len(large.get("/v1/health/service/web")) == 1, "what is short is answered"
    svc.wait_until(lambda: large.http("GET", "/v1/agent/services").status == 200, "lists are made again", 4 * svc.PATIENCE)


def test_the_end_does_not_wait_for_it(large):
    begin(large, "/v1/agent/services")
    large.stop()

"""A process that stands still is replaced, a long start or reload is none, and a service manager is told."""

import contextlib
import os
import queue
import signal
import socket
import sqlite3
import threading
import time

import pytest

import svc
import zone_fixture


@pytest.mark.parametrize("role", ["dns", "sidecar"])
def test_a_stopped_process_is_noticed_and_replaced(tmp_path, role):
    with svc.Server(tmp_path, {"process.stall_timeout": "4s"}) as server:
        server.register("web", id="w1", address="10.0.0.1", port=80)
        old = server.signal(role, signal.SIGSTOP)
        svc.wait_until(lambda: server.children().get(role, old) != old, "the stopped process is replaced")
        server.wait_ready()
        assert server.ask("web.service.local").addresses() == ["10.0.0.1"]
        assert server.log().count("stands still") == 1, "one line for all threads"


def grow(path, count):
    """Copies the instance "seed" of a registry that no server has open `count` times, each copy with its checks, ten to a service."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        numbers = "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < ?)"
        db.execute(f"{numbers} INSERT OR IGNORE INTO service SELECT 's' || (n / 10), modify_index FROM k, service", (count,))
        for table, key, new in (
            ("instance", "id", {"id": "'i' || n", "label": "'i' || n", "service": "'s' || (n / 10)"}),
            ("checks", "instance_id", {"id": "'c' || n", "instance_id": "'i' || n"}),
        ):
            names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(new.get(name, name) for name in names)
            db.execute(f"{numbers} INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM k, {table}"
                       f" WHERE {key} = 'seed'", (count,))
        db.commit()


@pytest.mark.long
def test_a_long_start_is_no_stall(tmp_path):
    """To load many checks takes longer than a thread may stand still; the process is not killed for it."""
    count = 100_000  # some three seconds in a sanitized build
    server = svc.Server(tmp_path, {"process.stall_timeout": "2s"})
    with server:
        server.register("web", id="seed", address="10.0.0.1", port=80, Check={"TTL": "10h", "Status": "passing"})
    grow(server.config["registry.path"], count)
    server.start(ready=False)
    server.wait_ready(patience=4 * svc.PATIENCE)
    assert server.metric("svcdns_checks") == count + 1
    server.stop()
    assert "process died" not in server.log()


class Manager(threading.Thread):
    """A service manager's end of sd_notify(3). It reads all the time: what does not fit into the socket is lost."""

    def __init__(self, name):
        super().__init__(daemon=True)
        self.socket, self.said = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), queue.Queue()
        self.socket.bind(name)
        self.start()

    def run(self):
        while data := self.socket.recv(100):
            self.said.put((data, time.monotonic()))

    def next(self):
        """(what was said, when)"""
        return self.said.get(timeout=svc.PATIENCE)

    def wait(self, wanted):
        while self.next()[0] != wanted:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.socket.close()


@pytest.mark.parametrize("abstract", [False, True])
def test_service_manager_is_told(tmp_path, abstract):
    """sd_notify(3): READY=1 when the view is whole, WATCHDOG=1 in time, STOPPING=1 at the end."""
    name = f"\0svcdns-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with Manager(name) as manager:
        variables = {"NOTIFY_SOCKET": name.replace("\0", "@"), "WATCHDOG_USEC": "400000"}
        server = svc.Server(tmp_path, environment=variables).start(ready=False)
        try:
            manager.wait(b"READY=1")
            assert server.http("GET", "/readyz").status == 200
            assert server.ask("service.local", "SOA").rcode == 0
            times = []
            while len(times) < 11:
                said, at = manager.next()
                times += [at] if said == b"WATCHDOG=1" else []
            pauses = sorted(after - before for before, after in zip(times, times[1:]))
            assert pauses[5] < 0.4, "more often than the limit, but where a busy machine stood still"
        finally:
            server.stop()
        manager.wait(b"STOPPING=1")


def test_a_long_reload_is_no_stall(tmp_path):
    """sd_notify(3): another limit holds while zone files are read, here one that is a pipe to which nobody writes yet."""
    zone = tmp_path / "zone"
    zone.write_text(zone_fixture.ZONE)
    with Manager(str(tmp_path / "notify")) as manager:

        def told():
            return next(said for said, _ in iter(manager.next, None) if said != b"WATCHDOG=1")

        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with svc.Server(tmp_path, {"zone.file": str(zone)}, environment=variables) as server:
            assert told() == b"READY=1"
            zone.unlink()
            os.mkfifo(zone)
            server.signal("supervisor", signal.SIGHUP)
            assert told() == b"WATCHDOG_USEC=600000000"
            zone.write_text("nothing that is a zone\n")
            assert told() == b"WATCHDOG_USEC=400000"
            assert manager.next()[0] == b"WATCHDOG=1"
        assert told() == b"STOPPING=1"

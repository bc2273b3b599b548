"""The operator's verbs: backup, reload, check-config; and the routes behind them."""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import threading

import pytest

import svc
from cli import Client


def rows(path):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return db.execute("SELECT service, id, address, port FROM svcdns_instances ORDER BY id").fetchall()


# Backup

def test_backup(start_server, tmp_path):
    server = start_server()
    server.register("web", "w1", "10.0.0.1", 1)
    folder = tmp_path / "copies"
    folder.mkdir()
    copy = folder / "copy.db"
    copy.write_text("an older one")
    done = Client(server)("backup", copy, "--json")
    assert done.status == 0 and done.json() == {"File": str(copy), "Bytes": copy.stat().st_size}, done
    assert copy.stat().st_mode & 0o777 == 0o600
    assert rows(copy) == [("web", "w1", "10.0.0.1", 1)]
    server.register("web", "w2", "10.0.0.2", 2)
    assert [path.name for path in folder.iterdir()] == ["copy.db"], "one file is all that it needs"
    assert not list(server.directory.glob("*.snapshot")), "the server's own copy is gone"
    index = server.get("/v1/health/service/web")[0]["Service"]["ModifyIndex"]

    again = start_server(**{"registry.path": copy})
    assert again.ask("web.service.local", "SRV").srv() == [(1, 1, 1, "w1.web.service.local")]
    assert again.get("/v1/health/service/web")[0]["Service"]["ModifyIndex"] == index
    again.register("web", "w3", "10.0.0.3", 3)
    assert len(again.ask("web.service.local").answer) == 2


@pytest.fixture
def large(start_server):
    """A registry of some megabytes."""
    server = start_server(**svc.MAY_STAND_STILL)
    server.register_many([{"Name": f"service-{i % 40}", "ID": f"i{i}", "Address": "10.0.0.1", "Port": 1 + i,
                           "Meta": {f"key{k}": "x" * 500 for k in range(20)}} for i in range(800)])
    return server


def test_backup_while_writing(large, tmp_path):
    """Each copy is one moment: the instance written last, and all before it, and nothing waits."""
    client, stop, written = Client(large), threading.Event(), []

    def write():
        while not stop.is_set():
            connection = large.connect_http()
            connection.request("PUT", "/v1/agent/service/register",
                               json.dumps({"Name": "new", "ID": f"n{len(written):06}", "Port": 1}))
            assert connection.getresponse().status == 200
            written.append(1)
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(3):
            before = len(written)
            assert client("backup", tmp_path / f"copy{i}.db").status == 0
            after = len(written) + 1
            found = [id for _, id, _, _ in rows(tmp_path / f"copy{i}.db") if id.startswith("n")]
            assert found == [f"n{n:06}" for n in range(len(found))], "no gap"
            assert before <= len(found) <= after
    finally:
        stop.set()
        writer.join()
    assert (tmp_path / "copy0.db").stat().st_size > 4 << 20, "large enough to be sent in portions"


def test_backup_of_a_slow_client(large, tmp_path):
    """A client that takes nothing of its copy holds up nobody; a second copy may be made while it is sent."""
    slow = large.connect_http()
    slow.request("GET", "/v1/snapshot")
    reply = slow.getresponse()  # its head: the copy is made, and is being sent
    assert Client(large)("backup", tmp_path / "copy.db").status == 0
    large.register("web", "w1")
    (tmp_path / "slow.db").write_bytes(reply.read())
    assert len(rows(tmp_path / "slow.db")) == 800


def test_backups_at_once(large):
    """Of several that come at once each is made whole, or told to come back."""
    connections = [large.connect_http() for _ in range(6)]
    for connection in connections:
        connection.request("GET", "/v1/snapshot")
    replies = [connection.getresponse() for connection in connections]
    bodies = [reply.read() for reply in replies]
    statuses = [reply.status for reply in replies]
    assert 200 in statuses and set(statuses) <= {200, 429}
    for status, reply, body in zip(statuses, replies, bodies):
        if status == 200:
            assert body.startswith(b"SQLite format 3\0")
            assert reply.headers["Content-Type"] == "application/vnd.sqlite3"
        else:
            assert reply.headers["Retry-After"] and body == b"another one is under way"


def test_backup_clients_that_leave(large, tmp_path):
    """In any phase: nothing is left behind, and the next one works."""
    for _ in range(10):
        connection = large.connect_http()
        connection.request("GET", "/v1/snapshot")
        connection.close()
    client = Client(large)
    svc.wait_until(lambda: client("backup", tmp_path / "copy.db").status == 0, "the former ones are over")
    svc.wait_until(lambda: not list(large.directory.glob("*.snapshot")), "no copy is left")


def test_backup_times_out(start_server, tmp_path):
    server = start_server(**{"http.snapshot_timeout": "10ms"})
    server.register_many([{"Name": "web", "ID": f"i{i}", "Meta": {f"key{k}": "x" * 500 for k in range(60)}}
                          for i in range(400)])
    done = Client(server)("backup", tmp_path / "copy.db")
    assert done.status == 2 and "http.snapshot_timeout" in done.err, done
    assert not (tmp_path / "copy.db").exists() and not list(server.directory.glob("*.snapshot"))


def test_backup_that_breaks_off(large, tmp_path):
    """The server dies while it sends: no file, and an older copy stays as it was."""
    folder = tmp_path / "copies"
    folder.mkdir()
    (folder / "copy.db").write_text("older")
    client = Client(large)
    large.signal("sidecar", signal.SIGSTOP)
    run = client.start("backup", folder / "copy.db")
    svc.wait_until(lambda: len(list(folder.iterdir())) == 2, "it waits for the server")
    os.kill(large.pid("sidecar"), signal.SIGKILL)
    run.communicate(timeout=svc.PATIENCE)
    if run.returncode == 2:  # else the new sidecar took the connection and answered
        assert (folder / "copy.db").read_text() == "older"
    assert [path.name for path in folder.iterdir()] == ["copy.db"]


def descriptors(pid):
    """What a process has open now."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(os.readlink(path))
    return found


def test_backup_interrupted(large, tmp_path):
    folder = tmp_path / "copies"
    folder.mkdir()
    pid = large.signal("sidecar", signal.SIGSTOP)
    run = Client(large).start("backup", folder / "copy.db")
    svc.wait_until(lambda: list(folder.iterdir()), "it waits for the server")
    svc.wait_until(lambda: any("signalfd" in name for name in descriptors(run.pid)), "it watches signals")
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=svc.PATIENCE)
    os.kill(pid, signal.SIGCONT)
    assert run.returncode == 2 and "interrupted" in said and not list(folder.iterdir())


def test_backup_cannot_write(start_server, tmp_path):
    done = Client(start_server())("backup", tmp_path / "none" / "copy.db")
    assert done.status == 2 and "cannot write beside" in done.err


def test_backup_onto_what_is_no_file(server, tmp_path):
    """It would take the place of a device, which root may replace."""
    for path in (tmp_path / "folder", tmp_path / "pipe"):
        (path.mkdir if path.name == "folder" else lambda: os.mkfifo(path))()
        kind = path.stat().st_mode
        done = Client(server)("backup", path)
        assert done.status == 2 and "no regular file" in done.err, done
        assert path.stat().st_mode == kind


def test_id_that_is_no_text(server):
    """It was left out, and the instance with the service's name registered in its place."""
    done = Client(server)("register", "web", b"--id=\xff")
    assert done.status == 2 and "--id: '\\xff' is no UTF-8" in done.err, done
    assert server.get("/v1/agent/services") == {}


# Reload

@pytest.fixture
def configured(tmp_path):
    """A server with a config file, whose text may be set anew."""
    path = tmp_path / "svcdns.conf"
    path.write_text("[zone]\nttl = 5s\n")
    server = svc.Server(tmp_path / "server")
    argv = server.arguments
    server.arguments = lambda: argv() + [f"--config={path}"]
    server.set_config = path.write_text
    server.config_path = path
    with server:
        yield server


def test_reload(configured):
    client = Client(configured)
    configured.register("web", "w1", "10.0.0.1", 1)
    assert (client("reload").status, client("reload").out) == (0, "the config was read\n")
    configured.set_config("[zone]\nttl = 9s\n[dns]\nworkers = 1\n")
    done = client("reload", "--json")
    assert done.json() == {"Reloaded": True, "Said": ["the config was read", "these need a restart: dns.workers"]}
    svc.wait_until(lambda: configured.ask("web.service.local").answer[0].ttl == 9, "the new TTL")


def test_reload_bad(configured):
    client = Client(configured)
    configured.register("web", "w1", "10.0.0.1", 1)
    configured.set_config("[zone]\nttl = nine\nnonsense = 1\n")
    done = client("reload")
    at = configured.config_path
    assert done.status == 1 and done.out == ""
    assert f"{at}:2: zone.ttl: 'nine' is not a duration" in done.err and f"{at}:3: zone.nonsense: there is no such key" in done.err
    assert client("reload", "--json").json()["Reloaded"] is False
    assert configured.ask("web.service.local").answer[0].ttl == 5
    assert configured.http("GET", "/v1/agent/reload").status == 405


def test_reload_is_over_when_it_is_answered(configured):
    """What the API itself takes from the config holds for the next request."""
    client = Client(configured)
    for size in (2048, 4096, 1024):
        configured.set_config(f"[http]\nbody_size = {size}\n")
        assert client("reload").status == 0
        assert configured.http("PUT", "/v1/agent/service/register", "x" * size, fresh=True).status == 400
        assert configured.http("PUT", "/v1/agent/service/register", "x" * (size + 1), fresh=True).status == 413


def test_many_reloads_at_once(configured):
    """Each is answered, by 200 or by 429, and those that left are forgotten."""
    for _ in range(5):
        connection = configured.connect_http()
        connection.request("PUT", "/v1/agent/reload")
        connection.close()
    connections = [configured.connect_http() for _ in range(8)]
    for connection in connections:
        connection.request("PUT", "/v1/agent/reload")
    statuses = {connection.getresponse().status for connection in connections}
    assert statuses <= {200, 429}
    svc.wait_until(lambda: Client(configured)("reload").status == 0, "one alone is taken")


# check-config

def test_check_config(tmp_path):
    client, path = Client(None), tmp_path / "svcdns.conf"
    path.write_text("[zone]\nttl = 9s\n")
    assert (client("check-config", path).status, client("check-config", path).out) == (0, "the config is good\n")
    assert client("check-config", path, "--json").json() == {"File": str(path), "Good": True, "Errors": []}
    path.write_text("[zone]\n\nttl = nine\n")
    done = client("check-config", path)
    assert done.status == 1 and done.out == "" and done.err.startswith(f"{path}:3: zone.ttl: 'nine'")
    said = client("check-config", path, "--json").json()
    assert said["Good"] is False and len(said["Errors"]) == 1
    done = client("check-config", path, "--svcdnsd=/nonexistent")
    assert done.status == 2 and "cannot run /nonexistent" in done.err

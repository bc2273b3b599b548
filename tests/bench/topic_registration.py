"""registration: durable registrations over HTTP beside etcd's puts, and TTL heartbeats (target 4)."""

import base64
import json
import os
import socket
import threading
import time

from ground import DATA, RUN, SERVER_CORE, cpu_seconds, median, program, start_program
from servers import Etcd, Svcdns

CONNECTIONS = 64


class Listener:
    """A TCP port that accepts and closes, for checks to pass."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self):
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def request(method, path, body):
    return (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def write_requests(name, requests):
    path = DATA / name
    with open(path, "wb") as file:
        for one in requests:
            file.write(b"%d\n" % len(one) + one)
    return path


def registration(i, check_port):
    return json.dumps({"Name": f"service-{i // 10:06}", "ID": f"instance-{i:011}", "Address": "10.0.0.1",
                       "Port": 1024 + i % 60000, "Check": {"TCP": f"127.0.0.1:{check_port}", "Interval": "10m"}})


def put(i, size):
    """An etcd put whose body has as many bytes as the registration."""
    def encode(data):
        return base64.b64encode(data).decode()
    key = encode(f"/services/service-{i // 10:06}/{i:011}".encode())
    room = size - len(json.dumps({"key": key, "value": ""}))
    body = json.dumps({"key": key, "value": encode(b"v" * (room // 4 * 3))})
    return body + " " * (size - len(body))


def http_load(port, path, **options):
    arguments = ["--port", port, "--requests", path]
    for key, value in options.items():
        arguments += [f"--{key}", value]
    return json.loads(program("http_load", *arguments))


def sync_latency():
    """p99 in milliseconds of a bare 4 KiB write and fdatasync on the registry's disk."""
    path, times = RUN / "sync", []
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    for i in range(500):
        start = time.monotonic()
        os.pwrite(fd, b"x" * 4096, i % 64 * 4096)
        os.fdatasync(fd)
        times.append((time.monotonic() - start) * 1e3)
    os.close(fd)
    path.unlink()
    return sorted(times)[int(len(times) * 0.99)]


def run_svcdns(count, path):
    with Svcdns(http__connections=4096) as server:
        before, cpu = server.metrics(), cpu_seconds(pids := server.pids)
        result = http_load(server.http_port, path, connections=CONNECTIONS, count=count)
        cpu, after = cpu_seconds(pids) - cpu, server.metrics()
    commits = after["svcdns_registry_commits_total"] - before["svcdns_registry_commits_total"]
    return {"rate": count / result["seconds"], "us": cpu * 1e6 / count, "p99_ms": result["p99_ms"],
            "commits": commits / count, "unpublished": after.get("svcdns_api_unpublished_total", 0)}


def run_etcd(count, path):
    with Etcd() as server:
        cpu = cpu_seconds(pids := server.pids)
        result = http_load(server.port, path, connections=CONNECTIONS, count=count)
        cpu = cpu_seconds(pids) - cpu
    return {"rate": count / result["seconds"], "us": cpu * 1e6 / count, "p99_ms": result["p99_ms"]}


def paced(listener_port):
    """p99 at 1,000 registrations a second."""
    path = write_requests("paced.requests", (
        request("PUT", "/v1/agent/service/register", registration(i, listener_port)) for i in range(5000)))
    with Svcdns() as server:
        return http_load(server.http_port, path, connections=CONNECTIONS, rate=1000, seconds=4)["p99_ms"]


def disk_writes(pids):
    """Bytes that processes have had written to a disk."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("write_bytes"))
    return total


def beat(port, pids, path, seconds):
    """CPU µs of a server for each heartbeat, at 100,000 a minute."""
    cpu = cpu_seconds(pids)
    result = http_load(port, path, connections=CONNECTIONS, rate=100000 / 60, seconds=seconds)
    return (cpu_seconds(pids) - cpu) * 1e6 / result["replies"]


def heartbeats(seconds, rounds):
    """CPU for a TTL heartbeat beside a bare epoll loop that answers the same bytes, in turn; and what was written."""
    count, runs, written = 2000, [], 0
    with Svcdns() as server:
        path = write_requests("ttl.requests", (
            request("PUT", "/v1/agent/service/register", json.dumps(
                {"Name": f"ttl-{i // 10:03}", "ID": f"ttl-{i}", "Address": "10.0.0.1", "Port": 80,
                 "Check": {"TTL": "5m", "Status": "passing"}})) for i in range(count)))
        http_load(server.http_port, path, connections=CONNECTIONS, count=count)
        path = write_requests("beat.requests", (
            request("PUT", f"/v1/agent/check/pass/service:ttl-{i}", "") for i in range(count)))
        http_load(server.http_port, path, connections=CONNECTIONS, count=count)
        popen = start_program("http_bare", str(write_reply(bytes_of_reply(server.http_port))), core=SERVER_CORE)
        try:
            port = int(popen.stdout.readline())
            http_load(port, path, connections=CONNECTIONS, count=count)
            for _ in range(rounds):
                before = disk_writes(server.pids)
                ours = beat(server.http_port, server.pids, path, seconds)
                written += disk_writes(server.pids) - before
                runs.append((ours, beat(port, [popen.pid], path, seconds)))
        finally:
            popen.kill()
            popen.wait()
    return {"us": median([ours for ours, _ in runs]), "bare_us": median([bare for _, bare in runs]),
            "ratio": median([ours / bare for ours, bare in runs]), "written": written}


def bytes_of_reply(port):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(request("PUT", "/v1/agent/check/pass/service:ttl-0", ""))
        return s.recv(65536)


def write_reply(data):
    path = RUN / "reply"
    path.write_bytes(data)
    return path


def run(options):
    count, result = options.registrations, {"targets": []}
    with Listener() as listener:
        ours_path = write_requests("register.requests", (
            request("PUT", "/v1/agent/service/register", registration(i, listener.port)) for i in range(count)))
        etcd_path = write_requests("etcd.requests", (
            request("POST", "/v3/kv/put", put(i, len(registration(i, listener.port)))) for i in range(count)))
        runs = {"svcdns": [], "etcd": []}
        for _ in range(max(1, options.rounds // 2)):
            runs["svcdns"].append(run_svcdns(count, ours_path))
            runs["etcd"].append(run_etcd(count, etcd_path))
        p99, bare = paced(listener.port), sync_latency()
    for name, found in runs.items():
        result[name] = {key: median([one[key] for one in found]) for key in found[0]}
    beats = result["heartbeats"] = heartbeats(options.seconds, max(1, options.rounds // 2))
    ours, etcd = result["svcdns"], result["etcd"]
    result.update({"count": count, "paced_p99_ms": p99, "sync_p99_ms": bare})
    result["targets"] += [
        ("registrations: rate ≥ 2 × etcd's puts", ours["rate"] / etcd["rate"], -2),
        ("registrations: CPU ≤ 0.6 × etcd's puts", ours["us"] / etcd["us"], 0.6),
        ("commits per registration ≤ 1/16", ours["commits"], 1 / 16),
        ("p99 at 1,000/s, ms (10, or 5 × a bare sync)", p99, max(10, 5 * bare)),
        ("heartbeat: CPU ≤ 1.6 × a bare epoll loop", beats["ratio"], 1.6),
        ("heartbeats: bytes written to the disk", beats["written"], 0)]
    for name in runs:
        print(f"  {name}: {result[name]['rate']:,.0f}/s, {result[name]['us']:.0f} µs CPU, p99 "
              f"{result[name]['p99_ms']:.1f} ms", flush=True)
    print(f"  at 1,000/s p99 {p99:.2f} ms, bare sync p99 {bare:.2f} ms; heartbeat {beats['us']:.1f} µs, bare "
          f"{beats['bare_us']:.1f} µs, {beats['written']} bytes written; {ours['commits']:.4f} commits a registration",
          flush=True)
    return result

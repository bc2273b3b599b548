"""checks: 10,000 TCP checks and the time to see a death (target 6). connections: what idle connections and parked
queries hold, pipelined TCP, and the time to wake (target 7)."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

from ground import DATA, KINDS, LOAD_CORE, ZONE, ask, cpu_seconds, load, memory, names, program, registry, wait_until
from servers import Svcdns
from topic_registration import http_load, request, write_requests

CHECKS, IDLE, PARKED = 10000, 10000, 10000


def listen_many(count):
    """Runs as a process of its own: listens on `count` ports, prints them, accepts and closes; ends with stdin. A line
    on stdin with a port closes that listener."""
    listeners, poller = {}, select.epoll()
    for _ in range(count):
        s = socket.create_server(("127.0.0.1", 0), backlog=16)
        s.setblocking(False)
        listeners[s.fileno()] = s
        poller.register(s.fileno(), select.EPOLLIN)
    ports = {s.getsockname()[1]: fd for fd, s in listeners.items()}
    print(json.dumps(list(ports)), flush=True)
    poller.register(0, select.EPOLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == 0:
                line = sys.stdin.readline()
                if not line:
                    return
                dead = ports[int(line)]
                poller.unregister(dead)
                listeners.pop(dead).close()
                print("closed", flush=True)
                continue
            try:
                listeners[fd].accept()[0].close()
            except (BlockingIOError, KeyError):
                pass


class Listeners:
    def __init__(self, count):
        self.count = count

    def __enter__(self):
        self.popen = subprocess.Popen([sys.executable, __file__, str(self.count)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.ports = json.loads(self.popen.stdout.readline())
        return self

    def close_port(self, port):
        self.popen.stdin.write(f"{port}\n")
        self.popen.stdin.flush()
        self.popen.stdout.readline()

    def __exit__(self, *_):
        self.popen.stdin.close()
        self.popen.wait()


def checks(options):
    interval = 10
    with Listeners(CHECKS) as listeners, Svcdns(http__connections=4096) as server:
        path = write_requests("checks.requests", (
            request("PUT", "/v1/agent/service/register", json.dumps(
                {"Name": f"checked-{i // 10:04}", "ID": f"checked-{i}", "Address": "127.0.0.1", "Port": port,
                 "Check": {"TCP": f"127.0.0.1:{port}", "Interval": f"{interval}s", "Timeout": "1s"}}))
            for i, port in enumerate(listeners.ports)))
        http_load(server.http_port, path, connections=64, count=CHECKS)

        def all_pass():
            reply = ask(server.port, f"checked-{CHECKS // 10 - 1:04}.{ZONE}", 33, 0.5)
            return reply and reply[1] == 10
        wait_until(all_pass, "all checks pass", 60, 0.2)
        time.sleep(interval / 2)
        before, cpu, start = server.metrics(), cpu_seconds(pids := server.pids), time.monotonic()
        time.sleep(interval if options.quick else 2 * interval)
        cpu, seconds, after = cpu_seconds(pids) - cpu, time.monotonic() - start, server.metrics()
        probes = after["svcdns_check_probes_total"] - before["svcdns_check_probes_total"]
        deaths = []
        for service in range(3 if options.quick else 8):
            listeners.close_port(listeners.ports[service * 10])
            dead = time.monotonic()
            wait_until(lambda: ask(server.port, f"checked-{service:04}.{ZONE}", 33, 0.5)[1] == 9,
                       "the dead instance is gone", 60, 0.002)
            deaths.append(time.monotonic() - dead)
    result = {"core": cpu / seconds, "probes_per_s": probes / seconds, "deaths_s": deaths}
    result["targets"] = [("10,000 checks every 10 s: part of one core", cpu / seconds, 0.15),
                         ("a dead instance is gone within, s (interval, timeout, 100 ms)", max(deaths),
                          interval + 1 + 0.1)]
    print(f"  {probes / seconds:,.0f} probes a second take {cpu / seconds:.1%} of a core; deaths seen within "
          f"{max(deaths):.2f} s", flush=True)
    return result


def idle_connections(server):
    """Bytes of PSS that IDLE connections add to dns; each has asked once."""
    name, role = f"service-000001.{ZONE}", server.role("dns")
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1"
    message = b"\0\7\1\0\0\1\0\0\0\0\0\0" + question
    before, sockets = memory([role])["Pss"], []
    try:
        for _ in range(IDLE):
            s = socket.create_connection(("127.0.0.1", server.port))
            s.sendall(len(message).to_bytes(2, "big") + message)
            sockets.append(s)
        for s in sockets:
            s.settimeout(10)
            if len(s.recv(4096)) < 40:
                raise RuntimeError("an idle connection got no answer")
        return memory([role])["Pss"] - before
    finally:
        for s in sockets:
            s.close()


def parked_queries(server, service_of):
    """Parks PARKED blocking queries, changes service-000000; bytes of PSS, queries woken, and milliseconds from the
    request to the last reply."""
    role = server.role("sidecar")
    indexes = {name: server.http("GET", f"/v1/health/service/{name}")[0].headers["X-Consul-Index"]
               for name in {service_of(i) for i in range(PARKED)}}
    before, sockets, poller = memory([role])["Pss"], {}, select.epoll()
    try:
        for i in range(PARKED):
            s = socket.create_connection(("127.0.0.1", server.http_port))
            s.sendall(f"GET /v1/health/service/{service_of(i)}?passing&index={indexes[service_of(i)]}&wait=5m HTTP/1.1\r\n"
                      "Host: 127.0.0.1\r\n\r\n".encode())
            sockets[s.fileno()] = s
            poller.register(s.fileno(), select.EPOLLIN)
        wait_until(lambda: server.metrics().get("svcdns_api_parked", 0) >= PARKED, "all queries are parked", 60, 0.1)
        held = memory([role])["Pss"] - before
        wanted = sum(service_of(i) == "service-000000" for i in range(PARKED))
        body = json.dumps({"Name": "service-000000", "ID": f"instance-{0:011}", "Address": "10.0.0.9", "Port": 9})
        start, woken, last = time.monotonic(), set(), 0.0
        change = socket.create_connection(("127.0.0.1", server.http_port))
        change.sendall(request("PUT", "/v1/agent/service/register", body))
        while len(woken) < wanted:
            events = poller.poll(10)
            if not events:
                raise RuntimeError(f"only {len(woken)} of {wanted} queries were woken")
            last = time.monotonic()
            for fd, _ in events:
                poller.unregister(fd)
                woken.add(fd)
        change.close()
        return held, len(woken), (last - start) * 1e3
    finally:
        for s in sockets.values():
            s.close()


def connections(options):
    limits = {"dns__tcp_connections": 20000, "dns__tcp_connections_per_address": 20000, "dns__tcp_idle": "5m",
              "http__connections": 20000, "http__connections_per_address": 20000, "http__parked": 20000}
    kind, result = KINDS["A"], {}
    path, source = names(kind, 1000), registry(1000, 10)
    with Svcdns(source, **limits) as server:
        idle = idle_connections(server)
    with Svcdns(source, **limits) as server:
        udp = load(server.port, path, kind, count=options.answers)
        tcp = json.loads(program("load_tcp", "--port", server.port, "--names", path, "--type", "A", "--count",
                                 options.answers, "--rcode", 0, "--answers", 10, "--connections", 4, "--outstanding",
                                 128))
        rates = {"udp": udp["answers"] / udp["seconds"], "tcp": tcp["answers"] / tcp["seconds"]}
    with Svcdns(source, **limits) as server:
        held, woken, ms = parked_queries(server, lambda i: f"service-{i % 1000:06}")
    with Svcdns(source, **limits) as server:
        _, all_woken, all_ms = parked_queries(server, lambda i: "service-000000")
    result.update({"idle_bytes": idle, "parked_bytes": held, "rates": rates, "woken": woken, "wake_ms": ms,
                   "all_woken": all_woken, "all_wake_ms": all_ms})
    result["targets"] = [
        ("10,000 idle TCP connections, MB of PSS", idle / 1e6, 40),
        ("pipelined TCP ≥ 0.5 × the UDP rate", rates["tcp"] / rates["udp"], -0.5),
        ("10,000 parked blocking queries, MB of PSS", held / 1e6, 60),
        (f"{woken} of 10,000 parked queries woken by a change within, ms", ms, 50),
        (f"all {all_woken:,} woken by one change within, ms", all_ms, 50)]
    print(f"  idle connections {idle / 1e6:.1f} MB, parked queries {held / 1e6:.1f} MB; TCP {rates['tcp']:,.0f}/s, UDP "
          f"{rates['udp']:,.0f}/s; {woken} woken in {ms:.1f} ms, {all_woken} in {all_ms:.1f} ms", flush=True)
    return result


if __name__ == "__main__":
    from ground import raise_limits
    raise_limits()
    os.sched_setaffinity(0, {LOAD_CORE})
    listen_many(int(sys.argv[1]))

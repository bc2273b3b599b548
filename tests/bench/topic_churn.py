"""churn: the latency of answers while registrations and status changes run (target 3)."""

import json
import subprocess
import sys
import time

from ground import KINDS, LOAD_CORE, SERVER_CORE, finish_program, load, median, names, registry, start_program
from servers import Svcdns
from topic_registration import CONNECTIONS, http_load, request, write_requests

# Sockets of the load: queries may be on their way for 400 ms before there is no slot for another.
QUERIES = {"rate": 20000, "sockets": 8}
COUNTED = ("svcdns_view_rendered_total", "svcdns_registry_commits_total", "svcdns_registry_commands_total")


def churn_requests(count):
    """Registrations with a new port, and changes of status, in turn."""
    found = []
    for i in range(count):
        n = i % 1000
        if i % 2:
            path = f"/v1/agent/check/{'fail' if i // 1000 % 2 else 'pass'}/service:ttl-{n}"
            found.append(request("PUT", path, ""))
        else:
            body = {"Name": f"service-{n:06}", "ID": f"instance-{n * 10:011}", "Address": f"10.9.{n >> 8}.{n & 255}",
                    "Port": 1024 + i % 60000}
            found.append(request("PUT", "/v1/agent/service/register", json.dumps(body)))
    return found


def prepare_changes(server):
    """Registers what the changes of status are about; the files with the changes."""
    ttl = write_requests("churn-ttl.requests", (
        request("PUT", "/v1/agent/service/register", json.dumps(
            {"Name": f"ttl-{i // 10:03}", "ID": f"ttl-{i}", "Address": "10.0.0.1", "Port": 80,
             "Check": {"TTL": "10m", "Status": "passing"}})) for i in range(1000)))
    http_load(server.http_port, ttl, connections=CONNECTIONS, count=1000)
    return write_requests("churn.requests", churn_requests(4000))


def measure(server, seconds):
    """A load at a fixed rate. An answer that the load's own socket dropped was given; what the server's dropped was not."""
    dropped = server.socket_drops()
    found = load(server.port, names(KINDS["A"], 1000), KINDS["A"], seconds=seconds, **QUERIES)
    return {**found, "unanswered": found["lost"] - found["dropped_here"], "dropped": server.socket_drops() - dropped}


def measure_spinning(server, seconds):
    """The same while a loop that changes nothing takes what is left of the load's core: the machine's part in it."""
    popen = subprocess.Popen(["taskset", "-c", str(LOAD_CORE), sys.executable, "-c", "while True: pass"])
    try:
        return measure(server, seconds)
    finally:
        popen.kill()
        popen.wait()


def measure_busy(server, changes, seconds):
    """The same while changes run; the result of both loads, and what was counted meanwhile."""
    before = server.metrics()
    popen = start_program("http_load", "--port", server.http_port, "--requests", changes, "--connections", CONNECTIONS,
                          "--rate", 2000, "--seconds", seconds + 1)
    time.sleep(0.5)
    found = measure(server, seconds)
    written, after = finish_program(popen), server.metrics()
    return found, written, {key: after[key] - before[key] for key in COUNTED}


def summary(runs):
    return {**{key: median([one[key] for one in runs]) for key in ("p50_ms", "p99_ms", "p999_ms")},
            **{key: sum(one[key] for one in runs) for key in ("unanswered", "dropped", "dropped_here", "unsent", "skipped")}}


def churn(options):
    calm, spinning, busy = [], [], []
    with Svcdns(registry(1000, 10)) as server:
        server.pin_worker_alone(SERVER_CORE, LOAD_CORE)
        changes = prepare_changes(server)
        for _ in range(options.rounds):  # short ones: a host that takes the processors away spoils few of them
            calm.append(measure(server, options.seconds / 2))
            spinning.append(measure_spinning(server, options.seconds / 2))
            found, written, delta = measure_busy(server, changes, options.seconds / 2)
            busy.append(found)
    result = {"calm": summary(calm), "spinning": summary(spinning), "busy": summary(busy), "changes_p99_ms": written["p99_ms"], "delta": delta,
              "changes_rate": written["replies"] / written["seconds"]}
    rendered = delta["svcdns_view_rendered_total"] / delta["svcdns_registry_commands_total"]
    result["targets"] = [
        ("p99 of answers ≤ 2 × that without changes",
         median([with_changes["p99_ms"] / without["p99_ms"] for with_changes, without in zip(busy, calm)]), 2),
        ("queries without an answer (each answer is checked for its ten records)", result["busy"]["unanswered"], 0),
        ("services rendered for each change ≤ 1", rendered, 1)]
    for name in ("calm", "spinning", "busy"):
        print(f"  {name}: " + ", ".join(f"{key} {value:.3f}" for key, value in result[name].items()), flush=True)
    print(f"  {result['changes_rate']:,.0f} changes a second, their p99 {written['p99_ms']:.1f} ms", flush=True)
    return result

"""What registrations cost the sidecar in memory: as much as they are large, not their tags times their checks."""

import json
import signal
from pathlib import Path

import svc

REGISTRATIONS, TAGS, TAG_SIZE, CHECKS = 32, 62, 16_000, 32


def registration(n):
    """Near the limits: a body of 1 MiB, 32 checks, tags of 16 KiB."""
    return {
        "Name": "large",
        "ID": f"large{n}",
        "Address": "10.0.0.1",
        "Tags": [chr(97 + i % 26) * TAG_SIZE for i in range(TAGS)],
        "Checks": [{"TTL": "1h", "Status": "passing"} for _ in range(CHECKS)],
    }


def peak(pid):
    """The most memory that a process has had, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def test_large_registrations(start_server):
    """Many at the limits fit into memory, also when the sidecar starts again, and can be taken back."""
    # What ASan keeps of freed memory, so as to find uses of it, would be most of what is measured here.
    server = start_server(environment={"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:quarantine_size_mb=1"})
    bodies = [registration(n) for n in range(REGISTRATIONS)]
    allowed = 8 * sum(len(json.dumps(body)) for body in bodies)
    pid, empty = server.pid("sidecar"), peak(server.pid("sidecar"))

    server.register_many(bodies)
    server.register_many(bodies)  # as they stand
    assert server.pid("sidecar") == pid
    assert peak(pid) - empty < allowed

    server.signal("sidecar", signal.SIGKILL)
    pid = svc.wait_until(lambda: server.children().get("sidecar") not in (None, pid) and server.pid("sidecar"), "a new sidecar")
    server.wait_ready()
    checks = server.http("GET", "/v1/agent/service/large0").json()
    assert checks["Tags"] == bodies[0]["Tags"]
    assert server.pid("sidecar") == pid
    assert peak(pid) - empty < allowed
    for n in range(REGISTRATIONS):
        server.deregister(f"large{n}")
    assert server.ask("large.service.local", "A").rcode == 3

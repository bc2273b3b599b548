"""A process that starts again finds another world than the server did: fewer processors, zone files that have gone bad."""

import os
import signal
from pathlib import Path

import pytest

import svc
from upstream import Upstream

RD, AA = 0x0100, 0x0400
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


@pytest.fixture
def upstream():
    with Upstream() as upstream:
        upstream.answers["www.example.com."] = ["A 198.51.100.1"]
        yield upstream


def ask(server, name, kind="A", **more):
    return server.ask(name, kind, flags=RD, **more)


def kill(server, *roles):
    """Kills processes and waits for others in their places."""
    for role in roles:
        old = server.signal(role, signal.SIGKILL)
        svc.wait_until(lambda role=role, old=old: server.children().get(role, old) != old, f"another {role}")
    server.wait_ready()


def workers(server):
    """The names of the threads of dns that have sockets."""
    names = [task.read_text().strip() for task in Path(f"/proc/{server.pid('dns')}/task").glob("*/comm")]
    return sorted(name for name in names if name.startswith("dns-"))


def test_fewer_processors_change_no_number_of_workers(start_server, upstream):
    """The sockets, and the links to the relay, were opened for as many workers as there were processors at the start."""
    processors = sorted(os.sched_getaffinity(0))[:2]
    if len(processors) < 2:
        pytest.skip("needs two processors")
    server = start_server(wrapper=["taskset", "-c", ",".join(map(str, processors))],
                          **{"relay.upstream": upstream.address})
    server.register("web", id="w1", address="10.0.0.1", port=80)
    all_workers = ["dns-tcp-0", "dns-tcp-1", "dns-udp-0", "dns-udp-1"]
    assert workers(server) == all_workers
    for task in os.listdir(f"/proc/{server.pid('supervisor')}/task"):
        os.sched_setaffinity(int(task), processors[:1])
    for role in ("dns", "relay"):
        kill(server, role)
        assert os.sched_getaffinity(server.pid(role)) == set(processors[:1])
        svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "the relay answers")
        for tcp in (False, True) * 20:  # from as many ports, so that each socket gets some
            assert ask(server, "web.service.local", tcp=tcp).addresses() == ["10.0.0.1"]
            assert ask(server, "www.example.com", tcp=tcp).addresses() == ["198.51.100.1"]
        assert workers(server) == all_workers
    server.signal("supervisor", signal.SIGHUP)
    svc.wait_until(lambda: 'msg="config read"' in server.log(), "the reload")
    assert "needs_restart" not in server.log()

"""Unmodified Go: services that register themselves by github.com/hashicorp/consul/api, and a gRPC client that finds them
by the resolver that everyone writes around Health().Service() with a WaitIndex (tests/interop/go/resolver.go)."""

import socket
import statistics
import subprocess
import time

import pytest

import go_program
import grpc_peers
import svc
from svc import wait_until

AT_ONCE = 1.0  # seconds, for what should take milliseconds


@pytest.fixture(scope="module")
def go():
    return go_program.Go(go_program.build())


@pytest.fixture
def where():
    port = svc.free_port(("127.0.0.2", "127.0.0.3"), (socket.SOCK_STREAM,))
    return [f"127.0.0.2:{port}", f"127.0.0.3:{port}"]


def caller(go, server):
    return grpc_peers.Caller(go.call(f"consul://127.0.0.1:{server.http_port}/web?tag=grpc"))


def learned(client, addresses, since_ns):
    """When the resolver first heard of just these after `since_ns`: long before it would be told of anything else."""
    def found():
        return [at for at, said in client.learned if at > since_ns and sorted(said) == sorted(addresses)]

    return wait_until(found, f"the watch brings {addresses}")[0]


@pytest.mark.parametrize("check", ["grpc", "ttl"])
def test_killed(server, go, where, check):
    """The check finds out in its time, which is over before the instance is deregistered; the resolver is told, and no
    call is lost."""
    one, two = where
    with grpc_peers.Server(go.serve(one, "one", server.http_port, check)) as _, \
            grpc_peers.Server(go.serve(two, "two", server.http_port, check)) as second, caller(go, server) as client:
        client.wait_for(where, "both are found")
        since = time.time_ns()
        second.kill()
        learned(client, [one], since)
        client.wait_for([one], "the killed one gets no calls")
        assert [entry["Service"]["ID"] for entry in server.get("/v1/health/service/web?passing")] == ["one"]
        assert server.ask("web.service.local").addresses() == ["127.0.0.2"]


def test_the_watch_wakes_at_once(server, go, where):
    """For each change once, and for nothing else."""
    one, two = where
    with grpc_peers.Server(go.serve(one, "one", server.http_port)), \
            grpc_peers.Server(go.serve(two, "two", server.http_port)) as second, caller(go, server) as client:
        client.wait_for(where, "both are found")
        known, late = len(client.learned), []
        for enable, left in [("true", [one]), ("false", where)] * 3:
            since = time.time_ns()
            server.put(f"/v1/agent/service/maintenance/two?enable={enable}")
            replied = time.time_ns()
            late.append((learned(client, left, since) - replied) / 1e9)
            client.wait_for(left, "calls follow")
        since = time.time_ns()
        second.terminate()  # which deregisters
        learned(client, [one], since)
        client.wait_for([one], "calls follow")
        assert [sorted(addresses) for _, addresses in client.learned[known:]] == [[one], where] * 3 + [[one]]
        assert statistics.median(late) < AT_ONCE, f"seconds behind the reply: {late}"


def test_reflection(server, go, where):
    with grpc_peers.Server(go.serve(where[0], "one", server.http_port)), caller(go, server) as client:
        client.wait_for(where[:1], "it is found")
        said = client.say("reflect")
        assert said["error"] == ""
        assert {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= set(said["services"])


def test_format():
    command = [go_program.tool("gofmt"), "-l", str(go_program.SOURCE)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == ""

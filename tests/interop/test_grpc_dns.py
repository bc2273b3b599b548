"""gRPC's own DNS resolvers with round_robin: Debian's grpcio and Go, by the machine's resolver (dns:///) in a namespace
whose resolv.conf names svcdns, and by its address in the target (dns://127.0.0.1:8600/). One of two servers is killed."""

import socket

import pytest

import go_program
import grpc_peers
import svc
from machine import Machine
from svc import wait_until

HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


@pytest.fixture(params=["python", "go"])
def language(request):
    if request.param == "go":
        return go_program.Go(go_program.build())
    pytest.importorskip("grpc", reason="python3-grpcio is not installed")
    return Python()


class Python:
    """Registers for its servers, which do not know how."""

    def call(self, target):
        return grpc_peers.PYTHON + ["call", target]

    def serve(self, address, id, http_port):
        return grpc_peers.PYTHON + ["serve", address]

    def body(self, address, id):
        host, port = address.split(":")
        return {"Name": "web", "ID": id, "Address": host, "Port": int(port), "Check": {"GRPC": address, "Interval": "1s"}}


def addresses():
    port = svc.free_port(HOSTS, (socket.SOCK_STREAM,))
    return port, [f"{host}:{port}" for host in HOSTS]


def test_by_address(server, language):
    port, where = addresses()

    def serve(address):
        id = "i" + address.split(":")[0][-1]
        program = grpc_peers.Server(language.serve(address, id, server.http_port))
        if isinstance(language, Python):
            server.put("/v1/agent/service/register", language.body(address, id))
        wait_until(lambda: server.ask(f"{id}.web.service.local").addresses() and address.split(":")[0] in
                   server.ask("web.service.local").addresses(), f"{id} is in DNS")
        return program

    target = f"dns://127.0.0.1:{server.port}/web.service.local:{port}"
    grpc_peers.follows_dns(lambda: grpc_peers.Caller(language.call(target)), serve, where)


def test_by_resolv_conf(tmp_path, language):
    port, where = addresses()
    with Machine(tmp_path) as machine:

        def serve(address):
            id = "i" + address.split(":")[0][-1]
            program = grpc_peers.Server(machine.inside(*language.serve(address, id, 8500)))
            if isinstance(language, Python):
                machine.register(language.body(address, id))
            wait_until(lambda: address.split(":")[0] in machine.run("getent", "ahosts", "web.service.local", check=False)
                       .stdout, f"{id} is in DNS")
            return program

        target = f"dns:///web.service.local:{port}"
        grpc_peers.follows_dns(lambda: grpc_peers.Caller(machine.inside(*language.call(target))), serve, where)

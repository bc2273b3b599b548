"""GRPC checks against a real gRPC server (Debian's python3-grpcio): plain and TLS, each verdict and its words."""

import socket
import subprocess

import pytest

import grpc_peers
import svc
from svc import wait_until

pytest.importorskip("grpc", reason="python3-grpcio is not installed")


class Backend(grpc_peers.Server):
    """tests/support/grpc_program.py on a free port."""

    def __init__(self, *certificate, host="127.0.0.1"):
        self.port = svc.free_port((host.strip("[]"),), (socket.SOCK_STREAM,))
        self.address = f"{host}:{self.port}"
        super().__init__(grpc_peers.PYTHON + ["serve", self.address, *certificate])


def check(server, service="web"):
    (found,) = server.get(f"/v1/health/checks/{service}")
    return found


def wait_for(server, status, words, service="web"):
    def is_so():
        found = check(server, service)
        return found["Status"] == status and words in found["Output"] and found

    return wait_until(is_so, f"{service} is {status}: {words}")


def test_follows_what_the_server_says(server):
    with Backend() as backend:
        server.register("web", port=1, Check={"GRPC": f"{backend.address}/shop.Cart", "Interval": "1s"})
        found = wait_for(server, "passing", "success")
        assert found["Type"] == "grpc"
        assert found["Output"] == f"gRPC check {backend.address}/shop.Cart: success"
        assert len(server.ask("web.service.local", "SRV").srv()) == 1
        backend.answer(2)
        wait_for(server, "critical", "NOT_SERVING")
        assert server.ask("web.service.local", "SRV").srv() == []
        backend.answer(1)
        wait_for(server, "passing", "success")
        backend.kill()
        wait_for(server, "critical", "connect")


def test_errors_have_their_words(server):
    with Backend() as backend:
        server.register("web", port=1, Check={"GRPC": f"{backend.address}/unknown", "Interval": "1s"})
        server.register("http", port=1, Check={"GRPC": f"127.0.0.1:{server.http_port}", "Interval": "1s"})
        wait_for(server, "critical", "rpc error: code = NotFound desc = unknown service")
        wait_for(server, "critical", "gRPC check 127.0.0.1", "http")
        assert "success" not in check(server, "http")["Output"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for the name peer.test, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=peer.test", "-addext", "subjectAltName=DNS:peer.test", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True)
    return str(cert), str(key)


def test_tls(server, certificate):
    """HTTP/2 by ALPN, which gRPC servers insist on; the certificate is verified unless the check says otherwise."""
    with Backend(*certificate) as backend:
        base = {"GRPC": backend.address, "GRPCUseTLS": True, "Interval": "1s"}
        server.register("skip", port=1, Check={**base, "TLSSkipVerify": True})
        server.register("named", port=1, Check={**base, "TLSSkipVerify": True, "TLSServerName": "peer.test"})
        server.register("strict", port=1, Check=base)
        server.register("plain", port=1, Check={**base, "GRPCUseTLS": False})
        wait_for(server, "passing", "success", "skip")
        wait_for(server, "passing", "success", "named")
        wait_for(server, "critical", "SSL", "strict")
        wait_for(server, "critical", "gRPC check", "plain")


@pytest.mark.ipv6
def test_ipv6(server):
    """With brackets, and without as python-consul writes addresses."""
    with Backend(host="[::1]") as backend:
        for name, target in (("with", f"[::1]:{backend.port}"), ("without", f"::1:{backend.port}/shop.Cart")):
            server.register(name, port=1, Check={"GRPC": target, "Interval": "1s"})
            wait_for(server, "passing", f"gRPC check {target}: success", name)


def test_a_target_that_is_none_is_refused(server):
    answer = server.http("PUT", "/v1/agent/service/register", {
        "Name": "web", "Check": {"GRPC": "dns:///web", "Interval": "1s"}})
    assert answer.status == 400 and 'GRPC must be host:port, not "dns:"' in answer.text
    answer = server.http("PUT", "/v1/agent/service/register", {"Name": "web", "Check": {"GRPC": "127.0.0.1:1"}})
    assert answer.status == 400 and "Interval must be > 0" in answer.text
    assert server.get("/v1/agent/services") == {}

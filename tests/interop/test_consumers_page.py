"""The snippets of doc/consumers.md: run as they stand, with this server's addresses, or found in the code that is run.
The example files have tests of their own."""

import re
import subprocess

import pytest

import grpc_peers
import snippets
import svc
from svc import wait_until

NAME = "doc/consumers.md"
PAGE = svc.ROOT / NAME
SOURCES = svc.ROOT / "tests/interop/go"


def written_in(language):
    return [snippet.text for snippet in snippets.of(NAME) if snippet.language == language]


def test_all_are_seen_to():
    assert sorted(snippet.language for snippet in snippets.of(NAME)) == ["go", "go", "python", "sh"]


def test_shell_and_python(server):
    grpc = pytest.importorskip("grpc", reason="python3-grpcio is not installed")
    port = svc.free_port()
    values = {"127.0.0.1:8600": f"127.0.0.1:{server.port}", "127.0.0.1:8500": f"127.0.0.1:{server.http_port}",
              "50051": str(port)}
    (shell,), (python,) = written_in("sh"), written_in("python")
    for old, new in values.items():
        assert old in shell + python
        shell, python = shell.replace(old, new), python.replace(old, new)
    with grpc_peers.Server(grpc_peers.PYTHON + ["serve", f"127.0.0.1:{port}"]):
        subprocess.run(["sh", "-ec", shell], check=True, capture_output=True)
        wait_until(lambda: server.ask("web.service.local").addresses(), "its check passes")
        known = {"grpc": grpc}
        exec(python, known)  # noqa: S102: our own page
        with known["channel"] as channel:
            assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10) == b"\x08\x01"


def test_go_is_what_the_tests_run():
    """Word by word, but for the target, which is an argument there."""
    code = " ".join(" ".join(path.read_text().split()) for path in SOURCES.glob("*.go"))
    found = written_in("go")
    assert len(found) == 2
    for snippet in found:
        for line in snippet.replace('"dns://127.0.0.1:8600/web.service.local:50051"', "*target").splitlines():
            assert " ".join(line.split()).rstrip(")") in code, line


def test_versions_are_those_of_go_mod():
    text = (SOURCES / "go.mod").read_text()
    for module, name in (("google.golang.org/grpc", "gRPC for Go"), ("github.com/hashicorp/consul/api", "`hashicorp/consul/api`")):
        version = re.search(rf"^\t{module} v(\d+\.\d+)\.", text, re.M).group(1)
        assert f"{name} {version} |" in PAGE.read_text()


def test_links_and_tests_are_there():
    text = PAGE.read_text()
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (PAGE.parent / link).exists(), link
    for test in re.findall(r"`(test_\w+\.py)`", text):
        assert (svc.ROOT / "tests/interop" / test).exists(), test

"""What the suites stand on, where a fault of it would look like one of the server, once in a while."""

import subprocess
import sys

import svc


def test_a_port_is_given_once(monkeypatch):
    """Nobody listens on the first one yet."""
    first = svc.free_port()
    second = svc.free_port()
    tries = iter([first, second, first, 31999, 31998, 31997])
    monkeypatch.setattr(svc.random, "randrange", lambda *_: next(tries))
    assert svc.free_port() not in (first, second)


def test_nor_by_another_process():
    port = svc.free_port()
    script = f"import local, svc; print(local.reserve({port}), local.reserve(svc.free_port()))"
    done = subprocess.run([sys.executable, "-c", script], cwd=svc.ROOT / "tests/support", capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"

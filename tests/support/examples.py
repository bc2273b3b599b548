"""Runs the files of doc/examples as they are, but for the addresses that each of them says are to be changed."""

import http.client
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import svc
from svc import wait_until

EXAMPLES = svc.ROOT / "doc/examples"


def adapted(name, folder, values, stated=None):
    """A copy of an example in `folder` with other values: {"127.0.0.1:8600": "127.0.0.1:1234"}. Those of an address must
    be named in the comment at its head; `stated` are others, which only a test changes."""
    text = (EXAMPLES / name).read_text()
    head = re.match(r"(#.*\n)+", text).group()
    for old, new in values.items():
        assert old in head, f"{name} does not say that {old} is to be changed"
    for old, new in {**values, **(stated or {})}.items():
        assert old in text[len(head):], f"{old} is not in {name}"
        text = text.replace(old, str(new))
    path = Path(folder) / name
    path.write_text(text)
    return path


class Daemon:
    """A program in the foreground, with its output in `folder`/log; ends by SIGTERM."""

    def __init__(self, command, folder):
        if not shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin"):
            pytest.skip(f"{command[0]} is not installed")
        self.log = Path(folder) / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(svc.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_listening(self, port):
        def listens():
            assert self.process.poll() is None, self.log.read_text()
            return fetch(port)

        wait_until(listens, "it listens")


def fetch(port):
    """(status, body) of GET /name from 127.0.0.1:port, None if nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=svc.PATIENCE)
    try:
        connection.request("GET", "/name")
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Backend:
    """python3 -m http.server that answers /name with its address; registered with a TCP check. Ends by kill."""

    def __init__(self, server, folder, host, port, **fields):
        self.name, self.id = f"{host}:{port}", "i" + host.rsplit(".", 1)[1]
        folder = Path(folder) / self.id
        folder.mkdir(exist_ok=True)
        (folder / "name").write_text(self.name)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "http.server", "--bind", host, "--directory", str(folder), str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.register("web", id=self.id, address=host, port=port, Check={"TCP": self.name, "Interval": "1s"}, **fields)
        wait_until(lambda: host in server.ask("web.service.local").addresses(), f"{self.name} is in DNS")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()

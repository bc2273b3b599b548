"""Builds the Go program of tests/interop/go, once, into build/interop-go. It is Debian's Go or the one in /usr/local/go;
where there is none, or its modules cannot be had, the tests that need it are skipped."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
import warnings

import pytest

import svc

SOURCE = svc.ROOT / "tests/interop/go"
SLOW = 20  # seconds: a build that is worth a word


class Go:
    """The command lines of the program."""

    def __init__(self, program):
        self.program = program

    def serve(self, address, id, http_port, check="grpc"):
        return [self.program, "serve", "-address", address, "-id", id, "-consul", f"127.0.0.1:{http_port}", "-check", check]

    def call(self, target):
        return [self.program, "call", "-target", target]


def tool(name):
    """The path of go or gofmt; skips if there is none."""
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/local/go/bin", "/usr/local/bin"]))
    return found or pytest.skip("Go is not installed")


def go(*command, **environment):
    """Runs go in the module."""
    settings = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
    return subprocess.run([tool("go"), *command], cwd=SOURCE, env={**os.environ, **settings, **environment},
                          capture_output=True, text=True)


@contextlib.contextmanager
def modules():
    """The folder for what is built, one build at a time; skips if the modules cannot be had."""
    folder = svc.ROOT / "build/interop-go"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listed = go("list", "-deps", ".")
        if listed.returncode:
            assert "go.sum" not in listed.stderr, listed.stderr
            pytest.skip("Go or its modules cannot be had: " + listed.stderr.strip().splitlines()[-1])
        yield folder


def build():
    """The path of the program. A build that fails is an error; a missing Go or module skips."""
    start = time.monotonic()
    with modules() as folder:
        done = go("build", "-o", str(folder / "interop"), ".")
    assert done.returncode == 0, done.stderr
    if time.monotonic() - start > SLOW:
        warnings.warn(f"building tests/interop/go took {time.monotonic() - start:.0f} s; it is cached now")
    return str(folder / "interop")


def run_file(path, **environment):
    """Runs a file of package main, with the modules of the program and more in its environment."""
    with modules():
        done = go("run", str(path), **environment)
    assert done.returncode == 0, done.stderr

"""Runs the client, svcdns, against a server of the tests."""

import json
import os
import signal
import subprocess

import svc

CLIENT = svc.BINARY.parents[2] / "tools/svcdns/svcdns"
# What the machine's own settings must not bring into a test.
SETTINGS = ("CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE", "SVCDNS_HTTP_ADDR", "SVCDNS_HTTP_TOKEN",
            "SVCDNS_HTTP_TOKEN_FILE", "SVCDNS_DNS_ADDR")


def usual_signals():
    """Whoever runs the tests in the background has these ignored, and so would the client and its commands."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Said:
    """What one run of the client came to."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        assert not svc.REPORTS.search(self.err.encode()), self.err

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return self.out.splitlines()

    def __repr__(self):
        return f"{self.status}\n{self.out}\n{self.err}"


class Client:
    """client("list", "--json") runs svcdns with the server's addresses in its environment."""

    def __init__(self, server):
        self.server = server

    def environment(self, **more):
        environment = {key: value for key, value in os.environ.items() if key not in SETTINGS}
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
        if self.server:
            environment["SVCDNS_HTTP_ADDR"] = f"127.0.0.1:{self.server.http_port}"
            environment["SVCDNS_DNS_ADDR"] = f"127.0.0.1:{self.server.port}"
        return environment | more

    def __call__(self, *arguments, env=None, **options):
        done = subprocess.run([CLIENT, *arguments], capture_output=True, text=True, timeout=svc.PATIENCE * 2,
                              env=self.environment(**(env or {})), **options)
        return Said(done)

    def start(self, *arguments, env=None, **options):
        """A run that goes on: a Popen with its output in pipes."""
        return subprocess.Popen([CLIENT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                preexec_fn=usual_signals, env=self.environment(**(env or {})), **options)

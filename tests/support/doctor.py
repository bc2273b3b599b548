"""Runs svcdns, the client, for the tests of its verb doctor."""

import json
import os
import subprocess

import svc

CLIENT = svc.BINARY.parents[2] / "tools/svcdns/svcdns"
SETTINGS = ("CONSUL_HTTP_ADDR", "SVCDNS_HTTP_ADDR", "SVCDNS_DNS_ADDR")  # of the machine, which a test must not see


class Said:
    """What one run came to."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        assert not svc.REPORTS.search(self.err.encode()), self.err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"{self.status}\n{self.out}\n{self.err}"


def run(*arguments):
    """svcdns with these arguments, on the real machine."""
    environment = {key: value for key, value in os.environ.items() if key not in SETTINGS}
    return Said(subprocess.run([CLIENT, *arguments], capture_output=True, text=True, env=environment))

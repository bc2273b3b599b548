"""Debian's Prometheus with what is in doc/prometheus."""

import json
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request

import pytest

import svc

EXAMPLES = svc.ROOT / "doc/prometheus"
RULES = EXAMPLES / "svcdns-rules.yml"


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"{program} (Debian's prometheus) is not installed")


def promtool(*arguments):
    needs("promtool")
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A Prometheus with the example config and rules, by way of `server`; all intervals short. `rules`: the text of others."""

    def __init__(self, server, directory, rules=None):
        self.port, self.directory = svc.free_port(), directory
        config = (EXAMPLES / "prometheus.yml").read_text()
        assert config.count("15s") == 3 and config.count("127.0.0.1:8500") == 2
        directory.mkdir()
        (directory / "prometheus.yml").write_text(config.replace("15s", "250ms").replace(":8500", f":{server.http_port}"))
        (directory / RULES.name).write_text(rules or RULES.read_text())

    def __enter__(self):
        needs("prometheus")
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.directory}/prometheus.yml", f"--storage.tsdb.path={self.directory}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log, cwd=self.directory)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(svc.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def get(self, path, **query):
        """What the API says, None while it does not."""
        assert self.process.poll() is None, (self.directory / "log").read_text()
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=svc.PATIENCE) as reply:
                return json.load(reply)["data"]
        except OSError:
            return None

    def query(self, expression):
        """[(labels, value)] of an instant query."""
        data = self.get("query", query=expression)
        return [(row["metric"], float(row["value"][1])) for row in data["result"]] if data else []

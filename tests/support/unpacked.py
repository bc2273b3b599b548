"""Debian packages that are unpacked into a folder of the build, because they would change the machine if they were
installed: their programs run in namespaces only."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

import svc


class Packages:
    """Those of one folder; fetched and unpacked when a test first needs them."""

    def __init__(self, name, packages):
        self.path, self.packages = svc.ROOT / "build" / name, packages
        self.libraries = f"{self.path}/usr/lib/x86_64-linux-gnu:{self.path}/lib/x86_64-linux-gnu"

    def program(self, path):
        return str(self.path / path)

    def unpack(self):
        """Skips the test if they cannot be had."""
        self.path.mkdir(parents=True, exist_ok=True)
        done_file, wanted = self.path / "done", " ".join(self.packages)
        with open(self.path / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if done_file.exists() and done_file.read_text() == wanted:
                return
            done = subprocess.run(["apt-get", "-q", "download", *self.packages], cwd=self.path, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"{wanted} cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
            for package in self.path.glob("*.deb"):
                subprocess.run(["dpkg-deb", "-x", package, self.path], check=True)
            done_file.write_text(wanted)

    def needs(self, *programs):
        """Skips the test if one of these programs cannot run here."""
        if os.geteuid() != 0:
            pytest.skip(f"{Path(programs[0]).name} needs root")
        self.unpack()
        environment = {**os.environ, "LD_LIBRARY_PATH": self.libraries}
        for program in programs:
            done = subprocess.run(["ldd", program], env=environment, capture_output=True, text=True)
            missing = [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]
            if missing:
                pytest.skip(f"{Path(program).name} cannot start without {' '.join(missing)}")

"""A machine of the test's own: a server on port 53 and the programs beside it, in a mount and a network namespace with
its address in resolv.conf and `hosts: files dns` in nsswitch.conf. Nothing of the real machine is changed."""

import json
import subprocess

import pytest

import svc
from svc import wait_until

LIBC_TIMEOUT = 30  # seconds; as long as glibc knows, so that no busy machine takes so long. musl asks again after half

# Runs inside the new namespaces, then becomes the server. $1 is the folder with the two files.
ENTER = """set -e
ip link set lo up
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
shift
exec "$@"
"""


def unshare_command():
    """How this machine lets us have namespaces, or None."""
    for flags in ("-mn", "-Urmn"):
        done = subprocess.run(["unshare", flags, "true"], capture_output=True)
        if done.returncode == 0:
            return ["unshare", flags]
    return None


class Machine:
    """A server and the programs beside it, in namespaces."""

    enter = ENTER

    def __init__(self, directory, **config):
        unshare = unshare_command()
        if unshare is None:
            pytest.skip("namespaces are not permitted here")
        self.directory = directory
        self.lay_out()
        wrapper = unshare + ["sh", "-c", self.enter, "sh", str(directory)]
        config = {"dns.listen": "127.0.0.1:53", "http.listen": "127.0.0.1:8500", **config}
        self.server = svc.Server(directory / "server", config, wrapper=wrapper)
        self.user = ["-U", "--preserve-credentials"] if "-Urmn" in unshare else []

    def lay_out(self):
        """Writes what `enter` mounts."""
        (self.directory / "resolv.conf").write_text(
            f"nameserver 127.0.0.1\nsearch service.local\noptions timeout:{LIBC_TIMEOUT} attempts:2\n")
        (self.directory / "nsswitch.conf").write_text("hosts: files dns\n")

    def __enter__(self):
        self.server.start(ready=False)
        wait_until(self.ready, "the server answers /readyz inside the namespace")
        return self

    def __exit__(self, *_):
        self.server.stop()

    def ready(self):
        assert self.server.process.poll() is None, self.server.log()
        return self.run("curl", "-fs", "http://127.0.0.1:8500/readyz", check=False).returncode == 0

    def inside(self, *command):
        """The server's own root too: when all this runs in a chroot, the mount namespace's root is another."""
        return ["nsenter", "-t", str(self.server.process.pid), "-m", "-n", "-r", "-w", *self.user, *command]

    def run(self, *command, check=True):
        done = subprocess.run(self.inside(*command), capture_output=True, text=True, timeout=6 * svc.PATIENCE)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def register(self, body):
        """An instance, as JSON or as what becomes JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.run("curl", "-fsS", "-X", "PUT", "http://127.0.0.1:8500/v1/agent/service/register", "-d", text)

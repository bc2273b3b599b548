"""A fresh Debian 12 in a folder, and what runs in it.

debootstrap makes it, from the mirror that apt on this machine is set up with. Commands run in it by chroot, in mount
and pid namespaces of their own: whatever they start or mount ends with them, also when they take too long."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SUITE = "bookworm"

# Outside of the tree, in the new namespaces: $1 is the tree, $2 the script, $3 whether there is a network to set up.
ENTER = """set -e
[ "$3" != alone ] || ip link set lo up
mount --bind "$1" "$1" # tests make namespaces in it, which takes a root that is a mount
mount -t proc proc "$1/proc"
mount -t sysfs -o ro sysfs "$1/sys"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$1/dev/pts"
mount -t tmpfs tmpfs "$1/dev/shm"
exec chroot "$1" /bin/bash -ec "$2"
"""


# The only thing that a booted tree is up for; it is switched off in the end.
UNIT = """[Unit]
After=multi-user.target

[Service]
Type=oneshot
StandardOutput=file:/root/boot/output
StandardError=file:/root/boot/output
ExecStart=/bin/sh -c 'bash -e /root/boot/script; echo $? >/root/boot/status'
ExecStopPost=/bin/sh -c 'journalctl --no-pager -u "svcdns*" >/root/boot/journal; systemctl --no-block poweroff'
TimeoutStartSec=240
"""
NSPAWN = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "-D"]


# What ends together with the command that runs in it, whatever that has started or mounted.
NAMESPACES = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]


def why_not():
    """Why this machine cannot make a tree, or None."""
    if os.geteuid() != 0:
        return "chroot needs root"
    for program in ("debootstrap", "unshare", "chroot", "apt-get", "git", "ip"):
        if not shutil.which(program):
            return f"{program} is not installed"
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--net", "true"], capture_output=True, text=True)
    if done.returncode != 0:
        return f"no namespaces here: {done.stderr.strip()}"
    if not mirrors():
        return f"apt's sources on this machine name no Debian {SUITE}"
    return None


def mirrors():
    """(address, release) of Debian's main, and of its updates, in apt's sources; the release itself first."""
    fields = "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)|$(RELEASE)"
    done = subprocess.run(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"], capture_output=True, text=True)
    rows = {tuple(line.split("|")) for line in done.stdout.splitlines()}
    found = [(uri, release) for origin, name, part, uri, release in rows
             if origin == "Debian" and part == "main" and name.startswith(SUITE)]
    found.sort(key=lambda row: row[1])
    return found if found and found[0][1] == SUITE else []


def environment():
    """What a command in the tree sees: nothing of this machine but the way to its proxy."""
    kept = {name: value for name, value in os.environ.items() if name.lower() in ("http_proxy", "https_proxy", "no_proxy")}
    return {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb",
            "DEBIAN_FRONTEND": "noninteractive", **kept}


class Tree:
    def __init__(self, path):
        self.path = Path(path)

    def bootstrap(self):
        """Makes the tree: the smallest Debian that apt runs in."""
        uri = mirrors()[0][0]
        command = [*NAMESPACES, "--mount-proc", "debootstrap", "--variant=minbase", SUITE, self.path, uri]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
        said = done.stdout[-3000:] + done.stderr[-3000:]
        if done.returncode and (unreachable := re.search(r"E: (?:Failed getting release file|Couldn't download).*", said)):
            pytest.skip(f"the mirror is away: {unreachable.group()}")
        assert done.returncode == 0, said
        lines = [f"deb {uri} {release} main\n" for uri, release in mirrors()]
        (self.path / "etc/apt/sources.list").write_text("".join(lines))
        proxy = subprocess.run(["apt-config", "dump", "Acquire::http::Proxy", "Acquire::https::Proxy"], capture_output=True, text=True)
        (self.path / "etc/apt/apt.conf.d/90proxy").write_text(proxy.stdout)
        return self

    def copy(self, path):
        """Another tree, the same as this one is now."""
        subprocess.run(["cp", "-a", "--reflink=auto", self.path, path], check=True, timeout=600)
        return Tree(path)

    def run(self, script, alone=False, timeout=600):
        """Runs a script of bash -e; `alone`: with a loopback of its own and no other network. Fails if it fails."""
        command = [*NAMESPACES, *(["--net"] if alone else [])]
        command += ["sh", "-c", ENTER, "sh", self.path, script, "alone" if alone else ""]
        log = self.path / "tmp/script.log"  # a file: what is left behind of a pipe's writers would hold us up
        with open(log, "w", encoding="utf-8") as out:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(), timeout=timeout)
        text = log.read_text(encoding="utf-8", errors="replace")
        assert done.returncode == 0, f"status {done.returncode} of\n{script}\n{text[-8000:]}"
        return text

    def why_no_boot(self):
        """Why systemd cannot be booted in the tree, or None. It must have the package systemd-sysv."""
        if not shutil.which("systemd-nspawn"):
            return "systemd-nspawn is not installed"
        done = subprocess.run([*NSPAWN, self.path, "/bin/true"], capture_output=True, text=True, timeout=60)
        return f"systemd-nspawn cannot run here: {done.stderr.strip()[-200:]}" if done.returncode else None

    def boot(self, script):
        """Boots systemd in the tree, with a loopback of its own and no other network, runs a script of bash -e, and
        switches it off. Fails if the script fails; returns what it said."""
        folder, units = self.path / "root/boot", self.path / "etc/systemd/system"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "script").write_text(script)
        unit, link = units / "script.service", units / "default.target.wants/script.service"
        getty = units / "console-getty.service"  # there is no console: its child would wait for one, and hold all sockets
        if not getty.is_symlink():
            getty.symlink_to("/dev/null")
        unit.write_text(UNIT)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to("../script.service")
        try:
            subprocess.run([*NSPAWN, self.path, "--boot"], capture_output=True, timeout=300, stdin=subprocess.DEVNULL)
        finally:
            link.unlink()
            unit.unlink()
        said = {path.name: path.read_text(errors="replace") for path in folder.iterdir()}
        assert said.get("status") == "0\n", said
        return said["output"]

    def remove(self):
        shutil.rmtree(self.path)

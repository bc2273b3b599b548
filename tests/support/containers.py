"""Docker's own daemon and docker-compose, unpacked, in the machine of resolvers.py: containers on a network of compose,
whose resolver is Docker's. They have no image of their own, but the programs of this machine."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

import resolvers
import svc
import unpacked
from svc import wait_until

BRIDGE = "172.17.0.1"
PACKAGES = unpacked.Packages("docker", [
    "docker.io", "containerd", "runc", "tini", "iptables", "libip4tc2", "libip6tc2", "libxtables12", "libnftnl11", "libmnl0",
    "libnetfilter-conntrack3", "libnfnetlink0", "libdevmapper1.02.1", "docker-compose", "python3-docker", "python3-dockerpty",
    "python3-docopt", "python3-dotenv", "python3-jsonschema", "python3-pyrsistent", "python3-attr", "python3-texttable",
    "python3-websocket", "python3-distro", "python3-requests", "python3-yaml"])
PROGRAMS = ["sbin/dockerd", "bin/docker", "bin/containerd", "bin/containerd-shim-runc-v2", "sbin/runc", "sbin/xtables-nft-multi"]


def environment(folder):
    """Of Docker's programs. Without /sbin, whose modprobe would change the machine."""
    usr = PACKAGES.path / "usr"
    return ["env", f"LD_LIBRARY_PATH={PACKAGES.libraries}", f"XTABLES_LIBDIR={usr}/lib/x86_64-linux-gnu/xtables",
            f"PYTHONPATH={usr}/lib/python3/dist-packages", f"PATH={folder}/bin:{usr}/sbin:{usr}/bin:/usr/bin:/bin",
            "DOCKER_HOST=unix:///run/docker.sock", f"HOME={folder}"]


class Host(resolvers.Host):
    """svcdns on port 53 of Docker's bridge, which is there before it."""

    enter = resolvers.ENTER.replace("shift\n", f"""ip link add docker0 type bridge
ip address add {BRIDGE}/16 dev docker0
ip link set docker0 up
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
shift
""")

    def __init__(self, directory, **config):
        PACKAGES.needs(*(PACKAGES.program(f"usr/{program}") for program in PROGRAMS))
        super().__init__(directory, **{"dns.listen": f"{BRIDGE}:53", **config})
        self.folder = directory / "docker"
        self.group = f"/svcdns-tests-{self.server.port}"

    def start_docker(self):
        """In a process namespace, with which all ends that it has started."""
        (self.folder / "bin").mkdir(parents=True)
        for name in ("iptables", "ip6tables"):
            (self.folder / "bin" / name).symlink_to(PACKAGES.program("usr/sbin/xtables-nft-multi"))
        self.start(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *environment(self.folder),
                    "dockerd", f"--data-root={self.folder}/data", "--exec-root=/run/docker", "--pidfile=/run/docker.pid",
                    "--host=unix:///run/docker.sock", "--storage-driver=vfs", f"--cgroup-parent={self.group}",
                    "--exec-opt=native.cgroupdriver=cgroupfs"])
        process = self.daemons[-1][0]

        def serves():
            if process.poll() is not None:
                pytest.skip("dockerd cannot run here: " + self.log().strip().splitlines()[-1])
            return self.docker("docker", "version", check=False).returncode == 0

        wait_until(serves, "dockerd serves", 6 * svc.PATIENCE)

    def stop_docker(self):
        process = self.daemons[-1][0]
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        process.wait()
        group = f"/sys/fs/cgroup{self.group}"
        wait_until(lambda: self.run("sh", "-c", f"[ ! -d {group} ] || find {group} -depth -type d -exec rmdir {{}} +",
                                    check=False).returncode == 0, "the control groups are empty")

    def __exit__(self, *arguments):
        if self.daemons:
            self.stop_docker()
        super().__exit__(*arguments)

    def docker(self, *command, check=True):
        return self.run(*environment(self.folder), *command, check=check)

    def up(self, lines=""):
        """A service of compose, by the name of `client`, with lines of a recipe."""
        image = self.folder / "image"
        (image / "etc").mkdir(parents=True)
        (image / "usr").mkdir()
        (image / "etc/nsswitch.conf").write_text("hosts: files dns\n")
        for name in ("bin", "sbin", "lib", "lib64"):
            (image / name).symlink_to(f"usr/{name}")
        subprocess.run(["tar", "-C", image, "-cf", self.folder / "image.tar", "."], check=True)
        self.docker("docker", "import", self.folder / "image.tar", "machine")
        service = {"image": "machine", "command": ["sleep", "infinity"], "volumes": ["/usr:/usr:ro"], "container_name": "client"}
        text = "services:\n  client:\n" + "".join(f"    {key}: {json.dumps(value)}\n" for key, value in service.items())
        text += "".join(f"    {line}\n" for line in lines.splitlines())
        (self.folder / "compose.yaml").write_text(text)
        self.docker("/usr/bin/python3", PACKAGES.program("usr/bin/docker-compose"), "--file", self.folder / "compose.yaml", "up",
                    "--detach")

    def within(self, *command, check=True):
        return self.docker("docker", "exec", "client", *command, check=check).stdout

    def dig(self, *arguments):
        return self.within("dig", "+tries=1", f"+time={svc.PATIENCE:.0f}", *arguments, check=False)

    def addresses(self, name):
        return sorted({line.split()[0] for line in self.within("getent", "ahosts", name, check=False).splitlines()})

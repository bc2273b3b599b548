"""A machine whose programs resolve names by another daemon, which has a forward zone for svcdns: Debian's own daemons
with their packages' configuration, in namespaces. /etc is a copy and /run is empty, so that files are put where the
recipes (doc/recipes) say."""

import json
import os
import select
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import svc
import unpacked
from machine import Machine
from svc import wait_until

RECIPES = svc.ROOT / "doc/recipes"
PACKAGES = unpacked.Packages("resolvers", [
    "systemd-resolved", "libsystemd-shared", "libnss-resolve", "libnss-mdns", "avahi-daemon",
    "libavahi-core7", "libavahi-common3", "libavahi-common-data", "libdaemon0",
    "network-manager", "libnm0", "libndp0", "libcurl3-gnutls", "dbus-daemon", "libapparmor1"])
ROOT_KEY = Path("/usr/share/dns/root.key")
NMCLI, DBUS = PACKAGES.program("usr/bin/nmcli"), PACKAGES.program("usr/bin/dbus-daemon")
ELSEWHERE = "192.0.2.1"
# dnsmasq's lines for a name that svcdns does not have, with an address and of no other type: it refuses what it has no
# answer to, and the asker may then go from server to server.
OTHER_NAME = ["address=/other.example/10.7.7.7", "local=/other.example/"]
RESOLVED_UID, AVAHI_UID = 60990, 60991  # any that Debian gives to nobody else

# As in machine.py; $1 is the folder with etc and run. systemd-resolved asks nobody while there is no link but lo.
ENTER = """set -e
ip link set lo up
ip link add net0 type veth peer name net1
ip address add 192.0.2.2/24 dev net0
ip link set net0 up
ip link set net1 up
mount --bind "$1/etc" /etc
mount --bind "$1/run" /run
shift
exec "$@"
"""


# The files of a recipe, by its name for svcdns doctor.
FILES = {
    "resolved": ["resolved.conf"],
    "networkmanager": ["networkmanager.conf", "dnsmasq.conf"],
    "dnsmasq": ["dnsmasq.conf"],
    "unbound": ["unbound.conf"],
    "bind": ["bind.conf", "bind-options.conf"],
    "resolv.conf": ["resolv.conf"],
    "compose": ["compose.yaml"],
}


def recipe(name, address="127.0.0.1", port=8600, zone="service.local"):
    """The text of a file of doc/recipes, filled in."""
    text = (RECIPES / name).read_text()
    server = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    values = {"@DNS_SERVER@": server, "@DNS_ADDRESS@": address, "@DNS_PORT@": str(port), "@ZONE@": zone}
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text


def end(pid, command):
    """Kills a process that is not our child, if it is there and has this in its command line, and waits for its end."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if command in Path(f"/proc/{pid}/cmdline").read_bytes():
            signal.pidfd_send_signal(process, signal.SIGKILL)
            assert select.select([process], [], [], svc.PATIENCE)[0], f"{pid} does not end"
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended meanwhile
    finally:
        os.close(process)


class Host(Machine):
    """A machine with svcdns on port 8600 and whatever resolver is started on it."""

    enter = ENTER

    def __init__(self, directory, **config):
        super().__init__(directory, **{"dns.listen": "127.0.0.1:8600", "zone.ttl": "1s", **config})
        self.daemons = []

    def lay_out(self):
        self.etc, self.run_folder = self.directory / "etc", self.directory / "run"
        subprocess.run(["cp", "-a", "/etc", self.etc], capture_output=True)  # without what may not be read
        self.run_folder.mkdir()
        self.resolv_conf("nameserver 127.0.0.1\n")
        self.nsswitch("files dns")

    def write(self, path, text):
        """A file below /etc."""
        target = self.etc / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_text(text)

    def resolv_conf(self, text):
        self.write("resolv.conf", text + "options timeout:5 attempts:2\n")

    def nsswitch(self, hosts):
        self.write("nsswitch.conf", f"hosts: {hosts}\n")

    def add_user(self, name, uid):
        """A user, with a group, in the place of one that is there."""
        for path, rest in (("passwd", f"{uid}::/:/usr/sbin/nologin"), ("group", "")):
            kept = [line for line in (self.etc / path).read_text().splitlines() if not line.startswith(f"{name}:")]
            self.write(path, "\n".join([*kept, f"{name}:x:{uid}:{rest}"]) + "\n")

    def start(self, command):
        """A daemon inside, in the foreground, with its output in a file."""
        log = self.directory / f"daemon{len(self.daemons)}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(self.inside(*command), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.daemons.append((process, log))

    def log(self):
        return "".join(log.read_text(errors="replace") for _, log in self.daemons)

    def stop_daemons(self):
        for process, _ in reversed(self.daemons):
            process.terminate()
            try:
                process.wait(svc.PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.daemons = []
        left = self.run_folder / "NetworkManager/dnsmasq.pid"  # outlives NetworkManager, until the next one starts
        if left.exists():
            end(int(left.read_text()), b"/etc/NetworkManager/dnsmasq.d")

    def __exit__(self, *arguments):
        self.stop_daemons()
        super().__exit__(*arguments)

    def register_many(self, bodies):
        """As register(), all at once."""
        requests = ["-Z"]
        for body in bodies:
            requests += ["--next"] if len(requests) > 1 else []
            requests += ["-fsS", "-X", "PUT", "http://127.0.0.1:8500/v1/agent/service/register", "-d", json.dumps(body)]
        self.run("curl", *requests)

    def dig(self, *arguments):
        """What the machine's own resolver answers, by UDP and then by TCP if that is cut short."""
        return self.run("dig", "+tries=1", f"+time={svc.PATIENCE:.0f}", *arguments, check=False).stdout

    def addresses(self, name, *options):
        """What getaddrinfo in an unmodified program finds."""
        environment = ["env", f"LD_LIBRARY_PATH={PACKAGES.libraries}"] if PACKAGES.path.exists() else []
        done = self.run(*environment, "getent", *options, "ahosts", name, check=False)
        return sorted({line.split()[0] for line in done.stdout.splitlines()})

    def wait_answers(self, nameserver):
        """Until the daemon answers anything at all."""
        def answers():
            for process, _ in self.daemons:
                assert process.poll() is None, self.log()
            return "status:" in self.dig("+time=1", f"@{nameserver}", "localhost.")
        wait_until(answers, "the resolver answers")

    def wait_socket(self, path):
        """Until somebody listens on the Unix socket; its file is there before."""
        def listens():
            sockets = Path(f"/proc/{self.server.process.pid}/net/unix").read_text().splitlines()
            return any(line.split()[3] == "00010000" and line.endswith(f" {path}") for line in sockets[1:])
        wait_until(listens, f"somebody listens on {path}")


class Resolver:
    """How a daemon is configured and started. `recipes` maps a file of doc/recipes to where it goes."""

    name, program, nameserver = "", "", "127.0.0.1"
    recipes = {}

    def needs(self):
        """Skips the test if the daemon cannot run here."""
        if not shutil.which(self.program, path="/usr/sbin:/usr/bin"):
            pytest.skip(f"{self.program} is not installed")

    def files(self):
        """The files of doc/recipes that apply() takes."""
        return list(self.recipes)

    def base(self, host):
        """What an administrator had before: validation of DNSSEC, and no private addresses from strangers."""

    def apply(self, host, without=None, zone="service.local"):
        """Puts the recipe in its place; `without` is a piece of the lines that are left out."""
        for name, place in self.recipes.items():
            lines = recipe(name, zone=zone).splitlines(keepends=True)
            kept = [line for line in lines if line.startswith("#") or not without or without not in line]
            host.write(place, "".join(kept))

    def command(self):
        return []

    def start(self, host):
        host.resolv_conf(f"nameserver {self.nameserver}\n")
        host.start(self.command())
        host.wait_answers(self.nameserver)


class Unbound(Resolver):
    name, program = "unbound", "unbound"
    recipes = {"unbound.conf": "unbound/unbound.conf.d/svcdns.conf"}

    def base(self, host):
        shutil.copy(ROOT_KEY, host.run_folder / "root.key")
        host.write("unbound/unbound.conf.d/root-auto-trust-anchor-file.conf",
                   'server:\n\tauto-trust-anchor-file: "/run/root.key"\n')
        host.write("unbound/unbound.conf.d/test.conf", 'server:\n\tusername: ""\n\tprivate-address: 10.0.0.0/8\n')

    def command(self):
        return ["unbound", "-d", "-p"]


class Dnsmasq(Resolver):
    name, program = "dnsmasq", "dnsmasq"
    recipes = {"dnsmasq.conf": "dnsmasq.d/svcdns.conf"}

    def base(self, host):
        (host.etc / "dnsmasq.d").mkdir(exist_ok=True)
        host.write("dnsmasq.conf", "listen-address=127.0.0.1\nbind-interfaces\nno-resolv\nlocal=/local/\nstop-dns-rebind\ndnssec\n"
                   "conf-file=/usr/share/dnsmasq-base/trust-anchors.conf\nuser=root\n")

    def command(self):
        return ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-dir=/etc/dnsmasq.d"]


class Bind(Resolver):
    name, program = "bind", "named"
    recipes = {"bind.conf": "bind/named.conf.local"}

    def files(self):
        return [*self.recipes, "bind-options.conf"]

    def base(self, host):
        host.write("bind/rndc.key", (host.etc / "bind/rndc.key").read_text())  # readable without CAP_DAC_OVERRIDE
        (host.run_folder / "bind").mkdir()
        (host.run_folder / "named").mkdir()
        self.write_options(host, "")

    def write_options(self, host, text):
        options = (Path("/etc/bind/named.conf.options")).read_text().replace("/var/cache/bind", "/run/bind")
        host.write("bind/named.conf.options", options.replace("options {\n", "options {\n" + text))

    def apply(self, host, without=None, zone="service.local"):
        super().apply(host, without, zone)
        lines = recipe("bind-options.conf", zone=zone).splitlines(keepends=True)
        self.write_options(host, "".join(line for line in lines if not without or without not in line))

    def command(self):
        return ["named", "-g"]


class Resolved(Resolver):
    name, program, nameserver = "resolved", PACKAGES.program("lib/systemd/systemd-resolved"), "127.0.0.53"
    recipes = {"resolved.conf": "systemd/resolved.conf.d/svcdns.conf"}

    def needs(self):
        PACKAGES.needs(self.program)

    def base(self, host):
        """No systemd and no D-Bus: it runs without them, but for the D-Bus interface."""
        host.add_user("systemd-resolve", RESOLVED_UID)
        folder = host.run_folder / "systemd/resolve"
        folder.mkdir(parents=True)
        os.chown(folder, RESOLVED_UID, RESOLVED_UID)
        host.directory.chmod(0o755)
        host.write("systemd/resolved.conf.d/test.conf", "[Resolve]\nDNSSEC=yes\nLLMNR=no\n")

    def command(self):
        return ["env", f"LD_LIBRARY_PATH={PACKAGES.libraries}", "SYSTEMD_LOG_TARGET=console", self.program]


def start_elsewhere(host, command):
    """A daemon on the machine at the other end of the link net0, which has the address ELSEWHERE; it answers DNS there."""
    host.start(["unshare", "-n", *command])
    pid = host.daemons[-1][0].pid
    others = {os.readlink(f"/proc/{other}/ns/net") for other in ("self", host.server.process.pid)}
    wait_until(lambda: os.readlink(f"/proc/{pid}/ns/net") not in others, "it has a network of its own")
    host.run("ip", "link", "delete", "net0", check=False)  # that of an earlier one may be on its way out
    host.run("ip", "link", "add", "net0", "type", "veth", "peer", "name", "net1", "netns", str(pid))
    for setting in ("address add 192.0.2.2/24 dev net0", "link set net0 up"):
        host.run("ip", *setting.split())
    for setting in (f"address add {ELSEWHERE}/24 dev net1", "link set net1 up", "link set lo up"):
        subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", *setting.split()], check=True)
    host.wait_answers(ELSEWHERE)


# What Debian's system.conf allows, and what the policies do that are put into it.
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
<type>system</type><auth>EXTERNAL</auth><listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
<allow send_destination="org.freedesktop.DBus"/></policy>
{}
</busconfig>
"""


class NetworkManager(Resolver):
    """It sets up the machine's link by a profile, and starts dnsmasq itself; with a message bus, and without systemd."""

    name, program = "networkmanager", PACKAGES.program("usr/sbin/NetworkManager")
    recipes = {"networkmanager.conf": "NetworkManager/conf.d/svcdns.conf", "dnsmasq.conf": "NetworkManager/dnsmasq.d/svcdns.conf"}

    def needs(self):
        PACKAGES.needs(self.program, NMCLI, DBUS)
        Dnsmasq().needs()

    def base(self, host):
        """Without udev, as /sys is read-only."""
        host.run("mount", "-t", "sysfs", "-o", "ro", "sysfs", "/sys")
        host.run("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
        policies = [PACKAGES.path / "usr/share/dbus-1/system.d/org.freedesktop.NetworkManager.conf",
                    "/usr/share/dbus-1/system.d/dnsmasq.conf"]
        (host.run_folder / "dbus").mkdir()
        host.write("dbus-1/system.conf", BUS.format("".join(f"<include>{path}</include>" for path in policies)))
        host.write("NetworkManager/NetworkManager.conf", "[main]\nplugins=ifupdown,keyfile\nno-auto-default=*\n")
        host.write("NetworkManager/system-connections/net0.nmconnection",
                   "[connection]\nid=net0\ntype=ethernet\ninterface-name=net0\n[ipv6]\nmethod=disabled\n"
                   f"[ipv4]\nmethod=manual\naddress1=192.0.2.2/24\ndns={ELSEWHERE};\n")
        (host.etc / "NetworkManager/system-connections/net0.nmconnection").chmod(0o600)
        (host.etc / "NetworkManager/dnsmasq.d").mkdir()

    def start(self, host):
        """Until it has written resolv.conf: the address of its dnsmasq if that is configured, or of the link's servers."""
        configured = [path.read_text() for path in (host.etc / "NetworkManager/conf.d").glob("*.conf")]
        nameserver = self.nameserver if any("dns=dnsmasq" in text for text in configured) else ELSEWHERE
        start_elsewhere(host, ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                               "--user=root", "--log-facility=-", *(f"--{line}" for line in OTHER_NAME)])
        host.run("ip", "address", "flush", "dev", "net0")
        host.write("resolv.conf", "")
        host.start([DBUS, "--config-file=/etc/dbus-1/system.conf", "--nofork", "--nopidfile"])
        host.wait_socket("/run/dbus/system_bus_socket")
        host.start(["env", f"LD_LIBRARY_PATH={PACKAGES.libraries}", self.program, "--no-daemon", "--log-level=INFO"])
        wait_until(lambda: f"nameserver {nameserver}\n" in (host.etc / "resolv.conf").read_text(),
                   "NetworkManager has set up the link")
        host.wait_answers(nameserver)


def start_avahi(host):
    """Avahi without D-Bus: what nss-mdns asks."""
    host.add_user("avahi", AVAHI_UID)
    host.write("avahi/avahi-daemon.conf", "[server]\nenable-dbus=no\nallow-interfaces=net0\n")
    host.start(["env", f"LD_LIBRARY_PATH={PACKAGES.libraries}", PACKAGES.program("usr/sbin/avahi-daemon"), "--no-drop-root",
                "--no-chroot", "--no-rlimits"])
    host.wait_socket("/run/avahi-daemon/socket")


class Plain(Resolver):
    """No daemon: svcdns itself is the name server."""

    name, nameserver = "plain", "127.0.0.1"
    recipes = {"resolv.conf": "resolv.conf"}

    def needs(self):
        pass

    def start(self, host):
        host.wait_answers(self.nameserver)


ALL = [Unbound(), Dnsmasq(), Bind(), Resolved(), NetworkManager(), Plain()]

"""After the lines of a recipe, the command that svcdns doctor prints is enough: also when somebody has asked for the name
before, and the resolver knows from the signed root that there is nothing below ".local"."""

import re
import signal

import pytest

import doctor
import resolvers
import signed_root
from svc import wait_until


def printed(name):
    return doctor.run("doctor", f"--print={name}", "--json", "--zone=service.local").json()["Reload"]


def found_out(said):
    """Of dig's output: how it stands, and "ad" if it was validated."""
    status, flags = re.search(r"status: (\w+)", said).group(1), re.search(r"flags:([^;]*);", said).group(1).split()
    return status + (" ad" if "ad" in flags else "")


def restart(host, resolver):
    host.stop_daemons()
    resolver.start(host)


def hang_up(host, _):
    host.daemons[-1][0].send_signal(signal.SIGHUP)


def as_printed(host, resolver):
    host.run("sh", "-ec", printed(resolver.name))


def networkmanager(host, _):
    """systemctl reload by what its unit says, and the rest as printed."""
    first, second = printed("networkmanager").split(" && ")
    assert first == "systemctl reload NetworkManager"
    unit = (resolvers.PACKAGES.path / "lib/systemd/system/NetworkManager.service").read_text()
    host.run(*re.search(r"^ExecReload=(.*)", unit, re.M).group(1).split())
    host.run("env", f"LD_LIBRARY_PATH={resolvers.PACKAGES.libraries}", *second.replace("nmcli", resolvers.NMCLI, 1).split())


# What stands in for systemctl, where a command needs it.
RUNS = {
    "resolved": ("systemctl restart systemd-resolved", restart),
    "dnsmasq": ("systemctl restart dnsmasq", restart),
    "unbound": ("systemctl reload unbound", hang_up),
    "bind": (None, as_printed),
    "networkmanager": (None, networkmanager),
}


class Validates(resolvers.Bind):
    """As Debian has it, with a root."""

    def base(self, host):
        super().base(host)
        signed_root.start(host)


class DoesNot(Validates):
    def write_options(self, host, text):
        super().write_options(host, text)
        path = host.etc / "bind/named.conf.options"
        path.write_text(path.read_text().replace("dnssec-validation auto", "dnssec-validation no"))


class Unbound(resolvers.Unbound):
    def base(self, host):
        super().base(host)
        signed_root.start(host)


@pytest.mark.parametrize("resolver, before", [
    (resolvers.Resolved(), ""), (resolvers.Dnsmasq(), ""), (resolvers.NetworkManager(), ""),
    (Unbound(), "NXDOMAIN ad"), (Validates(), "NXDOMAIN ad"), (DoesNot(), "NXDOMAIN"),
], ids=["resolved", "dnsmasq", "networkmanager", "unbound", "bind", "bind without DNSSEC"])
def test_after_the_command(tmp_path, resolver, before):
    resolver.needs()
    command, run = RUNS[resolver.name]
    assert command in (None, printed(resolver.name))
    with resolvers.Host(tmp_path) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        resolver.base(host)
        resolver.start(host)
        said = host.dig("web.service.local")
        assert "ANSWER: 0" in said and found_out(said).startswith(before), said
        resolver.apply(host)
        run(host, resolver)
        wait_until(lambda: host.addresses("web.service.local") == ["10.0.0.1"], "the name is found")


@pytest.mark.parametrize("resolver", [Unbound(), Validates(), DoesNot()], ids=["unbound", "bind", "bind without DNSSEC"])
def test_names_beside_the_zone(tmp_path, resolver):
    """That there is no printer.local, and no ".local" at all, is not said of the names in the zone."""
    resolver.needs()
    with resolvers.Host(tmp_path) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        resolver.base(host)
        resolver.apply(host)
        resolver.start(host)
        for name in ("printer.local", "local", "other.printer.local"):
            assert found_out(host.dig(name)).startswith("NXDOMAIN")
        for kind in ("A", "SRV"):
            said = host.dig("never.service.local", kind)
            assert found_out(said) == "NXDOMAIN" and "hostmaster.service.local" in said, said
        assert host.addresses("web.service.local") == ["10.0.0.1"]
        assert "1 1 80 web.web.service.local." in host.dig("_web._tcp.service.local", "SRV")


@pytest.mark.parametrize("resolver", [Validates(), DoesNot()], ids=["bind", "bind without DNSSEC"])
def test_nobody_else_is_asked(tmp_path, resolver):
    """While svcdns cannot be asked BIND does not ask the root, whose "no" it would keep for hours. (Unbound tries for
    longer than its clients wait.)"""
    resolver.needs()
    with resolvers.Host(tmp_path) as host:
        resolver.base(host)
        resolver.apply(host)
        for place in resolver.recipes.values():
            path = host.etc / place
            assert "8600" in path.read_text()
            path.write_text(path.read_text().replace("8600", "1"))  # where nobody listens
        resolver.start(host)
        assert found_out(host.dig("printer.local")).startswith("NXDOMAIN")
        assert found_out(host.dig("web.service.local")) == "SERVFAIL"


def test_others_go_where_they_went(tmp_path):
    """NetworkManager's dnsmasq asks the link's servers for other names, as the machine did before."""
    resolver = resolvers.NetworkManager()
    resolver.needs()
    with resolvers.Host(tmp_path) as host:
        resolver.base(host)
        resolver.start(host)
        assert host.addresses("other.example") == ["10.7.7.7"]
        resolver.apply(host)
        networkmanager(host, resolver)
        wait_until(lambda: "nameserver 127.0.0.1\n" in (host.etc / "resolv.conf").read_text(), "its dnsmasq is asked")
        wait_until(lambda: host.addresses("other.example") == ["10.7.7.7"], "the other name is still found")

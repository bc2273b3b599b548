"""The relay and Debian's own resolvers, on loopback ports: Unbound and BIND as the servers upstream, and dnsmasq,
Unbound and BIND as forwarders that lead back to us."""

import shutil
import subprocess
import time

import pytest

import packets
import svc

RD, CD, AD = packets.RD, packets.CD, packets.AD
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3

UNBOUND = """server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  interface: 127.0.0.1@{port}
  do-not-query-localhost: no
  module-config: "iterator"
{lines}
remote-control:
  control-enable: no
"""

UNBOUND_DATA = """  local-zone: "example.com." static
  local-data: "example.com. 60 SOA ns.example.com. host.example.com. 1 60 60 60 60"
  local-data: "www.example.com. 60 A 198.51.100.1"
  local-data: "www.example.com. 60 AAAA 2001:db8::1"
  local-data: "alias.example.com. 60 CNAME www.example.com."
""" + "".join(f"  local-data: 'big.example.com. 60 TXT \"{i:03} {'x' * 200}\"'\n" for i in range(40))

BIND = """options {{
  directory "{folder}"; pid-file none; session-keyfile none; recursion yes; dnssec-validation no;
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  {options}
}};
controls {{ }};
{zones}
"""

BIND_ZONE = """$TTL 60
@ SOA ns host 1 60 60 60 60
@ NS ns
ns A 198.51.100.53
www A 198.51.100.1
www AAAA 2001:db8::1
alias CNAME www
""" + "".join(f"big TXT \"{i:03} {'x' * 200}\"\n" for i in range(40))


def unbound(folder, port, forward=None):
    lines = UNBOUND_DATA
    if forward:
        lines = f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{forward}\n'
    (folder / "unbound.conf").write_text(UNBOUND.format(folder=folder, port=port, lines=lines))
    return ["unbound", "-d", "-c", f"{folder}/unbound.conf"]


def bind(folder, port, forward=None):
    options, zones = "", f'zone "example.com" {{ type primary; file "{folder}/zone"; }};'
    if forward:
        options, zones = f"forward only; forwarders {{ 127.0.0.1 port {forward}; }};", ""
    (folder / "zone").write_text(BIND_ZONE)
    (folder / "named.conf").write_text(BIND.format(folder=folder, port=port, options=options, zones=zones))
    return ["named", "-g", "-n", "1", "-c", f"{folder}/named.conf"]


def dnsmasq(folder, port, forward):
    return ["dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            "--user=root", "--pid-file=", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces",
            "--cache-size=0", f"--server=127.0.0.1#{forward}"]


@pytest.fixture
def start_resolver(tmp_path):
    """Starts a daemon on a port and returns when it answers."""
    processes = []

    def start(make, port, forward=None):
        folder = tmp_path / f"resolver{len(processes)}"
        folder.mkdir()
        command = make(folder, port, forward)
        if not shutil.which(command[0], path="/usr/sbin:/usr/bin"):
            pytest.skip(f"{command[0]} is not installed")
        log = folder / "log"
        with open(log, "wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        processes.append(process)

        def answers():
            assert process.poll() is None, log.read_text()
            with svc.Udp(("127.0.0.1", port)) as client:
                client.socket.settimeout(0.2)
                try:
                    return client.exchange(packets.query("version.bind", 16, 3))
                except OSError:
                    return None
        svc.wait_until(answers, f"{command[0]} answers")

    yield start
    for process in processes:
        process.terminate()
        try:
            process.wait(svc.PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.parametrize("make", [unbound, bind])
def test_upstream(start_server, start_resolver, make):
    port = svc.free_port()
    start_resolver(make, port)
    server = start_server(**{"relay.upstream": f"127.0.0.1:{port}", "relay.timeout": "10s"})
    server.register("web", id="w1", address="10.0.0.1", port=80)
    for tcp in (False, True):
        reply = server.ask("wWw.example.com", flags=RD | CD | AD, tcp=tcp)
        assert (reply.rcode, reply.addresses(), reply.aa) == (NOERROR, ["198.51.100.1"], False)
        assert reply.flags & packets.RA and reply.flags & CD and not reply.flags & AD
        alias = server.ask("alias.example.com", "AAAA", flags=RD, tcp=tcp)
        assert [r.type for r in alias.answer] == [5, 28] and alias.addresses() == ["2001:db8::1"]
        missing = server.ask("missing.example.com", flags=RD, tcp=tcp)
        assert (missing.rcode, [r.type for r in missing.authority]) == (NXDOMAIN, [6])
        empty = server.ask("www.example.com", "MX", flags=RD, tcp=tcp)
        assert (empty.rcode, empty.answer, [r.type for r in empty.authority]) == (NOERROR, [], [6])
        assert server.ask("web.service.local", flags=RD, tcp=tcp).addresses() == ["10.0.0.1"]
    small = server.ask("big.example.com", "TXT", flags=RD, size=512)
    assert small.tc and small.size <= 512
    assert len(server.retry("big.example.com", "TXT", flags=RD).answer) == 40


@pytest.mark.parametrize("make", [dnsmasq, unbound, bind])
def test_a_forwarder_that_leads_back(start_server, start_resolver, make):
    """Whether or not it keeps the EDNS option that marks our queries, a look-up ends, after few rounds."""
    port = svc.free_port()
    server = start_server(**{"relay.upstream": f"127.0.0.1:{port}", "relay.timeout": "1s"})
    server.register("web", id="w1", address="10.0.0.1", port=80)
    start_resolver(make, port, server.port)
    before, started = server.metric("svcdns_dns_requests_total"), time.monotonic()
    assert server.ask("loop.example.org", flags=RD).rcode == SERVFAIL
    assert time.monotonic() - started < 10
    assert server.ask("web.service.local", flags=RD).addresses() == ["10.0.0.1"]
    assert server.metric("svcdns_dns_requests_total") - before < 60
    said = "asks us what we ask it"
    if make is dnsmasq:  # at once, or behind the reply if that was for the timeout
        svc.wait_until(lambda: said in server.log(), said)
    else:
        assert said not in server.log()

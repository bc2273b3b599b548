"""A process that starts again finds another world than the server did: fewer processors, zone files that have gone bad."""

import os
import signal
from pathlib import Path

import pytest

import svc

RD, AA = 0x0100, 0x0400
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


def ask(server, name, kind="A", **more):
    return server.ask(name, kind, flags=RD, **more)


def kill(server, *roles):
    """Kills processes and waits for others in their places."""
    for role in roles:
        old = server.signal(role, signal.SIGKILL)
        svc.wait_until(lambda role=role, old=old: server.children().get(role, old) != old, f"another {role}")
    server.wait_ready()


def workers(server):
    """The names of the threads of dns that have sockets."""
    names = [task.read_text().strip() for task in Path(f"/proc/{server.pid('dns')}/task").glob("*/comm")]
    return sorted(name for name in names if name.startswith("dns-"))


def test_fewer_processors_change_no_number_of_workers(start_server, upstream):
    """The sockets, and the links to the relay, were opened for as many workers as there were processors at the start."""
    processors = sorted(os.sched_getaffinity(0))[:2]
    if len(processors) < 2:
        pytest.skip("needs two processors")
    server = start_server(wrapper=["taskset", "-c", ",".join(map(str, processors))],
                          **{"relay.upstream": upstream.address})
    server.register("web", id="w1", address="10.0.0.1", port=80)
    all_workers = ["dns-tcp-0", "dns-tcp-1", "dns-udp-0", "dns-udp-1"]
    svc.wait_until(lambda: workers(server) == all_workers, "all workers are there")
    for task in os.listdir(f"/proc/{server.pid('supervisor')}/task"):
        os.sched_setaffinity(int(task), processors[:1])
    for role in ("dns", "relay"):
        kill(server, role)
        assert os.sched_getaffinity(server.pid(role)) == set(processors[:1])
        svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "the relay answers")
        for tcp in (False, True) * 20:  # from as many ports, so that each socket gets some
            assert ask(server, "web.service.local", tcp=tcp).addresses() == ["10.0.0.1"]
            assert ask(server, "www.example.com", tcp=tcp).addresses() == ["198.51.100.1"]
        assert workers(server) == all_workers
    server.signal("supervisor", signal.SIGHUP)
    svc.wait_until(lambda: 'msg="config read"' in server.log(), "the reload")
    assert "needs_restart" not in server.log()


ZONE = """$ORIGIN {name}.
$TTL 5
@ IN SOA ns1 hostmaster 4000000000 3600 600 86400 5
@ IN NS ns1
@ IN MX 10 fixed
@ IN A 10.0.0.8
ns1 IN A 127.0.0.1
fixed IN A 10.0.0.9
{more}
"""


class Zones:
    """A server with two zone files: of service.local, and of example.org, which the config does not name."""

    NAMES = ("service.local", "example.org")

    def __init__(self, start_server, folder, **config):
        self.paths = [folder / name for name in self.NAMES]
        self.write()
        self.server = start_server(**{"zone.file": ",".join(map(str, self.paths)), **config})
        self.server.register("web", id="w1", address="10.0.0.1", port=80)

    def write(self, more=""):
        for name, path in zip(self.NAMES, self.paths):
            path.write_text(ZONE.format(name=name, more=more))

    def reload(self):
        """The status and the text of a reload."""
        answer = self.server.http("PUT", "/v1/agent/reload")
        return answer.status, answer.text


def test_a_zone_file_that_has_gone_bad_keeps_nothing_down(start_server, tmp_path):
    """It is left out when dns starts again: what is registered is answered, what may be in the file is not denied."""
    zones = Zones(start_server, tmp_path)
    server = zones.server
    zones.write("*.x IN A 10.0.0.9")
    assert zones.reload()[0] == 400
    for name in zones.NAMES:
        assert ask(server, f"fixed.{name}").addresses() == ["10.0.0.9"], "refused, so all is as it was"
    kill(server, "dns", "sidecar")
    server.register("db", id="d1", address="10.0.0.2", port=80)
    for name, path in zip(zones.NAMES, zones.paths):
        assert ask(server, f"web.{name}").addresses() == ["10.0.0.1"]
        assert ask(server, f"db.{name}").addresses() == ["10.0.0.2"]
        assert ask(server, f"w1.web.{name}", "AAAA").rcode == NOERROR
        assert [r.type for r in ask(server, name, "SOA").answer] == [6]
        for asked, kind in ((f"fixed.{name}", "A"), (f"missing.{name}", "A"), (name, "MX"), (name, "A"), (name, "NS"),
                            (f"ns1.{name}", "A"), (f"ns1.{name}", "AAAA")):
            reply = ask(server, asked, kind)
            assert (reply.rcode, reply.flags & AA, reply.answer, reply.authority) == (SERVFAIL, 0, [], []), (asked, kind)
            assert reply.ede() == [(14, "the zone's file cannot be read")]
        assert f'msg="a zone file is left out" name={path} detail="{path}:9: wildcards are not served"' in server.log()
    zones.write()
    assert zones.reload()[0] == 200
    for name in zones.NAMES:
        svc.wait_until(lambda name=name: ask(server, f"fixed.{name}").addresses() == ["10.0.0.9"], "the file is back")
        assert ask(server, f"missing.{name}").rcode == NXDOMAIN
        assert [r.type for r in ask(server, name, "MX").answer + ask(server, name, "NS").answer] == [15, 2]
    assert "cannot start" not in server.log()


def test_names_of_a_zone_file_that_has_gone_bad_never_go_up(start_server, upstream, tmp_path):
    """Nor if it names another zone now; the relay knows the zone without its file."""
    zones = Zones(start_server, tmp_path, **{"relay.upstream": upstream.address})
    server = zones.server
    upstream.answers["alias.example.com."] = ["CNAME fixed.example.org."]
    for text in ("nothing that is a zone\n", ZONE.format(name="example.net", more=""), None):
        if text:
            zones.paths[1].write_text(text)
        else:
            zones.paths[1].unlink()
        kill(server, "dns", "relay")
        svc.wait_until(lambda: ask(server, "www.example.com").rcode == NOERROR, "the relay answers")
        assert ask(server, "web.example.org").addresses() == ["10.0.0.1"]
        assert ask(server, "fixed.example.org").rcode == SERVFAIL
        assert ask(server, "alias.example.com").rcode == SERVFAIL
        assert ask(server, "fixed.service.local").addresses() == ["10.0.0.9"]
        assert ask(server, "missing.service.local").rcode == NXDOMAIN, "its own file is good"
    assert set(upstream.names()) == {"www.example.com.", "alias.example.com."}


def test_a_longer_zone_name_needs_a_restart(start_server, tmp_path):
    """The registry has judged the lengths of names by the longest zone. Whoever reloads is told, and dns does not take it
    behind his back when it starts again."""
    zones = Zones(start_server, tmp_path)
    server, longer = zones.server, "a-longer-name.example.org"
    zones.paths[1].write_text(ZONE.format(name=longer, more=""))
    said = f"{zones.paths[1]}: zone {longer} has a longer name than all zones so far; that needs a restart"
    status, text = zones.reload()
    assert (status, text.strip()) == (400, said)
    assert f'msg="config not taken over" reason="{said}"' in server.log()
    assert ask(server, "fixed.example.org").addresses() == ["10.0.0.9"]
    kill(server, "dns")
    assert ask(server, "web.example.org").addresses() == ["10.0.0.1"]
    assert ask(server, longer, "SOA").rcode == SERVFAIL, "it is a name below example.org"
    server.restart()
    assert ask(server, f"fixed.{longer}").addresses() == ["10.0.0.9"]

"""The relay for other names: who is answered what, and what never leaves the house. What happens under load and when
something fails is in test_relay_load.py."""

import os
import signal
import socket
import struct
import time
from pathlib import Path

import dns.rdata
import dns.rdatatype
import pytest

import packets
import svc
from upstream import Upstream

RD, CD, RA, AD = 0x0100, 0x0010, 0x0080, 0x0020
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
DO = 0x8000

REVERSE = """$ORIGIN 10.in-addr.arpa.
$TTL 5
@ IN SOA ns hostmaster 1 60 60 600 5
@ IN NS ns.service.local.
1.0.0 IN PTR web.service.local.
9 IN TXT "there"
"""


@pytest.fixture
def upstream(upstream):
    upstream.answers["www.example.com."] = ["A 198.51.100.1", "A 198.51.100.2", "AAAA 2001:db8::1"]
    upstream.answers["big.example.com."] = [f"TXT \"{i:03} {'x' * 200}\"" for i in range(40)]
    return upstream


@pytest.fixture
def relay(start_server, upstream):
    """A server with a relay and one instance of web."""
    server = start_server(**{"relay.upstream": upstream.address})
    server.register("web", id="w1", address="10.0.0.1", port=80)
    return server


def read(data):
    return svc.read_reply(data, relay=True)


def ask(server, name, kind="A", flags=RD, **more):
    return server.ask(name, kind, flags=flags, **more)


def test_it_is_off_by_default(server):
    assert set(server.children()) == {"dns", "sidecar"}
    reply = ask(server, "www.example.com")
    assert (reply.rcode, reply.flags & RA) == (REFUSED, 0)
    assert not ask(server, "nothing.service.local").flags & RA


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_other_names_are_answered(relay, upstream, tcp):
    reply = ask(relay, "www.example.com", tcp=tcp)
    assert (reply.rcode, sorted(reply.addresses())) == (NOERROR, ["198.51.100.1", "198.51.100.2"])
    assert reply.rd and reply.flags & RA and not reply.aa
    assert not reply.flags & AD, "nothing is validated here, whatever upstream says"
    assert ask(relay, "www.example.com", "AAAA", tcp=tcp).addresses() == ["2001:db8::1"]
    missing = ask(relay, "missing.example.com", tcp=tcp)
    assert missing.rcode == NXDOMAIN and [r.type for r in missing.authority] == [6]
    empty = ask(relay, "www.example.com", "MX", tcp=tcp)
    assert (empty.rcode, empty.answer) == (NOERROR, [])


def test_id_and_question_come_back_as_they_were(relay, upstream):
    for name in ("wWw.eXample.COM", "Www.Example.Com"):  # the second from the cache: upstream has another answer by then
        query = packets.query(name, flags=RD | CD, ident=0xBEEF)
        reply = read(relay.exchange(query))
        assert reply.id == 0xBEEF and reply.question == query[12:]
        assert reply.flags & CD and reply.opt is None
        assert sorted(reply.addresses()) == ["198.51.100.1", "198.51.100.2"]
        upstream.answers["www.example.com."] = ["A 203.0.113.1"]


def test_our_own_names_never_go_up(relay, upstream):
    """Names of our zone, there or not, and what the world calls local. are answered here, with RA."""
    web = ask(relay, "web.service.local")
    assert web.addresses() == ["10.0.0.1"] and web.aa and web.flags & RA
    for name, rcode in [("nothing.service.local", NXDOMAIN), ("a.b.c.service.local", NXDOMAIN),
                        ("service.local", NOERROR), ("x.w1.web.SERVICE.Local", NXDOMAIN),
                        ("printer.local", NXDOMAIN), ("b._dns-sd._udp.local", NXDOMAIN), ("local", REFUSED)]:
        for kind in ("A", "SOA", "SRV"):
            reply = ask(relay, name, kind)
            assert reply.rcode == rcode, (name, kind)
            assert name.lower() == "service.local" or not reply.answer
            assert bool(reply.aa) == name.lower().endswith("service.local")
    assert ask(relay, "www.example.com").rcode == NOERROR
    assert set(upstream.names()) == {"www.example.com."}


def test_an_alias_upstream_does_not_lead_our_names_out(relay, upstream):
    """Nor is anything taken from upstream that it says of our names on the way."""
    for alias, target in (("alias", "web.service.local."), ("multicast", "printer.local.")):
        upstream.answers[f"{alias}.example.com."] = [
            f"CNAME {target}", f"{target} A 192.0.2.66", f"{target} TXT no", f"{target} DS 1 8 2 {'ab' * 32}"]
        for kind, rcode in (("A", SERVFAIL), ("TXT", SERVFAIL), ("ANY", NOERROR), ("CNAME", NOERROR), ("DS", NOERROR)):
            reply = ask(relay, f"{alias}.example.com", kind)
            assert (reply.rcode, [r.type for r in reply.answer]) == (rcode, [5] if rcode == NOERROR else []), kind
            assert rcode == NOERROR or reply.ede() == [(22, "relay.upstream has no usable answer")]
    assert ask(relay, "web.service.local").addresses() == ["10.0.0.1"]
    assert set(upstream.names()) == {"alias.example.com.", "multicast.example.com."}


def test_an_alias_does_not_lead_a_ds_query_out(start_server, upstream):
    """DS is with the zone above, which for a zone of ours may be anybody's. The alias is answered, not followed."""
    server = start_server(**{"relay.upstream": upstream.address, "zone.name": "svc.example.org"})
    upstream.answers["alias.example.com."] = ["CNAME svc.example.org."]
    upstream.answers["signed.example.com."] = ["DS 1 8 2 " + "ab" * 32]
    assert [r.type for r in ask(server, "alias.example.com", "DS").answer] == [5]
    assert [r.type for r in ask(server, "signed.example.com", "DS").answer] == [43]
    assert ask(server, "missing.example.com", "DS").rcode == NXDOMAIN
    assert set(upstream.names()) == {"alias.example.com.", "signed.example.com.", "missing.example.com."}


def test_our_names_do_not_go_up_while_the_view_loads(tmp_path, upstream):
    """Held up by a registry that cannot be read: our names are SERVFAIL with EDE 14, others are relayed."""
    (tmp_path / "registry.db").write_bytes(b"this is no database" * 100)
    server = svc.Server(tmp_path, {"dns.load_patience": "200ms", "relay.upstream": upstream.address})
    server.start(ready=False)
    try:
        svc.wait_until(lambda: "dns" in server.children(), "the dns process")
        for name in ("web.service.local", "nothing.service.local"):
            reply = ask(server, name)
            assert (reply.rcode, reply.ede()[0][0]) == (SERVFAIL, 14)
        assert len(ask(server, "www.example.com").addresses()) == 2
        assert set(upstream.names()) == {"www.example.com."}
    finally:
        server.stop()


def test_without_rd_nothing_is_relayed(relay, upstream):
    reply = ask(relay, "www.example.com", flags=0)
    assert (reply.rcode, upstream.asked) == (REFUSED, [])


def test_clients_that_are_not_allowed(start_server, upstream):
    server = start_server(**{"relay.upstream": upstream.address, "relay.allow": "127.0.0.2, ::1"})
    for tcp in (False, True):
        reply = ask(server, "www.example.com", tcp=tcp, source="127.0.0.1")
        assert (reply.rcode, reply.ede()[0][0], reply.flags & RA) == (REFUSED, 18, 0)
        assert upstream.asked == []
        assert not ask(server, "service.local", "SOA", tcp=tcp, source="127.0.0.1").flags & RA
    for tcp in (False, True):
        assert ask(server, "www.example.com", tcp=tcp, source="127.0.0.2").rcode == NOERROR


def test_large_answers(relay, upstream):
    """Over UDP what fits into what the client takes, with TC: not all ask again by TCP. Over TCP whole."""
    for edns, size, count in ((False, 512, 2), (True, 512, 2), (True, 1232, 5), (True, 4096, 5)):
        reply = ask(relay, "big.example.com", "TXT", edns=edns, size=size)
        assert (reply.tc, len(reply.answer)) == (True, count) and reply.size <= min(size, 1232)
        assert reply.additional == reply.authority == []
    assert len(ask(relay, "big.example.com", "TXT", tcp=True).answer) == 40


def test_what_libunbound_cuts_is_not_taken_for_whole(relay, upstream):
    """It compresses few names in a message, so this set does not fit into 65,535 bytes for it."""
    upstream.answers["mx.example.com."] = [f"MX {i} h{i}.{'.'.join(['x' * 60] * 3)}." for i in range(350)]

    def reply_of_upstream():  # which on a busy machine may be too slow for libunbound
        reply = ask(relay, "mx.example.com", "MX", tcp=True)
        return reply if reply.rcode == NOERROR else None
    reply = svc.wait_until(reply_of_upstream, "upstream's answer")
    assert reply.tc or len(reply.answer) == 350


def test_records_of_any_type(relay, upstream):
    """What they hold comes through byte for byte, whether or not anybody here knows the type."""
    records = {"HTTPS": '1 . alpn="h3,h2" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"', "SVCB": "16 foo.example.org. port=53",
               "CAA": '0 issue "ca.example.net"', "TLSA": "3 1 1 " + "cd" * 32, "SSHFP": "1 1 " + "ab" * 20,
               "NAPTR": '100 10 "S" "SIP+D2U" "!^.*$!sip:x@y!" _sip._udp.example.com.', "URI": '10 1 "ftp://example.com/"',
               "LOC": "52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m", "SRV": "1 2 3 Target.Example.Net.",
               "TXT": '"" "a\\000b"', "TYPE65280": "\\# 3 010203", "TYPE64000": "\\# 0"}
    for kind, text in records.items():
        upstream.answers[f"{kind.lower()}.example.com."] = [f"{kind} {text}"]
        for tcp in (False, True):
            reply = ask(relay, f"{kind}.example.com", kind, tcp=tcp)
            assert [r.rdata for r in reply.answer] == [dns.rdata.from_text("IN", kind, text).to_wire()], kind


def test_types_and_classes_that_are_no_records(relay, upstream):
    """Unknown types are questions as others are; messages' own records, transfers and other classes never go up."""
    kinds = (0, 128, 253, 254, 65535)
    for kind in kinds:
        assert ask(relay, "missing.example.com", kind).rcode == NXDOMAIN
    asked = {("missing.example.com.", dns.rdatatype.to_text(kind)) for kind in kinds}
    assert set(upstream.asked) == asked
    for kind, rcode in (("OPT", 1), ("TKEY", 1), ("TSIG", 1), ("IXFR", REFUSED), ("AXFR", REFUSED)):
        for tcp in (False, True):
            assert ask(relay, "missing.example.com", kind, tcp=tcp).rcode == rcode
    for klass in (0, 3, 254, 255):
        assert ask(relay, "version.bind", "TXT", klass=klass).rcode == REFUSED
    assert set(upstream.asked) == asked


@pytest.mark.ipv6
@pytest.mark.parametrize("scope", ["", "%lo"])
def test_upstream_by_ipv6(start_server, scope):
    with Upstream("::1") as upstream:
        upstream.answers["www.example.com."] = ["A 198.51.100.1"]
        upstream.answers["big.example.com."] = [f"TXT \"{i:03} {'x' * 200}\"" for i in range(40)]
        server = start_server(**{"relay.upstream": upstream.address.replace("]", scope + "]")})
        assert ask(server, "www.example.com").addresses() == ["198.51.100.1"]
        assert len(ask(server, "big.example.com", "TXT", tcp=True).answer) == 40


def test_dnssec_records_for_those_who_ask(relay, upstream):
    signature = "RRSIG A 8 3 60 20370101000000 20200101000000 1 example.com. " + "AAAA" * 16
    upstream.answers["signed.example.com."] = ["A 198.51.100.9", signature]
    for flags, types in ((DO, [1, 46]), (0, [1])):
        record = packets.opt(1232, flags=flags)
        reply = read(relay.exchange(packets.query("signed.example.com", flags=RD, edns=record)))
        assert sorted(r.type for r in reply.answer) == types
        assert not reply.flags & AD


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_all_types_at_once(relay, upstream, tcp):
    """ANY is a question as others are: upstream decides what it gives."""
    reply = ask(relay, "www.example.com", "ANY", tcp=tcp)
    assert (reply.rcode, sorted(r.type for r in reply.answer)) == (NOERROR, [1, 1, 28])
    assert set(upstream.asked) == {("www.example.com.", "ANY")}


def test_names_of_any_bytes(relay, upstream):
    """Labels are bytes, not text: dots, quotes, zeros and what is no ASCII reach upstream as they are."""
    for label in (b"a.b", b"a\\b", b'"', b"\0", b" ", b"\xff\x80", b"a" * 63, b"*", b"_srv", b"@"):
        wire = bytes([len(label)]) + label + b"\7example\3com\0"
        reply = read(relay.exchange(packets.query(wire, flags=RD)))
        assert (reply.rcode, reply.question[: len(wire)]) == (NXDOMAIN, wire)
        assert upstream.messages[-1].question[0].name.labels[0].lower() == label
    longest = b"".join(bytes([63]) + bytes([letter]) * 63 for letter in b"abc") + b"\x3d" + b"d" * 61 + b"\0"
    reply = read(relay.exchange(packets.query(longest, flags=RD)))
    assert (len(longest), reply.rcode, reply.question[:255]) == (255, NXDOMAIN, longest)


def test_names_for_special_use(relay, upstream):
    """What a network has for itself is asked from it; what nobody may be asked is not (RFC 6761, 7686, 8375, 9462)."""
    theirs = ["1.0.168.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.", "printer.home.arpa.", "www.test."]
    for name in theirs:
        upstream.answers[name] = ["PTR host.example.com."]
        assert ask(relay, name, "PTR").rcode == NOERROR
    for name in ("localhost", "LocalHost", "a.b.localhost"):
        assert ask(relay, name).addresses() == ["127.0.0.1"]
        assert ask(relay, name, "AAAA").addresses() == ["::1"]
    for name, kind, rcode in [("1.0.0.127.in-addr.arpa", "PTR", NOERROR), ("hidden.onion", "A", NXDOMAIN),
                              ("no.invalid", "A", NXDOMAIN), ("_dns.resolver.arpa", "SVCB", NXDOMAIN)]:
        assert ask(relay, name, kind).rcode == rcode, name
    assert set(upstream.names()) == set(theirs)


def test_a_reverse_zone_of_ours_never_goes_up(start_server, upstream):
    server = start_server(zone=REVERSE, **{"relay.upstream": upstream.address})
    upstream.answers["alias.example.com."] = ["CNAME 9.0.0.10.in-addr.arpa."]
    assert [r.type for r in ask(server, "1.0.0.10.in-addr.arpa", "PTR").answer] == [12]
    assert ask(server, "9.0.0.10.in-addr.arpa", "PTR").rcode == NXDOMAIN
    assert ask(server, "alias.example.com", "PTR").rcode == SERVFAIL
    assert ask(server, "1.0.0.11.in-addr.arpa", "PTR").rcode == NXDOMAIN
    assert set(upstream.names()) == {"alias.example.com.", "1.0.0.11.in-addr.arpa."}


def test_a_reload_keeps_queries_and_learns_zones(start_server, upstream, tmp_path):
    """A query under way outlives a reload. A zone that the reload brings is not asked for any more."""
    zone_file = tmp_path / "more.zone"
    zone_file.write_text(REVERSE)
    server = start_server(**{"relay.upstream": upstream.address, "zone.file": str(zone_file), "relay.timeout": "20s"})
    upstream.answers["alias.example.com."] = ["CNAME 1.0.0.11.in-addr.arpa."]
    assert ask(server, "1.0.0.11.in-addr.arpa", "PTR").rcode == NXDOMAIN
    with server.udp() as client:
        upstream.gate.clear()
        client.send(packets.query("www.example.com", flags=RD))
        svc.wait_until(lambda: "www.example.com." in upstream.names(), "upstream is asked")
        zone_file.write_text(REVERSE.replace("9 IN", "8 IN"))
        server.signal("supervisor", signal.SIGHUP)
        svc.wait_until(lambda: ask(server, "8.10.in-addr.arpa", "MX").rcode == NOERROR, "the new zone file")
        upstream.gate.set()
        assert len(read(client.receive()).addresses()) == 2
    zone_file.write_text(REVERSE.replace("10.in-addr", "11.in-addr"))
    server.signal("supervisor", signal.SIGHUP)
    svc.wait_until(lambda: ask(server, "1.0.0.11.in-addr.arpa", "PTR").answer, "the new zone")
    svc.wait_until(lambda: ask(server, "alias.example.com", "PTR").rcode == SERVFAIL, "the relay knows it too")
    before = upstream.names().count("1.0.0.11.in-addr.arpa.")
    for kind in ("PTR", "TXT"):
        assert ask(server, "alias.example.com", kind).rcode == SERVFAIL
    assert upstream.names().count("1.0.0.11.in-addr.arpa.") == before


def test_a_tcp_client_that_waits_is_not_idle(start_server, upstream):
    server = start_server(**{"relay.upstream": upstream.address, "dns.tcp_idle": "1s"})
    upstream.gate.clear()
    with server.tcp() as waiting:
        waiting.send(packets.frame(packets.query("www.example.com", flags=RD)))
        svc.wait_until(lambda: "www.example.com." in upstream.names(), "upstream is asked")
        with server.tcp() as idle:
            assert idle.exchange(packets.query("web.service.local"))
            assert idle.wait_closed() == b"", "this one is idle, and has been for less long"
        upstream.gate.set()
        assert len(read(waiting.receive()).addresses()) == 2
        assert waiting.wait_closed() == b""


def test_a_tcp_client_that_leaves(relay, upstream):
    """By RST: after FIN it would get its answers. What it waited for comes to nobody, its places are free at once."""
    dns = relay.pid("dns")
    upstream.gate.clear()
    with relay.tcp() as client:
        client.send(b"".join(packets.frame(packets.query(f"q{i}.example.com", flags=RD, ident=i)) for i in range(20)))
        svc.wait_until(lambda: relay.metric("svcdns_relay_in_flight") == 20, "all are under way")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    svc.wait_until(lambda: relay.metric("svcdns_relay_in_flight") == 0, "nobody waits any more")
    assert relay.metric("svcdns_relay_queries_total") == 0, "none was answered, none has expired"
    upstream.gate.set()
    assert ask(relay, "localhost", tcp=True).addresses() == ["127.0.0.1"]
    assert relay.pid("dns") == dns


def test_answers_leave_from_the_address_that_was_asked(start_server, upstream):
    """On a wildcard too; a connected socket takes no others."""
    port = svc.free_port(("0.0.0.0", "::1") if svc.IPV6 else ("0.0.0.0",))
    listen = f"0.0.0.0:{port},[::1]:{port}" if svc.IPV6 else f"0.0.0.0:{port}"
    server = start_server(**{"relay.upstream": upstream.address, "dns.listen": listen})
    server.port = port
    for host in ("127.0.0.1", "127.0.0.7", *(["::1"] if svc.IPV6 else [])):
        assert len(ask(server, "www.example.com", host=host).addresses()) == 2


def test_many_at_once_over_one_connection(relay, upstream):
    """Answers come back on their connection, each to its question, also after the client's FIN."""
    for i in range(50):
        upstream.answers[f"n{i}.example.com."] = [f"A 198.51.100.{i}"]
    names = [f"n{i}.example.com" for i in range(50)] + ["web.service.local"]
    expected = {**{i: [f"198.51.100.{i}"] for i in range(50)}, 50: ["10.0.0.1"]}

    def all_answered():
        """On a busy machine upstream may be too slow for libunbound; none gets another one's answer all the same."""
        with relay.tcp() as tcp:
            tcp.send(b"".join(packets.frame(packets.query(n, flags=RD, ident=i)) for i, n in enumerate(names)))
            tcp.socket.shutdown(svc.socket.SHUT_WR)
            found = {reply.id: reply for reply in (read(tcp.receive()) for _ in names)}
            assert tcp.wait_closed() == b""
        assert set(found) == set(expected)
        failed = {i for i, reply in found.items() if reply.rcode == SERVFAIL}
        assert 50 not in failed and all(found[i].addresses() == expected[i] for i in set(expected) - failed)
        return not failed

    svc.wait_until(all_answered, "upstream's answers")


def test_a_query_that_comes_back_is_refused(start_server, upstream):
    """Upstream is a forwarder to us: the loop is seen in its first round."""
    server = start_server(**{"relay.upstream": upstream.address})
    upstream.pass_to = server.address
    started = time.monotonic()
    assert ask(server, "loop.example.com").rcode == SERVFAIL
    assert time.monotonic() - started < 20, "long before its time was over"
    assert "asks us what we ask it" in server.log()
    assert set(upstream.names()) == {"loop.example.com."} and len(upstream.asked) < 30


def test_a_forwarder_that_leads_back_without_our_mark(start_server, upstream):
    """It asks us five times what it is asked, as questions of its own. That joins the question which is under way, and
    libunbound asks a server that does not answer only a few times, so it ends after few queries, for many names too."""
    server = start_server(**{"relay.upstream": upstream.address, "relay.timeout": "3s"})
    upstream.pass_to, upstream.own_queries = server.address, 5
    assert ask(server, "loop.example.com").rcode == SERVFAIL
    assert len(upstream.asked) <= 8
    with server.udp() as client:
        for i in range(20):
            client.send(packets.query(f"loop{i}.example.com", flags=RD, ident=i))
        assert {read(client.receive()).rcode for _ in range(20)} == {SERVFAIL}
    assert len(upstream.asked) <= 8 + 20 * 8
    assert server.metric("svcdns_dns_requests_total") <= 21 + 5 * len(upstream.asked)


def test_lines_that_the_relay_could_not_log_are_counted(relay, upstream):
    """Each of our own queries that comes back is worth a line, but not hundreds in a second."""
    ask(relay, "www.example.com")
    mark, = [option for option in upstream.messages[0].options if option.otype == 65001]
    record = packets.opt(options=packets.option(65001, mark.data))
    asked = []

    def dropped():
        with relay.udp() as client:
            for i in range(120):
                client.send(packets.query("www.example.com", flags=RD, edns=record, ident=i))
            asked.extend(read(client.receive()).rcode for _ in range(120))
        return relay.metric("svcdns_log_dropped_total") > 0

    svc.wait_until(dropped, "dropped lines are counted", interval=0.5)
    assert set(asked) == {REFUSED} and relay.log().count("asks us what we ask it") < len(asked)


def test_long_queries_are_not_relayed(relay, upstream):
    """Some of 60,000 bytes would fill the link to the relay. What no resolver sends is SERVFAIL at once."""
    with relay.tcp() as client:
        for size, rcode in ((60000, SERVFAIL), (4097, SERVFAIL), (4096, NOERROR)):
            query = packets.query("www.example.com", flags=RD, edns=packets.opt())
            reply = read(client.exchange(query + bytes(size - len(query))))
            assert (reply.rcode, bool(upstream.asked)) == (rcode, rcode == NOERROR)
            assert rcode == NOERROR or reply.ede() == [(14, "the relay does not take or answer queries now")]


def test_the_size_that_answers_advertise_is_live(start_server, upstream, tmp_path):
    config = tmp_path / "svcdns.conf"
    config.write_text("[dns]\nudp_size = 1232\n")
    server = start_server(**{"relay.upstream": upstream.address, "config": config})
    assert ask(server, "www.example.com").opt.udp_size == 1232
    config.write_text("[dns]\nudp_size = 1400\n")
    server.signal("supervisor", signal.SIGHUP)
    svc.wait_until(lambda: ask(server, "www.example.com").opt.udp_size == 1400, "the new size")


def test_memory_is_bounded_by_the_cache(start_server, upstream):
    """Ten times as many answers as the cache holds: the relay's memory stays where it was."""
    server = start_server(**{"relay.upstream": upstream.address, "relay.cache_size": "64KiB"})
    for i in range(300):
        upstream.answers[f"c{i}.example.com."] = [f"TXT \"{'x' * 200}\"" for _ in range(1)]
        assert ask(server, f"c{i}.example.com", "TXT").rcode == NOERROR
    before = len(upstream.asked)
    assert ask(server, "c0.example.com", "TXT").rcode == NOERROR
    assert len(upstream.asked) > before, "the oldest answer was dropped"


def test_the_process_holds_nothing_of_ours(relay):
    """Neither the registry nor a listening socket: what strangers make of libunbound could take no more than itself."""
    assert ask(relay, "www.example.com").rcode == NOERROR
    held = [os.readlink(path) for path in Path(f"/proc/{relay.pid('relay')}/fd").iterdir() if path.is_symlink()]
    assert any(target.startswith("socket:") for target in held)
    assert not [target for target in held if "registry" in target]
    inodes = {target[8:-1] for target in held if target.startswith("socket:[")}
    rows = [line.split() for kind in ("tcp", "tcp6", "udp", "udp6") if (path := Path("/proc/net", kind)).exists()
            for line in path.read_text().splitlines()[1:]]
    for port in (relay.port, relay.http_port):
        ours = {row[9] for row in rows if row[1].endswith(f":{port:04X}")}
        assert ours and not ours & inodes


def test_counters(relay):
    ask(relay, "www.example.com")
    assert 'svcdns_relay_queries_total{result="answered"} 1' in relay.http("GET", "/metrics").text
    assert relay.metric("svcdns_relay_in_flight") == 0

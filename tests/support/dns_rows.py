"""The rows of the conformance table that are a packet and its reply (header, names, types, EDNS), by their numbers, and
the words in which they are written: what is sent, and what must come back."""

import struct

import pytest

from packets import AA, AD, CD, QR, RA, RD, TC, Z, header, opt, option, query, question, record
from strict import (
    A,
    AAAA,
    ANY,
    BADVERS,
    COOKIE,
    ECS,
    EDE,
    FORMERR,
    KEEPALIVE,
    NOERROR,
    NOTIMP,
    NS,
    NSID,
    NXDOMAIN,
    OPT,
    PADDING,
    REFUSED,
    SOA,
    SRV,
    TXT,
    name_wire,
)

WEB = "web.service.local"
BIG = "big.service.local"
APEX = name_wire("service.local")
NODE_ID = "test-identity"


# What must come back. Each is a function of the reply and the query; they are put together with all_of().


def all_of(*expectations):
    def check(reply, sent):
        for expectation in expectations:
            expectation(reply, sent)

    return check


def any_of(*expectations):
    def check(reply, sent):
        errors = []
        for expectation in expectations:
            try:
                return expectation(reply, sent)
            except AssertionError as error:
                errors.append(str(error))
        raise AssertionError(" | ".join(errors))

    return check


def rcode(code, aa=None, opt=None, opcode=0):
    """The code, AA, whether there is an OPT, and the fields that are copied from the query."""

    def check(reply, sent):
        flags = struct.unpack("!H", sent[2:4])[0]
        assert reply.rcode == code, reply
        assert reply.opcode == opcode == flags >> 11 & 15, reply
        assert aa is None or reply.aa == aa, reply
        assert opt is None or (reply.opt is not None) == opt, reply
        assert reply.opt is None or reply.opt.udp_size == 1232, reply
        assert reply.rd == (bool(flags & RD) and opcode == 0), reply

    return check


def counts(qd=None, an=None, ns=None, ar=None):
    def check(reply, sent):
        for expected, got in zip((qd, an, ns, ar), reply.counts):
            assert expected is None or got == expected, reply

    return check


def echoed(reply, sent):
    """The question comes back byte for byte."""
    assert reply.question and sent[12 : 12 + len(reply.question)] == reply.question, reply


def no_data(reply, sent):
    """The negative part of RFC 2308: the SOA of the zone, with the TTL that the answer may be kept."""
    assert not reply.answer and not reply.tc, reply
    assert [r.type for r in reply.authority] == [SOA] and reply.authority[0].name.lower() == APEX, reply
    assert reply.authority[0].ttl == 5 and reply.authority[0].value[6] == 5, reply


def addresses(*expected):
    def check(reply, sent):
        assert sorted(reply.addresses()) == sorted(expected) and not reply.tc, reply

    return check


def options(*expected):
    """The codes in the reply's OPT, EDE left out."""

    def check(reply, sent):
        assert [code for code, _ in reply.opt.options if code != EDE] == list(expected), reply

    return check


def dnssec_ok(expected):
    def check(reply, sent):
        assert bool(reply.opt.flags & 0x8000) == expected, reply

    return check


def at_most(size):
    def check(reply, sent):
        assert reply.size <= size, f"{reply.size} bytes: {reply}"

    return check


def truncated(reply, sent):
    assert reply.tc and reply.counts[0] == 1, reply


HEADER_FORMERR = all_of(rcode(FORMERR, aa=False, opt=False), counts(0, 0, 0, 0))
ANY_FORMERR = all_of(rcode(FORMERR, aa=False), counts(an=0, ns=0))
HEADER_NOTIMP = [all_of(rcode(NOTIMP, aa=False, opt=False, opcode=n), counts(an=0, ns=0, ar=0)) for n in range(16)]
WEB_A = all_of(rcode(NOERROR, aa=True), counts(qd=1, an=2), echoed, addresses("10.0.0.1", "10.0.0.2"))
WEB_A_PLAIN = all_of(WEB_A, rcode(NOERROR, aa=True, opt=False))
WEB_A_OPT = all_of(WEB_A, rcode(NOERROR, aa=True, opt=True), options())
NODATA = all_of(rcode(NOERROR, aa=True), counts(1, 0, 1), echoed, no_data)
NONAME = all_of(rcode(NXDOMAIN, aa=True), counts(1, 0, 1), echoed, no_data)
NOT_OURS = all_of(rcode(REFUSED, aa=False, opt=False), counts(1, 0, 0, 0), echoed)
BAD_VERSION = all_of(rcode(BADVERS, aa=False, opt=True), counts(an=0, ns=0, ar=1))
DROPPED = None


def opcode(n, flags=0):
    return n << 11 | flags


def label(data):
    return bytes([len(data)]) + data


def below(*labels):
    """The wire name of raw labels under service.local."""
    return b"".join(label(x) for x in labels) + APEX


def long_name(size, apex=APEX):
    """A wire name of `size` bytes in the zone."""
    out, left = b"", size - len(apex)
    while left > 0:
        n = min(left, 64) if left != 65 else 63
        out += label(b"x" * (n - 1))
        left -= n
    return out + apex


def cut(data, n):
    return data[:-n]


def web(**fields):
    return query(WEB, **fields)


def web_opt(**fields):
    return query(WEB, edns=opt(**fields))


ALL_FLAGS = AA | TC | RD | RA | Z | AD | CD
EXTRA_A = record("x.example", A, bytes(4))
EXTRA_SOA = record("service.local", SOA, b"\0\0" + bytes(20))


def web_with(an=0, ns=0, ar=0, tail=b""):
    return header(0, 1, an, ns, ar) + question(WEB) + tail


def named(name, kind=A):
    """A query whose name is raw wire bytes, well-formed or not."""
    return header(0, 1) + name + struct.pack("!2H", kind, 1)


# row number: list of (bytes, expectation)
ROWS = {
    1: [(web(), WEB_A_PLAIN)],
    2: [(web(flags=RD), WEB_A_PLAIN)],
    3: [(web(flags=AA), WEB_A_PLAIN)],
    4: [(web(flags=TC), WEB_A_PLAIN)],
    5: [(web(flags=RA), WEB_A_PLAIN)],
    6: [(web(flags=Z), WEB_A_PLAIN)],
    7: [(web(flags=AD), WEB_A_PLAIN)],
    8: [(web(flags=CD), WEB_A_PLAIN)],
    9: [(web(flags=ALL_FLAGS), WEB_A_PLAIN)],
    10: [(web(flags=15), WEB_A_PLAIN)],
    11: [(web(flags=QR), DROPPED), (web(flags=QR | opcode(15)), DROPPED), (header(QR) + b"\xff" * 40, DROPPED)],
    12: [(header(QR), DROPPED)],
    13: [(header()[:n], DROPPED) for n in (0, 1, 2, 11)],
    14: [(header(), HEADER_FORMERR)],
    15: [(header(ar=1) + opt(), all_of(rcode(FORMERR, aa=False, opt=True), counts(0, 0, 0, 1)))],
    16: [
        (
            header(ar=1) + opt(options=option(COOKIE, b"01234567")),
            all_of(rcode(FORMERR, aa=False, opt=True), counts(0, 0, 0, 1), options()),
        )
    ],
    17: [(header(qd=1), HEADER_FORMERR)],
    18: [(header(qd=65535), HEADER_FORMERR)],
    19: [(header(qd=2) + question(WEB) * 2, ANY_FORMERR)],
    20: [(header(qd=2) + question(WEB) + question(WEB, AAAA), ANY_FORMERR)],
    21: [(header(qd=2) + question(WEB), ANY_FORMERR)],
    22: [(web_with(an=1, tail=EXTRA_A), ANY_FORMERR)],
    23: [(web_with(an=1), ANY_FORMERR)],
    24: [(web_with(ns=1, tail=EXTRA_SOA), ANY_FORMERR)],
    25: [(web_with(ns=1), ANY_FORMERR)],
    26: [(web_with(ar=1), ANY_FORMERR)],
    27: [(web_with(ar=65535), ANY_FORMERR)],
    28: [(web_with(ar=1, tail=EXTRA_A), WEB_A_PLAIN)],
    29: [(web() + bytes(n), WEB_A_PLAIN) for n in (1, 100)],
    30: [(header(opcode(1), 1) + question(WEB), HEADER_NOTIMP[1])],
    31: [(header(opcode(n, AA | RD), 1) + question(WEB), HEADER_NOTIMP[n]) for n in (2, 3, *range(7, 16))],
    32: [(header(opcode(15)), HEADER_NOTIMP[15])],
    33: [(header(opcode(15, ALL_FLAGS)), HEADER_NOTIMP[15])],
    34: [
        (
            query(WEB, flags=opcode(15), edns=opt()),
            all_of(rcode(NOTIMP, aa=False, opt=True, opcode=15), counts(an=0, ns=0, ar=1)),
        )
    ],
    35: [
        (
            query(WEB, flags=opcode(15), edns=opt(version=1)),
            all_of(any_of(rcode(NOTIMP, False, True, 15), rcode(BADVERS, False, True, 15)), counts(an=0, ns=0, ar=1)),
        )
    ],
    36: [(query(name, SOA, flags=opcode(4, AA)), HEADER_NOTIMP[4]) for name in ("service.local", "example.com")],
    39: [(query("wEB.SeRvIcE.LOCAL"), WEB_A_PLAIN)],
    40: [(named(below(b"x" * 63)), NONAME)],
    41: [(named(b"\x40" + b"x" * 64 + APEX), HEADER_FORMERR)],
    42: [(named(b"\x80" + b"x" * 64 + APEX), HEADER_FORMERR)],
    43: [(named(long_name(255)), NONAME)],
    44: [(named(long_name(256)), HEADER_FORMERR)],
    45: [(named(b"\1x" * 128 + b"\0"), HEADER_FORMERR)],
    46: [
        (header(qd=1) + b"\x3fweb", HEADER_FORMERR),
        (header(qd=1) + name_wire(WEB)[:-1], HEADER_FORMERR),
        (header(qd=1) + name_wire(WEB), HEADER_FORMERR),
        (cut(web(), 2), HEADER_FORMERR),
        (cut(web(), 1), HEADER_FORMERR),
    ],
    47: [(named(b"\xc0\x0c"), HEADER_FORMERR)],
    48: [
        (named(b"\xc0\x00"), HEADER_FORMERR),
        (named(b"\xc0\x20"), HEADER_FORMERR),
        (header(qd=1) + b"\xc0", HEADER_FORMERR),
        (named(b"\xc0\x0e\xc0\x0c"), HEADER_FORMERR),
        (named(b"\3web\xc0\x0c"), HEADER_FORMERR),
    ],
    49: [(named(below(b"we\0b")), NONAME), (named(below(b"web\0")), NONAME)],
    50: [(named(below(b"\xff" * 4)), NONAME)],
    51: [(named(below(b"i1.web")), NONAME), (named(below(b"web.x")), NONAME)],
    52: [(named(b"\3web\x0dservice.local\0"), NOT_OURS)],
    53: [(named(below(text)), NONAME) for text in (b"a b", b'"', b"%s%n", b"'; DROP TABLE instances; --")],
    54: [(query("web.xservice.local"), NOT_OURS)],
    55: [(named(b"\0", kind), NOT_OURS) for kind in (A, NS)],
    56: [(query(name), NOT_OURS) for name in ("local", "example.com")],
    57: [
        (
            query("example.com", edns=opt()),
            all_of(
                rcode(REFUSED, aa=False, opt=True),
                counts(1, 0, 0, 1),
                lambda reply, sent: reply.ede()[0][0] == 20 or pytest.fail(f"no EDE 20: {reply}"),
            ),
        )
    ],
    58: [(web(klass=3), NOT_OURS)],
    59: [(web(klass=n), NOT_OURS) for n in (4, 0, 254, 65280)],
    60: [(web(klass=255), any_of(NOT_OURS, all_of(rcode(NOERROR, aa=False), counts(1, 2))))],
    61: [(query(name, TXT, 3), NOT_OURS) for name in ("version.bind", "version.server")],
    62: [(query(name, TXT, 3), NOT_OURS) for name in ("id.server", "hostname.bind")],
    63: [(query("version.bind", TXT), NOT_OURS)],
    65: [(query(WEB, kind), NODATA) for kind in (AAAA, TXT, NS, SOA, 5, 43, 48, 65, 10, 46)],
    66: [(query(WEB, kind), NODATA) for kind in (666, 65280, 65535)],
    67: [(query(WEB, 0), NODATA)],
    68: [(query(WEB, kind), any_of(ANY_FORMERR, NODATA)) for kind in (OPT, 250, 249)],
    69: [(query(WEB, kind), NODATA) for kind in (253, 254, 128)],
    73: [(query("nope.service.local", ANY), NONAME)],
    74: [
        (query("service.local", SOA), all_of(rcode(NOERROR, aa=True, opt=False), counts(1, 1, 0), echoed)),
        (
            query("service.local", NS),
            all_of(
                rcode(NOERROR, aa=True, opt=False),
                counts(1, 1, 0, 1),
                lambda reply, sent: [r.value[0] for r in reply.answer + reply.additional]
                == ["ns1.service.local", "127.0.0.1"]
                or pytest.fail(f"NS and its address: {reply}"),
            ),
        ),
    ],
    75: [(query("service.local"), NODATA)],
    76: [(query("service.local", 43), NODATA)],
    77: [(query("nope.service.local", kind), NONAME) for kind in (A, SRV)],
    78: [(query(name, kind), NODATA) for name in ("ent.service.local", "b.ent.service.local") for kind in (A, SRV, 65)],
    79: [(query("x.i1.web.service.local"), NONAME)],
    85: [(web_opt(size=4096), WEB_A_OPT)],
    86: [(web(), WEB_A_PLAIN)],
    88: [(query(BIG, SRV, edns=opt(65535)), all_of(rcode(NOERROR, opt=True), truncated, at_most(1232)))],
    89: [(web_opt(version=n), all_of(BAD_VERSION, counts(qd=1))) for n in (1, 255)],
    90: [
        (web_opt(version=1, options=option(100)), all_of(BAD_VERSION, options())),
        (web_opt(version=1, flags=0x80), all_of(BAD_VERSION, dnssec_ok(False))),
        (web_opt(version=1, flags=0x8000), all_of(BAD_VERSION, dnssec_ok(True))),
        (web_opt(version=1, options=option(NSID)), all_of(BAD_VERSION, any_of(options(), options(NSID)))),
        (web_opt(version=1, options=option(COOKIE, b"01234567")), all_of(BAD_VERSION, options())),
    ],
    91: [(query("example.com", edns=opt(version=1)), BAD_VERSION)],
    92: [(web_opt(flags=0x8000), all_of(WEB_A_OPT, dnssec_ok(True)))],
    93: [(web_opt(flags=flags), all_of(WEB_A_OPT, dnssec_ok(False))) for flags in (0x0080, 0x7FFF)],
    94: [(web_opt(options=x), WEB_A_OPT) for x in (option(100), option(65001, bytes(40)))],
    95: [(web_opt(options=option(100) * 500), WEB_A_OPT)],
    96: [
        (web_opt(options=struct.pack("!2H", 100, 5) + b"abcd"), ANY_FORMERR),
        (web_opt(options=b"abc"), ANY_FORMERR),
    ],
    97: [(web_opt(options=b"", rdlen=10), ANY_FORMERR)],
    98: [(web_with(ar=2, tail=opt() * 2), ANY_FORMERR)],
    99: [(web_opt(owner=name_wire("x")), ANY_FORMERR)],
    100: [(web_with(an=1, tail=opt()), ANY_FORMERR), (web_with(ns=1, tail=opt()), ANY_FORMERR)],
    101: [(web_opt(ext_rcode=255), WEB_A_OPT)],
    102: [
        (web_with(an=1, ar=1, tail=EXTRA_A + opt()), rcode(FORMERR, aa=False, opt=True)),
        (query(WEB, flags=opcode(2), edns=opt()), rcode(NOTIMP, aa=False, opt=True, opcode=2)),
        (query("example.com", edns=opt()), rcode(REFUSED, aa=False, opt=True)),
        (query("nope.service.local", edns=opt()), rcode(NXDOMAIN, aa=True, opt=True)),
    ],
    106: [
        (web_opt(options=option(ECS, struct.pack("!HBB", 1, 0, 0))), WEB_A_OPT),
        (web_opt(options=option(ECS, struct.pack("!HBB", 1, 24, 0) + bytes(3))), WEB_A_OPT),
    ],
    107: [
        (web_opt(options=option(ECS, value)), WEB_A_OPT)
        for value in (
            struct.pack("!HBB", 9, 0, 0),
            struct.pack("!HBB", 1, 33, 0) + bytes(5),
            struct.pack("!HB", 1, 24),
            struct.pack("!HBB", 1, 24, 24) + bytes(3),
        )
    ],
    108: [
        (web_opt(options=option(9)), WEB_A_OPT),
        (query("service.local", SOA, edns=opt(options=option(9))), all_of(rcode(NOERROR, True, True), options())),
    ],
    109: [(web_opt(options=option(COOKIE, b"01234567")), WEB_A_OPT)],
    110: [(web_opt(options=option(COOKIE, bytes(n))), WEB_A_OPT) for n in (0, 7, 9, 15, 41)],
    111: [(web_opt(options=option(COOKIE, bytes(n))), WEB_A_OPT) for n in (16, 24, 40)],
    112: [(web_opt(options=option(COOKIE, b"01234567" + b"\1\0\0\0" + bytes(12))), WEB_A_OPT)],
    113: [(web_opt(options=option(COOKIE, b"01234567") * 2), WEB_A_OPT)],
    114: [(web_opt(options=option(KEEPALIVE)), WEB_A_OPT)],
    116: [(web_opt(options=option(PADDING, bytes(32))), WEB_A_OPT)],
    117: [
        (
            web_opt(
                options=option(NSID)
                + option(ECS, struct.pack("!HBB", 1, 0, 0))
                + option(9)
                + option(COOKIE, b"01234567")
            ),
            all_of(WEB_A, rcode(NOERROR, True, True), options(NSID)),
        )
    ],
}

"""Queries as raw bytes: what a well-behaved client never sends, and what it does."""

import struct

from strict import A, OPT, name_wire

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010


def header(flags=0, qd=0, an=0, ns=0, ar=0, ident=0x1234):
    return struct.pack("!6H", ident, flags, qd, an, ns, ar)


def question(name, kind=A, klass=1):
    """`name` is text, or wire bytes as they are."""
    wire = name if isinstance(name, bytes) else name_wire(name)
    return wire + struct.pack("!2H", kind, klass)


def option(code, value=b""):
    return struct.pack("!2H", code, len(value)) + value


def opt(size=4096, options=b"", version=0, flags=0, ext_rcode=0, owner=b"\0", rdlen=None):
    length = len(options) if rdlen is None else rdlen
    return owner + struct.pack("!HHBBHH", OPT, size, ext_rcode, version, flags, length) + options


def query(name, kind=A, klass=1, flags=0, edns=None, ident=0x1234):
    """A query with one question; `edns` is an OPT record from opt()."""
    return header(flags, 1, 0, 0, 1 if edns else 0, ident) + question(name, kind, klass) + (edns or b"")


def record(name, kind, rdata, ttl=0, klass=1):
    return name_wire(name) + struct.pack("!HHIH", kind, klass, ttl, len(rdata)) + rdata


def frame(message):
    """A message as TCP carries it (RFC 1035 section 4.2.2)."""
    return struct.pack("!H", len(message)) + message

"""A strict reader of DNS replies, written from RFC 1035 alone, so that it shares no mistake with the server or
with dnspython. `parse` raises Malformed for anything that a careful client could trip over."""

import struct
from dataclasses import dataclass, field

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT, ANY = 1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 255
NSID, ECS, COOKIE, KEEPALIVE, PADDING, EDE = 3, 8, 10, 11, 12, 15
HEADER = 12


class Malformed(Exception):
    """The bytes are not a reply that every client can read."""


@dataclass
class Record:
    name: bytes  # wire form, as written (case kept), compression undone
    type: int
    klass: int
    ttl: int
    rdata: bytes  # raw; names inside are checked, and undone in `value`
    value: tuple = ()


@dataclass
class Opt:
    udp_size: int
    ext_rcode: int
    version: int
    flags: int
    options: list = field(default_factory=list)  # (code, bytes)

    def values(self, code):
        return [value for c, value in self.options if c == code]


@dataclass
class Reply:
    id: int
    flags: int
    counts: tuple
    question: bytes  # the question section's raw bytes
    questions: list  # (name, type, class)
    answer: list
    authority: list
    additional: list  # without OPT
    opt: Opt = None
    size: int = 0

    @property
    def rcode(self):
        return (self.flags & 15) | (self.opt.ext_rcode << 4 if self.opt else 0)

    @property
    def opcode(self):
        return self.flags >> 11 & 15

    aa = property(lambda self: bool(self.flags & 0x0400))
    tc = property(lambda self: bool(self.flags & 0x0200))
    rd = property(lambda self: bool(self.flags & 0x0100))

    def ede(self):
        """The Extended DNS Errors: (code, text)."""
        values = self.opt.values(EDE) if self.opt else []
        return [(struct.unpack("!H", v[:2])[0], v[2:].decode()) for v in values]

    def addresses(self):
        """The A and AAAA records of the answer, as text."""
        return [r.value[0] for r in self.answer if r.type in (A, AAAA)]

    def srv(self):
        """The SRV records of the answer: (priority, weight, port, target text)."""
        return [r.value for r in self.answer if r.type == SRV]


def name_text(name):
    """A wire name as text; unusual bytes as \\DDD."""
    out, at = [], 0
    while name[at]:
        label = name[at + 1 : at + 1 + name[at]]
        out.append("".join(chr(c) if 33 <= c < 127 and c != 46 else "\\%03d" % c for c in label))
        at += 1 + name[at]
    return ".".join(out)


def name_wire(text):
    """Text without escapes as a wire name."""
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if len(self.data) - self.at < n:
            raise Malformed(f"the message ends at byte {len(self.data)}, {n} more needed at {self.at}")
        self.at += n
        return self.data[self.at - n : self.at]

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack("!H", self.take(2))[0]

    def u32(self):
        return struct.unpack("!I", self.take(4))[0]

    def name(self, compressed=True):
        """A name; pointers must point backward, to before where they stand."""
        out, at, jumped = b"", self.at, False
        limit = at
        while True:
            if at >= len(self.data):
                raise Malformed("a name runs past the end")
            length = self.data[at]
            if length & 0xC0 == 0xC0:
                if not compressed:
                    raise Malformed(f"a compressed name where none may be, at {at}")
                if at + 2 > len(self.data):
                    raise Malformed("half a pointer")
                target = struct.unpack("!H", self.data[at : at + 2])[0] & 0x3FFF
                if target >= limit or target < HEADER:
                    raise Malformed(f"a pointer at {at} to {target}")
                if not jumped:
                    self.at = at + 2
                jumped, limit, at = True, target, target
                continue
            if length & 0xC0:
                raise Malformed(f"label type {length >> 6} at {at}")
            if at + 1 + length > len(self.data):
                raise Malformed("a label runs past the end")
            out += self.data[at : at + 1 + length]
            at += 1 + length
            if len(out) > 255:
                raise Malformed("a name longer than 255 bytes")
            if length == 0:
                break
        if not jumped:
            self.at = at
        return out


def _soa(r, end):
    names = r.name(), r.name()
    return names + struct.unpack("!5I", r.take(20))


def _srv(r, end):
    numbers = r.u16(), r.u16(), r.u16()
    return numbers + (name_text(r.name(compressed=False)),)


def _txt(r, end):
    strings = []
    while r.at < end:
        strings.append(r.take(r.u8()))
    return tuple(strings)


def _aaaa(r, end):
    import ipaddress

    return (str(ipaddress.IPv6Address(r.take(16))),)


_RDATA = {
    A: lambda r, end: (".".join(str(b) for b in r.take(4)),),
    AAAA: _aaaa,
    NS: lambda r, end: (name_text(r.name()),),
    CNAME: lambda r, end: (name_text(r.name()),),
    PTR: lambda r, end: (name_text(r.name()),),
    MX: lambda r, end: (r.u16(), name_text(r.name())),
    SOA: _soa,
    SRV: _srv,
    TXT: _txt,
}


def _options(data):
    r, out = _Reader(data), []
    while r.at < len(data):
        code, size = r.u16(), r.u16()
        out.append((code, r.take(size)))
    return out


def _record(r):
    name, kind, klass, ttl, size = r.name(), r.u16(), r.u16(), r.u32(), r.u16()
    start = r.at
    record = Record(name, kind, klass, ttl, r.take(size))
    if kind == OPT:
        return record
    if klass != 1:
        raise Malformed(f"a record of class {klass}")
    if ttl >= 1 << 31:
        raise Malformed(f"a TTL of {ttl}")
    if kind in _RDATA:
        end, r.at = r.at, start
        record.value = _RDATA[kind](r, end)
        if r.at != end:
            raise Malformed(f"RDLENGTH {size} of type {kind} holds {r.at - start} bytes")
    return record


def _check_sets(records):
    ttls, seen = {}, set()
    for record in records:
        key = (record.name.lower(), record.type)
        if ttls.setdefault(key, record.ttl) != record.ttl:
            raise Malformed(f"two TTLs in the set {key}")
        whole = key + (record.value or record.rdata,)
        if whole in seen:
            raise Malformed(f"a record twice: {whole}")
        seen.add(whole)


def _take_opt(additional):
    opts = [record for record in additional if record.type == OPT]
    if not opts:
        return None
    if len(opts) > 1:
        raise Malformed("two OPT records")
    if additional[-1] is not opts[0]:
        raise Malformed("OPT is not the last record")
    opt = opts[0]
    if opt.name != b"\0":
        raise Malformed("OPT at a name that is not the root")
    additional.pop()
    return Opt(opt.klass, opt.ttl >> 24, opt.ttl >> 16 & 255, opt.ttl & 0xFFFF, _options(opt.rdata))


def parse(data, relay=False):
    """Reads a reply, or raises Malformed. A server with a relay may set RA, and copy CD."""
    r = _Reader(data)
    ident, flags = r.u16(), r.u16()
    counts = tuple(r.u16() for _ in range(4))
    if not flags & 0x8000:
        raise Malformed("QR is not set")
    if flags & (0x0060 if relay else 0x00F0):
        raise Malformed(f"RA, Z, AD or CD is set: {flags:04x}")
    questions = [(r.name(compressed=False), r.u16(), r.u16()) for _ in range(counts[0])]
    question = data[HEADER : r.at]
    sections = [[_record(r) for _ in range(n)] for n in counts[1:]]
    if r.at != len(data):
        raise Malformed(f"{len(data) - r.at} bytes behind the message")
    if any(record.type == OPT for record in sections[0] + sections[1]):
        raise Malformed("OPT outside the additional section")
    opt = _take_opt(sections[2])
    if opt and (opt.version or opt.flags & 0x7FFF):
        raise Malformed(f"OPT version {opt.version}, flags {opt.flags:04x}")
    for records in sections:
        _check_sets(records)
    return Reply(ident, flags, counts, question, questions, *sections, opt, len(data))

"""Sockets that ask a DNS server, and the reply as two readers see it."""

import select
import socket
import struct

import dns.message
import dns.rdatatype

import packets
import strict
from local import PATIENCE
from local import PATIENCE


def qtype(kind):
    return kind if isinstance(kind, int) else dns.rdatatype.from_text(kind)


def read_reply(data, relay=False):
    """The reply as strict.Reply, after dnspython has agreed that it is one. `relay`: the server has one."""
    reply = strict.parse(data, relay)
    if reply.opcode:
        return reply  # dnspython knows queries, and refuses opcodes that nobody has defined
    other = dns.message.from_wire(data, ignore_trailing=False)
    counts = [len(section) for section in other.sections]
    rrs = [sum(len(rrset) for rrset in section) for section in other.sections[1:]]
    expected = [len(reply.answer), len(reply.authority), len(reply.additional)]
    assert counts[0] == len(reply.questions) and rrs == expected, f"dnspython reads {counts}, {rrs}: {reply}"
    return reply


class Client:
    """A socket that is closed at the end of its block."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Udp(Client):
    """A UDP client socket."""

    def __init__(self, address, source=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.socket.settimeout(PATIENCE)

    def send(self, data):
        self.socket.send(data)

    def receive(self):
        return self.socket.recv(65535)

    def exchange(self, data):
        """Sends and returns the first packet that comes back with the same id."""
        self.send(data)
        while True:
            reply = self.receive()
            if reply[:2] == data[:2]:
                return reply


class Tcp(Client):
    """A TCP client connection."""

    def __init__(self, address, source=None):
        self.socket = socket.create_connection(address, timeout=PATIENCE, source_address=source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.socket.sendall(data)

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError(f"closed after {len(data)} of {size} bytes")
            data += part
        return data

    def receive(self):
        """One message without its length."""
        return self._read(struct.unpack("!H", self._read(2))[0])

    def exchange(self, data):
        self.send(packets.frame(data))
        return self.receive()

    def is_closed(self):
        """True if the server has closed; waits for nothing, takes no data."""
        readable, _, _ = select.select([self.socket], [], [], 0)
        if not readable:
            return False
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except ConnectionResetError:
            return True

    def wait_closed(self, patience=PATIENCE):
        """Waits until the server closes, reading what it still sends; returns what that was."""
        data, usual = b"", self.socket.gettimeout()
        self.socket.settimeout(patience)
        try:
            while True:
                part = self.socket.recv(65536)
                if not part:
                    return data
                data += part
        except ConnectionResetError:
            return data
        finally:
            self.socket.settimeout(usual)

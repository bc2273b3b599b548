"""A name server for the relay to ask: dnspython on a loopback port, UDP and TCP, with a log of what it was asked.

    with Upstream() as upstream:
        upstream.answers["www.example.com."] = ["A 198.51.100.1"]
        ... upstream.asked == [("www.example.com.", "A")]

It knows nothing but `answers` (NXDOMAIN else). `silent` lets it answer nothing more, `lost` nothing about these names,
`rcode` the same to all; while `gate` is clear it holds its answers back; `pass_to` makes it a forwarder that hands each
query on to another server and waits for the answer: options and all, or, with `own_queries`, so many queries of its own
without EDNS. As a program, with an address, a port and the answers as JSON, it serves until its standard input ends, and
prints whom it was asked for."""

import json
import socket
import struct
import sys
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

import svc

SOA = dns.rrset.from_text("example.com.", 60, "IN", "SOA", "ns.example.com. host.example.com. 1 60 60 60 60")


class Upstream:
    def __init__(self, host="127.0.0.1", port=None):
        self.answers, self.asked, self.messages, self.connections, self.written = {}, [], [], [], {}
        self.lost = set()
        self.silent, self.rcode, self.pass_to, self.own_queries, self.gate = False, None, None, 0, threading.Event()
        self.gate.set()
        self.port = port or svc.free_port((host,))
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((host, self.port))
        self.tcp = socket.socket(family)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((host, self.port))
        self.tcp.listen()
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for s in (self.udp, self.tcp, *self.connections):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed already; a UDP socket without a peer says so, and wakes its reader nevertheless
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()

    def names(self):
        return [name.lower() for name, _ in self.asked]

    def _answer(self, data, tcp):
        query = dns.message.from_wire(data)
        name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
        self.messages.append(query)
        self.asked.append((name, kind))
        if self.silent or name.lower() in self.lost or not self.gate.wait(svc.PATIENCE):
            return None
        if self.pass_to:
            return self._pass_on(query, data)
        # What is large takes long to write on a busy machine. When it is asked for again, it is there.
        key = data[2:], tcp, self.rcode, tuple(self.answers.get(name.lower(), ("none",)))
        if key not in self.written:
            self.written[key] = self._write(query, name, kind, tcp)[2:]
        return data[:2] + self.written[key]

    def _write(self, query, name, kind, tcp):
        reply = dns.message.make_response(query, recursion_available=True)
        if self.rcode is not None:
            reply.set_rcode(self.rcode)
            return reply.to_wire()
        reply.flags |= dns.flags.AD  # which nobody here has validated
        records = self.answers.get(name.lower())
        if records is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        for text in records or ():
            owner, text = text.split(" ", 1) if text.split(" ", 1)[0].endswith(".") else (name, text)
            type_, rdata = text.split(" ", 1)
            if kind == "ANY" or type_ in (kind, "CNAME", "RRSIG"):
                rrset = dns.rrset.from_text(owner, 60, "IN", type_, rdata)
                match = [r for r in reply.answer if r.name == rrset.name and r.match(rrset.name, rrset.rdclass,
                                                                                     rrset.rdtype, rrset.covers)]
                match[0].add(rrset[0]) if match else reply.answer.append(rrset)
        if not reply.answer:
            reply.authority.append(SOA)
        wire = reply.to_wire(max_size=65535)
        if not tcp and len(wire) > 1232:
            reply.answer, reply.flags = [], reply.flags | dns.flags.TC
            wire = reply.to_wire()
        return wire

    def _pass_on(self, query, data):
        with svc.Udp(self.pass_to) as other:
            if not self.own_queries:
                return other.exchange(data)
            own = dns.message.make_query(query.question[0].name, query.question[0].rdtype, use_edns=False)
            for own.id in range(self.own_queries):
                other.send(own.to_wire())
            return data[:2] + other.receive()[2:]

    def _serve_udp(self):
        while True:
            try:
                data, client = self.udp.recvfrom(65535)
            except OSError:
                return
            if not data:
                return
            if self.gate.is_set() and not self.pass_to:
                self._reply_udp(data, client)  # sooner than by another thread
            else:
                threading.Thread(target=self._reply_udp, args=(data, client), daemon=True).start()

    def _reply_udp(self, data, client):
        try:
            wire = self._answer(data, False)
            if wire:
                self.udp.sendto(wire, client)
        except OSError:
            pass  # the end of the test

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection, connection.makefile("rwb") as stream:
            try:
                head = stream.read(2)
                while len(head) == 2:
                    wire = self._answer(stream.read(struct.unpack("!H", head)[0]), True)
                    if wire:
                        stream.write(struct.pack("!H", len(wire)) + wire)
                        stream.flush()
                    head = stream.read(2)
            except OSError:
                pass  # the end of the test


def main():
    with Upstream(sys.argv[1], int(sys.argv[2])) as upstream:
        upstream.answers = json.loads(sys.argv[3])
        print("ready", flush=True)
        sys.stdin.read()
        print(json.dumps(upstream.names()))


if __name__ == "__main__":
    main()

"""What the tests of names ask of a server, and find."""

import strict
from strict import AAAA, NOERROR, NXDOMAIN, A


def addresses(server, name, kind="A", zone="service.local", **options):
    reply = server.ask(f"{name}.{zone}", kind, **options)
    assert reply.rcode == NOERROR, reply
    return sorted(reply.addresses())


def targets(server, name, zone="service.local", **options):
    reply = server.ask(f"{name}.{zone}", "SRV", **options)
    assert reply.rcode == NOERROR, reply
    return sorted(target for *_, target in reply.srv())


def glue(reply):
    return sorted((strict.name_text(r.name), r.value[0]) for r in reply.additional if r.type in (A, AAAA))


def assert_no_name(server, name, zone="service.local"):
    reply = server.ask(f"{name}.{zone}")
    assert reply.rcode == NXDOMAIN and reply.authority, reply


def assert_no_data(server, name, kind="A", zone="service.local"):
    """The name exists, this type does not. Returns the reply."""
    reply = server.ask(f"{name}.{zone}", kind)
    assert reply.rcode == NOERROR and not reply.answer and reply.authority, reply
    return reply


def reason(server, name):
    """The text of the EDE that says why a name is empty."""
    ((_, text),) = assert_no_data(server, name).ede()
    return text


# What Meta and weights say


def ttl(server, name, kind="A"):
    (value,) = {r.ttl for r in server.ask(f"{name}.service.local", kind).answer}
    return value

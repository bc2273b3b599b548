"""This machine, as tests share it: how long they wait for one another, and which ports are whose."""

import collections
import random
import socket
import time
PATIENCE = 60.0  # seconds; generous, because sanitizers and busy machines are slow


def wait_until(condition, what, patience=PATIENCE, interval=0.01):
    """Calls `condition` until it returns something true, and returns that; fails with `what` otherwise."""
    deadline = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience:g} s: {what}")
        time.sleep(interval)


def have_ipv6():
    """True if ::1 can be bound."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


IPV6 = have_ipv6()


def is_free(host, port, kind=socket.SOCK_STREAM):
    """True if the port can be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as s:
        try:
            if kind == socket.SOCK_STREAM:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((host, port))
        except OSError:
            return False
    return True


_reserved = collections.deque(maxlen=256)  # more than one test asks for


def reserve(port):
    """Takes the port from all other tests on this machine, whether it is bound yet or not: False if one of them has it.
    Ends with this process, or when many more have been taken."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        holder.bind(f"\0svcdns-tests-{port}")  # a name that the kernel knows, and no file
    except OSError:
        holder.close()
        return False
    _reserved.append(holder)
    return True


def free_port(hosts=("127.0.0.1",), kinds=(socket.SOCK_DGRAM, socket.SOCK_STREAM)):
    """A port that is free on all hosts and for all kinds, and that no other test is given meanwhile, also while nobody
    listens on it; below the range that the kernel hands out itself."""
    for _ in range(1000):
        port = random.randrange(10000, 32000)
        if reserve(port) and all(is_free(host, port, kind) for host in hosts for kind in kinds):
            return port
    raise AssertionError("no free port")

"""getaddrinfo in unmodified programs, in a mount and network namespace of the test's own: the server on port 53, its
address in resolv.conf, `hosts: files dns` in nsswitch.conf. Nothing of the machine is changed."""

import json
import re
import shutil
import subprocess
import sys
import time

import pytest

import svc
from cli import CLIENT, Client
from machine import LIBC_TIMEOUT, Machine
from svc import wait_until

MUSL = r"""
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct addrinfo hints, *list, *i;
	char text[64];
	int r;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	r = getaddrinfo(argv[argc - 1], "80", &hints, &list);
	if (r != 0) {
		puts(gai_strerror(r));
		return 2;
	}
	for (i = list; i; i = i->ai_next) {
		void *ip = i->ai_family == AF_INET ? (void *)&((struct sockaddr_in *)i->ai_addr)->sin_addr
						   : (void *)&((struct sockaddr_in6 *)i->ai_addr)->sin6_addr;

		puts(inet_ntop(i->ai_family, ip, text, sizeof(text)));
	}
	freeaddrinfo(list);
	return 0;
}
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Machine(tmp_path_factory.mktemp("machine")) as machine:
        for i in (1, 2, 3):
            machine.register('{"Name": "web", "ID": "w%d", "Address": "10.0.0.%d", "Port": 80}' % (i, i))
        machine.register('{"Name": "both", "Address": "10.0.1.1", "Port": 80, "TaggedAddresses":'
                         ' {"lan_ipv6": {"Address": "2001:db8::1", "Port": 80}}}')
        machine.register('{"Name": "six", "Address": "2001:db8::6", "Port": 80}')
        for i in range(1, 101):
            machine.register('{"Name": "many", "ID": "m%d", "Address": "10.0.2.%d", "Port": 80}' % (i, i))
        machine.register('{"Name": "down", "Address": "10.0.3.1", "Port": 80, "Check": {"TTL": "1h"}}')
        yield machine


@pytest.fixture(scope="module")
def musl_program(tmp_path_factory):
    if not shutil.which("musl-gcc"):
        pytest.skip("musl-gcc is not installed")
    folder = tmp_path_factory.mktemp("musl")
    (folder / "lookup.c").write_text(MUSL)
    subprocess.run(["musl-gcc", "-static", "-o", str(folder / "lookup"), str(folder / "lookup.c")], check=True)
    return str(folder / "lookup")


class Getent:
    def __call__(self, machine, name):
        done = machine.run("getent", "ahosts", name, check=False)
        return {line.split()[0] for line in done.stdout.splitlines()}


class Python:
    def __call__(self, machine, name):
        program = ("import socket, sys\ntry:\n for a in socket.getaddrinfo(sys.argv[1], 80): print(a[4][0])\n"
                   "except socket.gaierror as e: sys.exit(str(e))\n")
        done = machine.run(sys.executable, "-c", program, name, check=False)
        return set(done.stdout.split())


class Musl:
    def __init__(self, program):
        self.program = program

    def __call__(self, machine, name):
        done = machine.run(self.program, name, check=False)
        return set(done.stdout.split()) if done.returncode == 0 else set()


@pytest.fixture(params=["getent", "python", "musl"])
def look_up(request):
    """A program that looks a name up, as a function (machine, name) -> set of addresses."""
    if request.param == "musl":
        return Musl(request.getfixturevalue("musl_program"))
    return {"getent": Getent, "python": Python}[request.param]()


WEB = {f"10.0.0.{i}" for i in (1, 2, 3)}


@pytest.mark.parametrize(
    "name, expected",
    [
        ("web.service.local", WEB),
        ("web.service.local.", WEB),
        ("WEB.Service.Local", WEB),
        ("web", WEB),  # by the search list
        ("w2.web.service.local", {"10.0.0.2"}),
        ("both.service.local", {"10.0.1.1", "2001:db8::1"}),
        ("six.service.local", {"2001:db8::6"}),
        ("nothing.service.local", set()),
        ("down.service.local", set()),
    ],
)
def test_addresses(machine, look_up, name, expected):
    start = time.monotonic()
    assert look_up(machine, name) == expected
    assert time.monotonic() - start < LIBC_TIMEOUT / 2 - 1, "a query went unanswered: libc waited for its timeout"


def test_more_than_a_packet_holds(machine, look_up):
    """A hundred addresses and no EDNS. glibc asks again by TCP; musl 1.2.3 has no TCP, and takes what there is."""
    found = look_up(machine, "many.service.local")
    assert found <= {f"10.0.2.{i}" for i in range(1, 101)}
    if isinstance(look_up, Musl):
        assert len(found) >= 25, "a truncated answer is as full as it can be"
    else:
        assert len(found) == 100


def test_curl_reaches_a_registered_program_by_name(machine, tmp_path):
    (tmp_path / "index.html").write_text("found by name\n")
    with subprocess.Popen(
        machine.inside(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), "8080"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as program:
        try:
            machine.register('{"Name": "page", "Address": "127.0.0.1", "Port": 8080,'
                             ' "Check": {"HTTP": "http://127.0.0.1:8080/", "Interval": "1s"}}')
            url = "http://page.service.local:8080/"
            wait_until(lambda: machine.run("curl", "-fs", url, check=False).stdout == "found by name\n", "curl has the page")
        finally:
            program.kill()
    gone = re.compile("Could not resolve host")
    wait_until(lambda: gone.search(machine.run("curl", "-sS", url, check=False).stderr), "it left with its program")


@pytest.fixture(scope="module")
def relaying(tmp_path_factory):
    """A machine whose only nameserver is svcdns, and the server that it asks for other names, which has the address of
    a host in an example (RFC 5737)."""
    config = {"relay.upstream": "192.0.2.1:5300", "relay.allow": "127.0.0.0/8, 192.0.2.0/24"}
    answers = {"www.example.com.": ["A 198.51.100.1", "AAAA 2001:db8::1"]}
    with Machine(tmp_path_factory.mktemp("relaying"), **config) as machine:
        for address in ("192.0.2.1/32", "192.0.2.2/32", "2001:db8::53/128"):  # of both families, or AI_ADDRCONFIG leaves one out
            machine.run("ip", "address", "add", address, "dev", "lo")
        machine.register('{"Name": "web", "ID": "w1", "Address": "10.0.0.1", "Port": 80}')
        with subprocess.Popen(
            machine.inside(sys.executable, str(svc.ROOT / "tests/support/upstream.py"), "192.0.2.1", "5300",
                           json.dumps(answers)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as machine.upstream:
            assert machine.upstream.stdout.readline() == "ready\n"
            yield machine
            asked = machine.upstream.communicate()[0]
        assert {name for name in json.loads(asked) if name.endswith(".local.")} == set()


@pytest.mark.parametrize(
    "name, expected",
    [
        ("www.example.com", {"198.51.100.1", "2001:db8::1"}),
        ("web.service.local", {"10.0.0.1"}),
        ("web", {"10.0.0.1"}),
        ("nothing.service.local", set()),
        ("nothing.example.com", set()),
        ("printer.local", set()),
    ],
)
def test_one_nameserver_line_for_everything(relaying, look_up, name, expected):
    start = time.monotonic()
    assert look_up(relaying, name) == expected
    assert time.monotonic() - start < LIBC_TIMEOUT / 2 - 1, "a query went unanswered: libc waited for its timeout"


def test_who_is_asked_may_not_ask(relaying):
    """A server upstream that passes a name on to us would go round in circles; of our own names it may ask."""
    if not shutil.which("dig"):
        pytest.skip("dig is not installed")
    for source, status in (("192.0.2.1", "REFUSED"), ("192.0.2.2", "NOERROR")):
        for how in ("+notcp", "+tcp"):
            said = relaying.run("dig", "-b", source, "@127.0.0.1", "www.example.com", how).stdout
            assert f"status: {status}" in said and ("flags: qr rd ra;" in said) == (status == "NOERROR")
        assert "status: NOERROR" in relaying.run("dig", "-b", source, "@127.0.0.1", "web.service.local").stdout


def test_what_it_asks_is_traced(machine, look_up):
    """`svcdns trace` beside it shows its two questions."""
    command = machine.inside(CLIENT, "trace", "both", "--json", "--count=2")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=Client(None).environment()) as traced:
        assert "tracing both" in traced.stderr.readline()
        assert look_up(machine, "both.service.local") == {"10.0.1.1", "2001:db8::1"}
        out, err = traced.communicate(timeout=svc.PATIENCE)
        assert (traced.returncode, err) == (0, "")
    queries = [json.loads(line) for line in out.splitlines()]
    assert {(query["Name"], query["Type"], query["Client"]) for query in queries} == {
        ("both.service.local", kind, "127.0.0.1") for kind in ("A", "AAAA")}

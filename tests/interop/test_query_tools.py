"""dig, kdig and drill: SRV and A, over UDP and TCP, with and without EDNS."""

import re
import shutil
import subprocess

import pytest

import svc

NAME = "web.service.local"
EXPECTED = {
    "A": ["10.0.0.1", "10.0.0.2"],
    "AAAA": ["2001:db8::1"],
    "SRV": ["1 1 8001 one.web.service.local.", "1 1 8002 two.web.service.local."],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with svc.Server(tmp_path_factory.mktemp("tools")) as server:
        server.register("web", id="one", address="10.0.0.1", port=8001, TaggedAddresses={
            "lan_ipv6": {"Address": "2001:db8::1", "Port": 8001}})
        server.register("web", id="two", address="10.0.0.2", port=8002)
        server.register("big", id="number-1", address="10.1.0.1", port=1)
        for i in range(2, 80):
            server.register("big", id=f"number-{i}", address=f"10.1.0.{i}", port=i)
        yield server


def dig(server, name, kind, tcp, edns):
    return ["dig", "@127.0.0.1", "-p", str(server.port), name, kind, "+tries=1", "+time=10", "+nocookie",
            "+edns=0" if edns else "+noedns"] + (["+tcp"] if tcp else [])


def kdig(server, name, kind, tcp, edns):
    return ["kdig", "@127.0.0.1", "-p", str(server.port), name, kind, "+retry=0", "+time=10",
            "+edns=0" if edns else "+noedns"] + (["+tcp"] if tcp else [])


def drill(server, name, kind, tcp, edns):
    return ["drill", "-p", str(server.port)] + (["-t"] if tcp else ["-u"]) + (["-b", "1232"] if edns else []) + [
        "@127.0.0.1", name, kind]


class Output:
    """What a tool printed: all three print records and flags in the same way, by and large."""

    def __init__(self, tool, server, name, kind, tcp=False, edns=False):
        if not shutil.which(tool.__name__):
            pytest.skip(f"{tool.__name__} is not installed")
        command = tool(server, name, kind, tcp, edns)
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        self.text = done.stdout
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        assert not re.search(r"warn.*(malformed|trailing|mismatch)|error:", self.text, re.I), self.text
        self.status = re.search(r"(?:status|rcode): (\w+)", self.text).group(1)
        self.flags = re.search(r"flags:? ([a-z ]+?) ?;", self.text, re.I).group(1).lower().split()
        answer = re.search(r";; ANSWER SECTION:\n(.*?)\n(?:\n|;)", self.text + "\n\n", re.S)
        rows = re.findall(rf"^(\S+)\s+(\d+)\s+IN\s+{kind}\s+(.*?)\s*$", answer.group(1) if answer else "", re.M)
        self.owners, self.ttls = {row[0] for row in rows}, {int(row[1]) for row in rows}
        self.answers = sorted(re.sub(r"\s+", " ", row[2]) for row in rows)

    def has_opt(self):
        return re.search(r"EDNS: version:? 0|EDNS PSEUDOSECTION|Version: 0; flags", self.text) is not None


TOOLS = pytest.mark.parametrize("tool", [dig, kdig, drill], ids=lambda tool: tool.__name__)


@TOOLS
@pytest.mark.parametrize("edns", [False, True], ids=["plain", "edns"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_answers(server, tool, kind, tcp, edns):
    out = Output(tool, server, NAME, kind, tcp, edns)
    assert out.status == "NOERROR"
    assert out.answers == EXPECTED[kind]
    assert out.owners == {NAME + "."} and out.ttls == {5}
    assert "aa" in out.flags and "qr" in out.flags and "ad" not in out.flags and "ra" not in out.flags
    assert out.has_opt() == edns


@TOOLS
def test_a_name_that_is_not_there(server, tool):
    out = Output(tool, server, "nothing.service.local", "SRV")
    assert (out.status, out.answers) == ("NXDOMAIN", [])
    assert re.search(r"^service\.local\.\s+5\s+IN\s+SOA\s", out.text, re.M)


@TOOLS
def test_what_does_not_fit_is_fetched_by_tcp(server, tool):
    """79 SRV records need more than UDP has: dig and kdig see TC and ask again, without being told to."""
    out = Output(tool, server, "big.service.local", "SRV", edns=tool is not drill)
    if tool is drill and "tc" in out.flags:  # drill leaves that to its user
        out = Output(tool, server, "big.service.local", "SRV", tcp=True)
    assert len(out.answers) == 79 and "tc" not in out.flags

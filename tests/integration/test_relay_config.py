"""Options of the relay that are refused, above all what would lead it back to this server."""

import os
import socket
import subprocess
import sys

import pytest

import svc


@pytest.mark.parametrize("config, said", [
    ({"dns.listen": "127.0.0.1:5399", "relay.upstream": "127.0.0.1:5399"}, "relay.upstream: 127.0.0.1:5399 is our own"),
    ({"dns.listen": "0.0.0.0:5399", "relay.upstream": "127.0.0.5:5399"}, "relay.upstream: 127.0.0.5:5399 is our own"),
    ({"dns.listen": "127.0.0.1:53", "relay.upstream": "127.0.0.1"}, "relay.upstream: 127.0.0.1 is our own"),
    ({"relay.upstream": "dns.example.com"}, "relay.upstream: 'dns.example.com' is not an address"),
    ({"relay.allow": "10.0.0.1/8"}, "relay.allow: '10.0.0.1/8' is not an address or network"),
    ({"relay.in_flight": "0"}, "relay.in_flight: '0' is not a number from"),
])
def test_bad_options_are_refused(tmp_path, config, said):
    flags = [f"--{key}={value}" for key, value in config.items()]
    done = subprocess.run([str(svc.BINARY), "--check-config", *flags], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and said in done.stderr


FORBID_NETLINK = """
import ctypes, os, struct, sys
RETURN, EQUAL, LOAD, ALLOW, EAFNOSUPPORT = 0x06, 0x15, 0x20, 0x7fff0000, 0x50000 | 97
program = b"".join(struct.pack("HBBI", *step) for step in [  # of socket(AF_NETLINK, ...): the call's number, its family
    (LOAD, 0, 0, 0), (EQUAL, 0, 3, int(sys.argv[1])), (LOAD, 0, 0, 16), (EQUAL, 0, 1, 16), (RETURN, 0, 0, EAFNOSUPPORT),
    (RETURN, 0, 0, ALLOW)])
rules = ctypes.create_string_buffer(program)
filter = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(rules))
prctl = ctypes.CDLL(None, use_errno=True).prctl
assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, filter, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("own", [True, False], ids=["own", "other"])
def test_our_own_address_is_known_in_the_systemd_unit(tmp_path, own):
    """Which has RestrictAddressFamilies without AF_NETLINK, so nobody gets a list of the machine's addresses there."""
    unit = next((svc.ROOT / "packaging").rglob("svcdns.service*")).read_text()
    assert "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n" in unit
    number = {"x86_64": 41, "aarch64": 198}.get(os.uname().machine)
    if not number:
        pytest.skip("socket() has another number on this machine")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.53", 53))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback's")
        upstream = probe.getsockname()[0] if own else "192.0.2.53"
    done = subprocess.run(
        [sys.executable, "-c", FORBID_NETLINK, str(number), str(svc.BINARY), "--check-config", "--dns.listen=0.0.0.0:5399",
         f"--relay.upstream={upstream}:5399"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, "is our own address" in done.stderr) == (int(own), own), done.stderr

"""A root of DNS that is signed and has no ".local", as the real one: what a validating resolver in the machine of
resolvers.py finds out about names there before it has the recipe, and beside it."""

import re
import shutil
import subprocess

import pytest

import resolvers

LIFE = 10800  # seconds that "there is no such name" may be kept
ZONE = f""". {LIFE} SOA a.root-servers. nobody.invalid. 1 1800 900 604800 {LIFE}
. {LIFE} NS a.root-servers.
a.root-servers. {LIFE} A {resolvers.ELSEWHERE}
aaa. {LIFE} TXT "before local"
zzz. {LIFE} TXT "behind it"
"""
NAMED = """options {
	directory "/run/root"; listen-on port 53 { any; }; recursion no; pid-file none; dnssec-validation no;
};
controls { };
zone "." { type primary; file "zone.signed"; };
"""


def start(host):
    """Makes it and serves it; the resolvers of the machine take it for the root, and trust it."""
    folder = host.run_folder / "root"
    folder.mkdir()
    (folder / "zone").write_text(ZONE)
    if not shutil.which("ldns-signzone") or not shutil.which("named", path="/usr/sbin"):
        pytest.skip("ldnsutils or bind9 is not installed")

    def ldns(*command):
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    key = ldns("ldns-keygen", "-a", "ECDSAP256SHA256", "-k", ".")
    ldns("ldns-signzone", "zone", key)
    anchor = next(line for line in (folder / "zone.signed").read_text().splitlines() if "\tDNSKEY\t" in line)
    data = re.search(r"DNSKEY\t(\d+ \d+ \d+) (\S+)", anchor)
    (folder / "hints").write_text("".join(ZONE.splitlines(keepends=True)[1:3]))

    (host.run_folder / "root.key").write_text(anchor + "\n")
    host.write("unbound/unbound.conf.d/test-root.conf", 'server:\n\troot-hints: "/run/root/hints"\n')
    host.write("bind/bind.keys", f'trust-anchors {{ . static-key {data.group(1)} "{data.group(2)}"; }};\n')
    host.write("bind/named.conf.default-zones", 'zone "." { type hint; file "/run/root/hints"; };\n')

    host.write("root/named.conf", NAMED)
    resolvers.start_elsewhere(host, ["named", "-g", "-c", "/etc/root/named.conf"])

"""The modules of nsswitch.conf that stand before `dns` on many machines, with names that end in .local."""

import pytest

import resolvers


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """systemd-resolved with its recipe, and svcdns itself on port 53."""
    resolved = resolvers.Resolved()
    resolved.needs()
    with resolvers.Host(tmp_path_factory.mktemp("nss"), **{"dns.listen": "127.0.0.1:8600,127.0.0.1:53"}) as host:
        host.register({"Name": "web", "Address": "10.0.0.1", "Port": 80})
        resolved.base(host)
        resolved.apply(host)
        resolved.start(host)
        resolvers.start_avahi(host)
        host.resolv_conf("nameserver 127.0.0.1\n")
        yield host


def test_resolve_by_varlink(host):
    """libnss-resolve asks systemd-resolved by its socket; there is no D-Bus here."""
    host.nsswitch("files resolve [!UNAVAIL=return]")
    assert host.addresses("web.service.local") == ["10.0.0.1"]
    assert host.addresses("never.service.local") == []
    assert host.addresses("web") == [], "the zone is for routing, and no search domain"


@pytest.mark.parametrize("hosts,allow,found", [
    # It leaves names of more than two labels to others, so that they get to `dns`.
    ("files mdns4_minimal [NOTFOUND=return] dns", None, True),
    ("files mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return]", None, True),
    ("files mdns4 [NOTFOUND=return] dns", None, True),
    ("files mdns4 [NOTFOUND=return] dns", "*\n", False),
    ("files mdns4 [NOTFOUND=return] dns", ".local.\n.local\n", False),
    ("files mdns4 [NOTFOUND=return] dns", ".example\n", True),
    ("files mdns4_minimal [NOTFOUND=return] dns", "*\n", True),  # which it does not read
    ("files dns mdns4", "*\n", True),
])
def test_mdns(host, hosts, allow, found):
    host.nsswitch(hosts)
    (host.etc / "mdns.allow").unlink(missing_ok=True)
    if allow:
        host.write("mdns.allow", allow)
    assert host.addresses("web.service.local") == (["10.0.0.1"] if found else [])

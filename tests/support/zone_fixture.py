"""The fixture of the conformance table: a zone file, and the instances that are registered over HTTP."""

ZONE = """\
$ORIGIN service.local.
$TTL 5
@       IN SOA ns1 hostmaster 1 3600 600 86400 5
@       IN NS  ns1
ns1     IN A   127.0.0.1
a.b.ent IN A   192.0.2.7
txt     IN TXT "plain text" "and more"
alias   IN CNAME ns1
mail    IN MX  10 ns1
"""

BIG = 60


def big_address(n):
    return f"10.1.{n // 250}.{n % 250 + 1}"


def register(server):
    """web: two instances; big: sixty."""
    for n in (1, 2):
        server.register("web", f"i{n}", f"10.0.0.{n}", 8079 + n)
    for n in range(BIG):
        server.register("big", f"b{n:02}", big_address(n), 9000 + n)

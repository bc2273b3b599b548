"""Every snippet of the README, of doc/ and of the manual is run, or read by the program that it is for, in the way that
its row says. One that has no row fails."""

import re

import pytest

import snippets
import svc
from snippet_runs import (
    backup, beside_it, checker, config, drop_in, elsewhere, followed_by, go, python, recipe, registers_while_it_runs,
    shell, starts_a_server, traces, unit, watches)

# Pages whose snippets have a test of their own, which sees to all of them.
PAGES = {
    "doc/consumers.md": "tests/interop/test_consumers_page.py",
    "doc/forward-zones.md": "tests/interop/test_forward_zones_page.py",
}
# Files that a person copies, and the test that takes them as they are.
FILES = {
    "doc/examples/haproxy.cfg": "tests/interop/test_haproxy.py",
    "doc/examples/nginx.conf": "tests/interop/test_nginx.py",
    "doc/prometheus/grafana-dashboard.json": "tests/integration/test_prometheus.py",
    "doc/prometheus/prometheus.yml": "tests/integration/test_prometheus.py",
    "doc/prometheus/svcdns-rules.yml": "tests/integration/test_alerts.py",
    "zones/service.local.zone": "tests/integration/test_install.py",
}

README, COOKBOOK, CLIENT, OPTIONS, SERVER = (
    "README.md", "man/svcdns.7", "man/svcdns.1.tail", "man/svcdns.conf.5.tail", "man/svcdnsd.8")
NEWCOMER, PACKAGE, SHELL = "tests/fresh/test_newcomer.py", "tests/fresh/test_package.py", "tests/integration/test_readme.py"
# By page and first line; what several share is handled the same way.
HOW = {
    (README, "tools/run"): elsewhere(NEWCOMER, 'command("tools/run")'),
    (README, "tools/test"): elsewhere(NEWCOMER, "command('tools/test')"),
    (README, "tools/install"): elsewhere(NEWCOMER, "command('tools/install')"),
    (README, "python3 -m http.server 8001 --bind 127.0.0.1 &"): elsewhere(SHELL, "snippets.sixty_seconds("),
    (README, "svcdns exec --id=web-1 --port=8001 --address=127.0.0.1 web -- python3 -m http.server 8001 --bind 127.0.0.1 &"):
        elsewhere(SHELL, '"svcdns exec" in s.text'),
    (README, "curl -N '127.0.0.1:8500/v1/events?last=10'"): elsewhere(SHELL, "/v1/(?:events|agent/dns)"),
    (COOKBOOK, "curl -X PUT 127.0.0.1:8500/v1/agent/service/register -d '{"): shell,
    (COOKBOOK, "import json, urllib.request"): python,
    (COOKBOOK, "client, _ := api.NewClient(api.DefaultConfig()) // 127.0.0.1:8500"): go,
    (COOKBOOK, "[Service]\nExecStart=/usr/bin/python3 -m http.server 8080"): unit,
    (COOKBOOK, "dig @127.0.0.1 -p 8600 web.service.local SRV"): shell,
    (COOKBOOK, "server:"): checker("unbound.conf", "unbound-checkconf", ""),
    (COOKBOOK, "server=/service.local/127.0.0.1#8600"): checker("dnsmasq.conf", "dnsmasq", "--test", "--conf-file="),
    (COOKBOOK, "[Resolve]"): recipe("resolved.conf"),
    (COOKBOOK, "[dns]"): config,
    (COOKBOOK, "scrape_configs:"): checker("prometheus.yml", "promtool", "check", "config", ""),
    (COOKBOOK, "curl -X PUT \\"): shell,
    (COOKBOOK, "svcdns backup /var/backups/registry.db"): backup,
    (COOKBOOK, "systemctl stop svcdns.socket svcdns-http.socket svcdns.service"):
        elsewhere(PACKAGE, 'cookbook("systemctl stop svcdns.socket svcdns-http.socket")'),
    (COOKBOOK, "systemctl stop svcdns.socket svcdns.service"): elsewhere(PACKAGE, 'cookbook("systemctl stop svcdns.socket svcdns.service")'),
    (COOKBOOK, "systemctl restart svcdns.service"): elsewhere(PACKAGE, 'cookbook("systemctl restart svcdns.service")'),
    (COOKBOOK, "[http]"): elsewhere(PACKAGE, 'cookbook("[http]")'),
    (COOKBOOK, "[Socket]"): drop_in("svcdns.socket"),
    (COOKBOOK, "[Service]\nLoadCredential=token:/etc/svcdns/token"): drop_in("svcdns.service"),
    (COOKBOOK, "python3 -m http.server 8001 --bind 127.0.0.1 &"): shell,
    (CLIENT, "svcdns register web --port 8001 --address 127.0.0.1 \\"): beside_it,
    (CLIENT, "svcdns exec --id web-8001 --port 8001 web -- python3 -m http.server 8001"): registers_while_it_runs,
    (CLIENT, 'svcdns drain web-8001 --reason "new kernel"'): shell,
    (CLIENT, "svcdns watch web"): watches,
    (CLIENT, "svcdns trace web"): traces,
    (CLIENT, "svcdns backup /var/backups/svcdns.db"): backup,
    (CLIENT, "source <(svcdns completion bash)"): followed_by("complete -p svcdns", "complete -"),
    (OPTIONS, "[dns]"): config,
    (SERVER, "svcdnsd &"): starts_a_server("", r"^web\.service\.local\.\s+5\s+IN\s+SRV\s+1 1 8080 "),
    (SERVER, "svcdnsd --zone.name=svc.example.com --dns.listen=192.0.2.1:53 \\"):
        starts_a_server("dig @192.0.2.1 svc.example.com NS; stat -c %U var/registry.db", r"IN\s+NS\s+ns1\.svc(.*\n)*svcdns$"),
}


def key(snippet):
    """A section's head alone says little: its next line belongs to it where the table has it so."""
    lines = snippet.text.splitlines()
    two = (snippet.page, "\n".join(lines[:2]))
    return two if two in HOW else (snippet.page, lines[0])


ALL = [s for page in snippets.pages() if page not in PAGES for s in snippets.of(page)]
ALL += [s for page in snippets.man_pages() for s in snippets.of_man(page)]


@pytest.mark.parametrize("snippet", ALL, ids=lambda s: f"{s.page}:{s.line}")
def test_snippet(snippet, server):
    how = HOW.get(key(snippet))
    assert how, f"{snippet.page}:{snippet.line}: nothing in tests/integration/test_snippets.py says how it is tested:\n{snippet.text}"
    server.service_port = svc.free_port()
    # What the others ask for and change.
    for id in ("web-1", f"web-{server.service_port}"):
        server.register("web", id=id, address="127.0.0.1", port=80)
    how(snippet.text, server)


def test_nothing_is_listed_that_is_not_there():
    assert set(HOW) == {key(snippet) for snippet in ALL}
    for page, test in PAGES.items():
        assert page in (svc.ROOT / test).read_text() and (svc.ROOT / page).exists()


@pytest.mark.parametrize("page", snippets.pages())
def test_every_fence_is_found(page):
    """Also those that are indented, or made of tildes."""
    found = [snippet.line - 1 for snippet in snippets.of(page) if snippet.line > 1]
    lines = snippets.read(page).splitlines()
    fences = [number for number, line in enumerate(lines, 1) if re.match(r"\s*(```|~~~)", line)]
    assert set(fences[::2]) <= set(found)


def test_every_file_is_taken_by_a_test():
    """The recipes have theirs in test_forward_zones_page.py."""
    paths = [path for folder in ("doc", "zones") for path in (svc.ROOT / folder).rglob("*.*") if path.suffix not in (".md", ".svg")]
    assert {str(path.relative_to(svc.ROOT)) for path in paths if path.parent.name != "recipes"} == set(FILES)
    for path, test in FILES.items():
        assert path.rsplit("/", 1)[1] in (svc.ROOT / test).read_text()


def test_snippets_are_found():
    page = "Text:\n\n    one\n    two\n\n    three\n\nMore.\n\n```sh\nfour\n```\n\n- a list\n    goes on\n"
    assert [(s.line, s.language, s.text) for s in snippets.of_text("p", page)] == [
        (3, "", "one\ntwo\n\nthree\n"), (11, "sh", "four\n")]


def test_displays_are_found():
    page = ".Pp\nText:\n.Bd -literal -offset indent\none \\e\n  two\n.Ed\n.Dl three\n.Bd -unfilled\nfour\n.Ed\n"
    assert [(s.line, s.text) for s in snippets.of_man_text("p", page)] == [(4, "one \\\n  two\n"), (7, "three\n"), (9, "four\n")]

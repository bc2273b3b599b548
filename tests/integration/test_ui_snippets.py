"""What the page's copy buttons put into the clipboard, pasted: each runs as it is, in the real program."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import urllib.request

import pytest

import examples
import svc
from browser import driver, healthy, page  # noqa: F401

pytestmark = pytest.mark.xdist_group("browser")


def snippet(page, title):
    page.wait("return document.querySelector('#snippets .copy')", "the snippets are there")
    page.run("document.getElementById('tab-' + arguments[0]).click()", title)
    return page.copied("#snippets .copy")


def said(command, **more):
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60, **more).stdout


@pytest.fixture
def backend(page, tmp_path):  # noqa: F811
    """The page of a service "web" with one instance that answers."""
    made = page()
    tmp_path.chmod(0o755)
    with examples.Backend(made.server, tmp_path, "127.0.0.2", svc.free_port(("127.0.0.2",), (socket.SOCK_STREAM,))) as one:
        made.name = one.name
        yield made.open("#/service/web")


def test_dig_and_curl(page):  # noqa: F811
    page = page()
    healthy(page.server, "web", "web1", "web2")
    page.open("#/service/web")
    assert "8001 web2.web.service.local" in said(snippet(page, "dig"))
    assert [entry["Service"]["ID"] for entry in json.loads(said(snippet(page, "curl")))] == ["web1", "web2"]


@pytest.mark.parametrize("listen,host,found", [
    ("0.0.0.0", "198.51.100.7", "198.51.100.7"),
    pytest.param("[::]", "[2001:db8::7]", "2001:db8::7", marks=pytest.mark.ipv6),
    pytest.param("[::]", "198.51.100.7", "198.51.100.7", marks=pytest.mark.ipv6),
    pytest.param("[::]", "127.0.0.1", "::1", marks=pytest.mark.ipv6),
    ("0.0.0.0", "127.0.0.1", "127.0.0.1"),
    ("0.0.0.0", "localhost", "127.0.0.1"),
    ("127.0.0.1", "198.51.100.7", "127.0.0.1"),
])  # fmt: skip
def test_where_dns_is(page, listen, host, found):  # noqa: F811
    """If that is any address: where the page was had from, in what somebody does first and in each snippet."""
    port = svc.free_port((listen.strip("[]"),))
    page = page(expected=["Cross-Origin-Opener-Policy"], **{"dns.listen": f"{listen}:{port}"})  # by plain HTTP
    page.open(host=host)
    page.wait("return document.getElementById('start').checkVisibility()", "the first steps are there")
    assert page.texts("#steps code")[2] == f"dig @{found} -p {port} web.service.local SRV"
    page.server.register("web", "web1", "10.0.0.1", 80)
    page.open("#/service/web", host)
    page.wait("return document.querySelector('#snippets .copy')", "the snippets are there")
    said = {}
    for title in ("dig", "HAProxy", "nginx"):
        page.run("document.getElementById('tab-' + arguments[0]).click()", title)
        said[title] = page.texts("#snippets code")[0]
    address = f"[{found}]:{port}" if ":" in found else f"{found}:{port}"
    assert said["dig"].startswith(f"dig @{found} -p {port} ")
    assert f"nameserver svcdns {address}\n" in said["HAProxy"] and f"resolver {address} " in said["nginx"]


def test_curl_with_a_token(page, tmp_path):  # noqa: F811
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    page = page(expected=["403"], **{"http.token_file": str(token)})
    page.driver.get(f"http://127.0.0.1:{page.server.http_port}/ui/#/service/web")
    page.wait("return document.getElementById('ask-token').open", "the page asks")
    page.keys("s3cret", "\ue007")
    body = json.dumps({"Name": "web", "ID": "web1", "Port": 80})
    page.server.http("PUT", "/v1/agent/service/register", body, {"X-Consul-Token": "s3cret"})
    command = snippet(page, "curl")
    assert "s3cret" not in command, "who pastes it somewhere gives nothing away"
    assert '"ID":"web1"' in said(command, env={"PATH": "/usr/bin:/bin", "SVCDNS_HTTP_TOKEN": "s3cret"})
    page.run("sessionStorage.clear()")


def test_haproxy(backend, tmp_path):
    port = svc.free_port(kinds=(socket.SOCK_STREAM,))
    (tmp_path / "haproxy.cfg").write_text(
        "defaults\n    mode http\n    timeout connect 2s\n    timeout client 9s\n    timeout server 9s\n"
        f"frontend f\n    bind 127.0.0.1:{port}\n    default_backend web\n" + snippet(backend, "HAProxy") + "\n")
    command = ["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")]
    with examples.Daemon(command, tmp_path) as haproxy:
        checked = subprocess.run([*command, "-c"], capture_output=True, text=True, timeout=60)
        assert "WARNING" not in checked.stderr and checked.returncode == 0, checked.stderr
        haproxy.wait_listening(port)
        svc.wait_until(lambda: examples.fetch(port) == (200, backend.name), "it finds the instance")


def test_haproxy_asks_as_the_example_does(backend):
    """Its pace, its sizes, and what it holds on to: the lines that the example gives reasons for."""
    def settings(text):
        section = text.split("resolvers svcdns\n")[1].split("\n\n")[0]
        return {line.strip() for line in section.splitlines() if not line.strip().startswith(("#", "nameserver"))}

    example = (examples.EXAMPLES / "haproxy.cfg").read_text()
    assert settings(snippet(backend, "HAProxy")) == settings(example) != set()


def test_haproxy_has_room(page, tmp_path):  # noqa: F811
    """Of 40 instances too it finds all, which an answer by UDP does not hold."""
    page = page()
    page.server.register_many([{"Name": "web", "ID": f"w{n}", "Address": f"10.0.0.{n}", "Port": 80} for n in range(40)])
    page.open("#/service/web")
    text = snippet(page, "HAProxy")
    assert "server-template web 80 " in text
    path = f"{tmp_path}/socket"
    (tmp_path / "haproxy.cfg").write_text(f"global\n    stats socket {path}\ndefaults\n    timeout connect 2s\n"
                                          "    timeout client 9s\n    timeout server 9s\n" + text + "\n")
    with examples.Daemon(["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")], tmp_path):

        def found():
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(path)
                    s.sendall(b"show servers state web\n")
                    return len(set(re.findall(r" (10\.0\.0\.\d+) ", b"".join(iter(lambda: s.recv(65536), b"")).decode())))
            except OSError:
                return 0

        svc.wait_until(lambda: found() == 40, "all are servers")


def test_nginx(backend, tmp_path):
    port = svc.free_port(kinds=(socket.SOCK_STREAM,))
    (tmp_path / "nginx.conf").write_text(
        f"events {{\n}}\nhttp {{\naccess_log off;\nserver {{\nlisten 127.0.0.1:{port};\n" + snippet(backend, "nginx") + "\n}\n}\n")
    command = ["nginx", "-e", "stderr", "-c", str(tmp_path / "nginx.conf"), "-g", f"daemon off; pid {tmp_path}/nginx.pid;"]
    with examples.Daemon(command, tmp_path) as nginx:
        nginx.wait_listening(port)
        svc.wait_until(lambda: examples.fetch(port) == (200, backend.name), "it finds the instance")


def test_prometheus(backend, tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed")
    config, port = tmp_path / "prometheus.yml", svc.free_port(kinds=(socket.SOCK_STREAM,))
    config.write_text(snippet(backend, "Prometheus") + "\n")
    subprocess.run(["promtool", "check", "config", config], check=True, capture_output=True, timeout=60)
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data", f"--web.listen-address=127.0.0.1:{port}"]
    with examples.Daemon(command, tmp_path):
        def targets():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/targets", timeout=svc.PATIENCE) as reply:
                    return [target["discoveredLabels"]["__address__"] for target in json.load(reply)["data"]["activeTargets"]]
            except OSError:
                return None

        svc.wait_until(lambda: targets() == [backend.name], "it finds the instance")


def test_several_ports_are_said(page):  # noqa: F811
    page = page()
    healthy(page.server, "web", "web1", "web2")
    page.open("#/service/web")
    assert "ports 8000, 8001" in snippet(page, "nginx")


def test_an_empty_page_says_what_to_do(page):  # noqa: F811
    """What it shows to a newcomer is enough to see a service, here and in DNS."""
    page = page()
    page.open()
    seen = "return document.getElementById('start').checkVisibility()"
    assert page.run(seen) and page.texts("#start h3") == ["No service is registered yet"]
    assert page.texts("#summary") == ["no services"]
    commands = [page.copied(f"#steps .snippet:nth-of-type({n}) .copy") for n in (1, 2, 3)]
    client = svc.BINARY.parents[2] / "tools/svcdns/svcdns"
    said(commands[1].replace("svcdns ", f"{client} ", 1).replace("register web", "register other"))
    page.wait_row("other", "passing", "other", "healthy", "1 / 1")
    assert not page.run(seen)
    said(commands[0])
    page.wait_row("web", "passing", "web", "healthy", "1 / 1")
    assert "8080 web.web.service.local." in said(commands[2])

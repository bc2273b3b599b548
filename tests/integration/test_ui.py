"""The page at /ui/ in a real browser, and its files by plain HTTP."""

import shlex
import signal
import socket
import subprocess

import pytest

import svc
from browser import WHEN_IT_SAYS, driver, healthy, page  # noqa: F401

EVIL = "<img src=x onerror=document.title='taken'>"

pytestmark = pytest.mark.xdist_group("browser")


def test_list(page):
    page = page()
    healthy(page.server, "web", "web1", "web2", Tags=["v1", "blue"])
    healthy(page.server, "db", "db1", "db2")
    page.server.check("fail", "service:db2", "disk full")
    page.server.register("new", "new1", port=1, Check={"TTL": "600s"})
    page.open()
    assert page.names() == ["db", "new", "web"]
    assert page.row("web")[:5] == ["passing", "web", "healthy", "2 / 2", "8000, 8001"]
    assert page.texts("#rows [data-name=web] .tag") == ["v1", "blue"]
    assert page.row("db")[:4] == ["warning", "db", "degraded", "1 / 2"]
    assert page.row("new")[:4] == ["waiting", "new", "waiting", "0 / 1"]
    assert page.texts("#summary") == ["3 services · 3 of 5 instances healthy · 2 problems"]


def test_strangers_texts_stay_texts(page):
    page = page()
    page.server.register("web", EVIL, "10.0.0.1", 80, Tags=[EVIL], Check={"TTL": "600s", "Notes": EVIL, "Name": EVIL})
    page.server.check("fail", f"service:{EVIL}", EVIL + "\n" + EVIL)
    page.open("#/service/web")
    page.wait("return document.querySelectorAll('.instance').length === 1", "the instance is shown")
    assert page.texts(".head .id") == [EVIL] and page.texts(".said") == [EVIL]
    assert EVIL in page.texts("#rows .tag") and EVIL in page.texts(".detail .tag")
    page.keys("\ue00c")
    svc.wait_until(lambda: EVIL in page.texts(".log .reason"), "the log has it")
    assert page.run("return document.querySelectorAll('img[onerror], [src=x]').length") == 0
    assert page.run("return document.title") == "(1) svcdns"


def test_a_death_is_seen_without_a_reload(page):
    page = page()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    check = {"TCP": f"127.0.0.1:{port}", "Interval": "200ms"}
    page.server.register("web", "web1", "127.0.0.1", port, Check=check)
    page.open("#/service/web")
    page.wait_row("web", "passing", "web", "healthy", "1 / 1")
    page.wait("return document.querySelectorAll('[data-type=SRV] .records tbody tr').length === 1", "its record is shown")
    page.run("window.mark = 1")
    listener.close()
    page.wait_row("web", "critical", "web", "down", "0 / 1")
    page.wait("return document.querySelector('.sentence')?.innerText.startsWith('critical for ')", "the sentence")
    assert "refused" in page.texts(".sentence")[0]
    page.wait("return document.querySelector('[data-type~=SRV]').innerText.includes('0 of 1 healthy')", "DNS says why")
    assert page.run("return window.mark") == 1
    page.server.deregister("web1")
    svc.wait_until(lambda: page.names() == [], "the row is gone")
    page.wait("return document.querySelector('#detail').innerText.includes('not registered')", "so it says")
    page.server.register("web", "web2", "127.0.0.1", 1)
    page.wait_row("web", "passing", "web", "healthy", "1 / 1")


def test_filter_and_problems(page):
    page = page()
    healthy(page.server, "web", "web1", Tags=["blue"])
    healthy(page.server, "webhook", "hook1", Tags=["green"])
    healthy(page.server, "db", "db1")
    page.server.check("fail", "service:db1", "gone")
    page.open()
    for text, names in [("WEB", ["web", "webhook"]), ("web green", ["webhook"]), ("8000", ["db", "web", "webhook"]), ("nix", [])]:
        page.run("const f = document.getElementById('filter'); f.value = arguments[0]; f.dispatchEvent(new Event('input'))", text)
        assert page.names() == names, text
    assert page.texts("#nothing") == ["Nothing matches."]
    page.run("const f = document.getElementById('filter'); f.value = ''; f.dispatchEvent(new Event('input'))")
    page.run("document.getElementById('problems').click()")
    assert page.names() == ["db"]
    page.server.check("pass", "service:db1", "back")
    page.server.check("fail", "service:hook1", "gone")
    svc.wait_until(lambda: page.names() == ["webhook"], "the list follows")


def test_maintenance_is_no_problem(page):
    """What somebody took out on purpose is told from what fails, one instance or a whole node, and back."""
    page = page()
    healthy(page.server, "web", "web1", "web2")
    healthy(page.server, "db", "db1")
    page.open()

    def drain(what, enable):
        page.server.put(f"/v1/agent/{what}?enable={'true' if enable else 'false'}")

    drain("service/maintenance/web1", True)
    page.wait_row("web", "passing", "web", "healthy\n1 in maintenance", "1 / 2")
    assert page.texts("#summary") == ["2 services · 2 of 3 instances healthy · 1 in maintenance · no problems"]
    drain("service/maintenance/web2", True)
    page.wait_row("web", "maintenance", "web", "maintenance", "0 / 2")
    assert page.run("return document.title") == "svcdns"
    page.run("document.getElementById('problems').click()")
    assert page.names() == [] and page.texts("#nothing") == ["No problems: every instance is healthy or in maintenance."]
    drain("service/maintenance/web2", False)
    page.server.check("fail", "service:web2", "gone")
    page.wait_row("web", "critical", "web", "down\n1 in maintenance", "0 / 2")
    assert page.run("return document.title") == "(1) svcdns"
    drain("maintenance", True)
    svc.wait_until(lambda: page.names() == [], "the node is out, and all that is on it")
    page.run("document.getElementById('problems').click()")
    assert [page.row(name)[:3] for name in page.names()] == [["maintenance", name, "maintenance"] for name in ("db", "web")]
    drain("maintenance", False)
    drain("service/maintenance/web1", False)
    page.wait_row("web", "warning", "web", "degraded", "1 / 2")
    page.wait_row("db", "passing", "db", "healthy", "1 / 1")


@pytest.mark.parametrize("counts,state", [
    ((3, 3, 0, 0, 0), "healthy"), ((3, 2, 0, 0, 1), "healthy"), ((3, 2, 1, 0, 1), "warning"), ((3, 1, 0, 0, 1), "degraded"),
    ((3, 0, 0, 0, 1), "down"), ((3, 0, 0, 1, 1), "down"), ((3, 0, 0, 2, 1), "waiting"), ((3, 0, 0, 0, 3), "maintenance"),
])  # fmt: skip
def test_those_that_are_not_out_decide(page, counts, state):
    line = dict(zip(["Instances", "Healthy", "Warning", "Waiting", "Maintenance"], counts))
    script = "const done = arguments[1]; import('/ui/words.js').then((words) => done(words.serviceState(arguments[0])[1]))"
    assert page().open().driver.execute_async_script(script, line) == state


@pytest.mark.parametrize("type", ["SRV", "A", "AAAA"])
def test_records_are_what_dig_gets(page, type):
    page = page()
    healthy(page.server, "web", *[f"web{n}" for n in range(40)])  # more than fits into a packet of UDP
    page.server.register("web", "six", "2001:db8::6", 80)
    page.server.check("fail", "service:web7", "down")
    page.open("#/service/web")
    page.wait(f"return document.querySelector('[data-type={type}] .records')", "the records are shown")
    shown = page.texts(f"[data-type={type}] .data")
    dig = ["dig", "@127.0.0.1", "-p", str(page.server.port), "web.service.local", type, "+short", "+tcp"]
    assert sorted(shown) == sorted(subprocess.run(dig, capture_output=True, text=True, check=True).stdout.splitlines())
    assert len(shown) == {"SRV": 40, "A": 39, "AAAA": 1}[type]


def test_keyboard(page):
    page = page()
    for name in ["alpha", "beta", "gamma"]:
        page.server.register(name, port=80)
    page.open()
    page.keys("j")
    assert page.focus() == "alpha"
    page.keys("jj")
    assert page.focus() == "gamma"
    page.keys("k", "\ue013")  # up
    assert page.focus() == "alpha"
    page.keys("\ue015", "\ue007")  # down, Enter
    page.wait("return document.getElementById('detail-title')?.innerText === 'beta'", "beta is open")
    assert page.hash() == "#/service/beta"
    page.keys("\ue00c")  # Esc
    page.wait("return document.getElementById('detail').hidden", "it is closed")
    svc.wait_until(lambda: page.focus() == "beta", "the focus is back where it was")
    page.keys("/", "gam")
    assert page.names() == ["gamma"] and page.focus() == "filter"
    page.keys("j")  # a letter here
    assert page.names() == []
    page.keys("\ue00c")
    assert len(page.names()) == 3
    page.keys("\ue00c", "p")
    assert page.run("return document.getElementById('problems').checked") and page.names() == []


def test_dark(page, driver, tmp_path):
    page = page()
    healthy(page.server, "web", "web1")
    light = {}
    for scheme in ["light", "dark"]:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        page.open("#/service/web")
        color = page.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        light[scheme] = sum(color)
        assert driver.save_screenshot(str(tmp_path / f"{scheme}.png"))
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert light["light"] > 600 and light["dark"] < 150


def test_thousands(page):
    page = page()
    page.server.register_many([{"Name": f"s{n:04}", "Port": 80} for n in range(3000)])
    page.open()
    assert page.texts("#summary") == ["3,000 services · 3,000 of 3,000 instances healthy · no problems"]
    assert len(page.names()) == 200 and page.texts("#more") == ["Show more: 2,800 are left"]
    page.run("document.getElementById('more').click()")
    assert len(page.names()) == 400
    page.run("const f = document.getElementById('filter'); f.value = 's2999'; f.dispatchEvent(new Event('input'))")
    assert page.names() == ["s2999"]
    page.server.deregister("s2999")
    svc.wait_until(lambda: page.names() == [], "it is gone")


def test_comes_back_after_a_crash(page):
    page = page(expected=["/v1/events", "/ui/data/"])  # the browser says that the connection was lost
    healthy(page.server, "web", "web1")
    page.open()
    page.run("window.mark = 1")
    page.server.signal("sidecar", signal.SIGKILL)
    page.server.wait_ready()
    healthy(page.server, "new", "new1")
    page.wait_row("new", "passing", "new", "healthy", "1 / 1")
    page.wait("return document.getElementById('live').dataset.state === 'live'", "it listens again")
    assert page.run("return window.mark") == 1


def test_asks_again_for_a_list_that_it_did_not_get(page):
    """Nothing happens meanwhile that it would hear of."""
    page = page(expected=["/ui/data/services"])
    healthy(page.server, "web", "web1")
    page.driver.execute_cdp_cmd("Network.enable", {})
    try:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/ui/data/services"]})
        page.open()
        svc.wait_until(lambda: page.texts(".log li"), "it hears what was before")
        assert page.texts("#summary") == ["Failed to fetch"] and page.names() == []
    finally:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.wait_row("web", "passing", "web", "healthy", "1 / 1")


def test_asks_again_for_a_stream_that_it_was_refused(page):
    page = page(expected=["/v1/events"], **{"http.streams": "1"})
    other = page.server.connect_http()
    other.request("GET", "/v1/events")
    assert other.getresponse().status == 200
    page.driver.get(f"http://127.0.0.1:{page.server.http_port}/ui/")
    page.wait("return document.getElementById('live').innerText === 'not live'", "it says so")
    healthy(page.server, "web", "web1")
    assert page.names() == []
    other.close()
    page.wait_row("web", "passing", "web", "healthy", "1 / 1")
    page.wait("return document.getElementById('live').innerText === 'live'", "and is live")
    svc.wait_until(lambda: page.texts(".log .change")[-1:] == ["registered"], "with all that happened")


def test_another_registry(page):
    """A server that knows nothing of what the page shows: what is gone is gone from the page."""
    page = page(expected=["/v1/events", "/ui/data/"])
    healthy(page.server, "web", "web1")
    page.open()
    page.wait_row("web", "passing", "web", "healthy", "1 / 1")
    page.server.stop()
    page.wait("return document.getElementById('live').innerText === 'reconnecting'", "it says so")
    for file in page.server.directory.glob("registry.db*"):
        file.unlink()
    page.server.start()
    healthy(page.server, "db", "db1")
    svc.wait_until(lambda: page.names() == ["db"], "the list is another")


def test_asks_for_the_token(page, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret+&\n")
    token.chmod(0o600)
    page = page(expected=["403"], **{"http.token_file": str(token)})
    page.driver.get(f"http://127.0.0.1:{page.server.http_port}/ui/")
    page.wait("return document.getElementById('ask-token').open", "the page asks")
    page.keys("s3cret+&", "\ue007")
    page.wait("return document.getElementById('live').dataset.state === 'live'", "the page is live")
    assert page.texts("#start h3") == ["No service is registered yet"]
    page.run("sessionStorage.clear()")


def test_files(shared_server):
    reply = shared_server.http("GET", "/ui/")
    assert reply.status == 200 and reply.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = reply.headers["Content-Security-Policy"]
    for part in ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"]:
        assert part in policy
    assert "unsafe" not in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff" and reply.headers["Referrer-Policy"] == "no-referrer"
    again = shared_server.http("GET", "/ui/", headers={"If-None-Match": reply.headers["ETag"]})
    assert again.status == 304 and again.body == b"" and again.headers["ETag"] == reply.headers["ETag"]
    assert shared_server.http("GET", "/ui/app.js").headers["Content-Type"] == "text/javascript; charset=utf-8"
    for path in ["/ui/nothing.js", "/ui/..%2fapp.js", "/ui/data/", "/ui/%64ata/services"]:
        assert shared_server.http("GET", path).status == 404, path
    for path in ["/", "/ui"]:
        reply = shared_server.http("GET", path)
        assert reply.status == 302 and reply.headers["Location"] == "/ui/"
    # A link elsewhere may lead here, but nothing elsewhere may read what the page reads.
    cross = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert shared_server.http("GET", "/ui/", headers=cross).status == 200
    assert shared_server.http("GET", "/ui/data/services", headers=cross).status == 403
    assert shared_server.http("GET", "/ui/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}).status == 403


def test_copies_without_a_clipboard(page):
    """By plain HTTP from another machine a browser has no clipboard to write to, but it still copies a selection."""
    page = page()
    healthy(page.server, "web", "web1")
    page.open("#/service/web")
    page.wait("return document.querySelector('.where .copy')", "the address is there")
    page.run("Object.defineProperty(navigator, 'clipboard', { value: undefined });"
             "document.addEventListener('copy', (event) => { window.taken = event.target.value; })")
    page.run("const button = document.querySelector('.where .copy'), done = (text) => { window.said = text; };" + WHEN_IT_SAYS +
             "button.focus()")
    page.keys("\ue007")  # by a person's hand, which is what a browser wants
    page.wait("return window.said === 'Copied'", "it was copied")
    assert page.run("return window.taken") == "10.0.0.1:8000"
    assert page.run("return document.querySelectorAll('textarea').length") == 0


def test_what_a_check_said_last(page):
    """A heartbeat that changes no status is no event; the page still shows its note, and how long it has been so."""
    page = page()
    healthy(page.server, "web", "web1")
    page.server.check("pass", "service:web1", "still fine")
    page.open("#/service/web")
    page.wait("return document.querySelector('.said')", "the check is shown")
    assert page.texts(".said") == ["still fine"]
    before = page.texts(".sentence time")
    svc.wait_until(lambda: page.texts(".sentence time") not in ([], before), "the time goes on")

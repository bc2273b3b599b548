"""The page at /ui/ in a real browser (Debian's chromium, headless): the fixtures `driver` and `page`, which a test file
takes with `from browser import driver, page`."""

import shutil

import pytest

import svc

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    # Two addresses of a machine that is not this one (RFC 5737, RFC 3849), and lead here all the same.
    "--host-resolver-rules=MAP 198.51.100.7 127.0.0.1, MAP 2001:db8::7 127.0.0.1",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1440,900",
]  # fmt: skip


# Calls done() with what a button says next: it does so for a moment only, in which a busy machine may not look.
WHEN_IT_SAYS = """
    new MutationObserver((_, seen) => { seen.disconnect(); done(button.textContent); }).observe(button, { childList: true });
"""


class Page:
    """The page of one server, in the browser."""

    def __init__(self, driver, server):
        self.driver, self.server = driver, server

    def open(self, hash="", host="127.0.0.1"):
        self.driver.get("about:blank")
        self.driver.get(f"http://{host}:{self.server.http_port}/ui/{hash}")
        self.wait("return document.getElementById('live').dataset.state === 'live'", "the page is live")
        return self

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, what):
        return svc.wait_until(lambda: self.run(script), f"{what}: {script}", interval=0.05)

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())", selector)

    def names(self):
        return self.texts("#rows th")

    def row(self, name):
        """The class and the cells of a service's row, None if there is none."""
        return self.run(
            "const row = [...document.querySelectorAll('#rows tr')].find(r => r.dataset.name === arguments[0]);"
            "return row && [row.className.replace(' changed', ''), ...[...row.cells].map(c => c.innerText.trim())]", name)

    def wait_row(self, name, *cells):
        svc.wait_until(lambda: (self.row(name) or [])[: len(cells)] == list(cells), f"{name}: {cells}", interval=0.05)

    def keys(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def focus(self):
        return self.run("return document.activeElement.innerText || document.activeElement.id")

    def show(self, width, scheme):
        """The page on a screen of that width, with light or dark colours; until the end of the test."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def copied(self, selector):
        """Presses a button of that kind; what is in the clipboard then."""
        origin = f"http://127.0.0.1:{self.server.http_port}"
        allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        self.driver.execute_cdp_cmd("Browser.grantPermissions", {"origin": origin, "permissions": allowed})
        said = self.driver.execute_async_script(
            "const button = document.querySelector(arguments[0]), done = arguments[1];" + WHEN_IT_SAYS + "button.click()", selector)
        assert said == "Copied", said
        return self.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")

    def hash(self):
        return self.run("return decodeURIComponent(location.hash)")


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    if not CHROMIUM or not DRIVER:
        pytest.skip("chromium and chromium-driver are not installed")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ARGUMENTS + [f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(DRIVER), options=options)
    yield driver
    driver.quit()


@pytest.fixture
def page(driver, start_server):
    """The page of a server of the test's own; afterwards the browser must have had nothing to complain of."""
    pages = []

    def make(expected=(), **config):
        driver.get_log("browser")
        made = Page(driver, start_server(**{"check.interval_min": "100ms", **config}))
        pages.append((made, expected))
        return made

    yield make
    said = [entry["message"] for entry in driver.get_log("browser")]
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.get("about:blank")  # its stream is closed before the server ends
    for _, expected in pages:
        said = [line for line in said if not any(part in line for part in expected)]
    assert said == [], said


def healthy(server, name, *ids, **fields):
    for n, id in enumerate(ids):
        server.register(name, id, f"10.0.0.{n + 1}", 8000 + n, Check={"TTL": "600s"}, **fields)
        server.check("pass", f"service:{id}", "fine")

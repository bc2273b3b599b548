"""How the page looks and is moved through, in a real browser: contrast, what fits, focus, and several tabs of it."""

import pytest

import svc
from browser import driver, healthy, page  # noqa: F401

pytestmark = pytest.mark.xdist_group("browser")

LONG = "a-name-that-goes-on-until-a-label-can-take-no-more-of-it-all"
OVERRIDE = "turned \u202eround <b>"

# Every text that is seen, with its contrast against what is painted behind it (WCAG 2.1, 1.4.3).
CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const rgba = (color) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
const light = (color) => {
  const [r, g, b] = color.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  if (!element) return [255, 255, 255];
  const color = rgba(getComputedStyle(element).backgroundColor);
  return color[3] === 1 ? color.slice(0, 3) : over(color, behind(element.parentElement));
};
const found = [];
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const element = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || !element.checkVisibility() || element.closest('.hidden, .skip, noscript, thead')) continue;
  const ground = behind(element);
  const pair = [over(rgba(getComputedStyle(element).color), ground), ground].map(light).sort((a, b) => b - a);
  found.push([(pair[0] + 0.05) / (pair[1] + 0.05), walk.currentNode.data.trim().slice(0, 40)]);
}
return found;
"""

# What is cut off: it is wider than the screen, or sticks out of the pane it is in.
STICKS_OUT = """
const wide = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
const out = [...document.querySelectorAll('.pane *')].filter((element) => {
  if (!element.checkVisibility() || element.closest('.hidden, pre, .tag, option')) return false;
  return element.getBoundingClientRect().right > element.closest('.pane').getBoundingClientRect().right + 0.5;
});
return wide.concat(out.map((element) => element.outerHTML.slice(0, 120)));
"""


def everything(server):
    """A service in each state, and texts of all lengths."""
    healthy(server, "web", "ok1", Tags=["v1", "blue", "c", "d", "e"])
    for id in ("warn1", "crit1", "wait1", "drained1"):
        server.register("web", id, "10.0.0.9", 8080, Check={"TTL": "600s", "Name": "heartbeat"})
    server.check("warn", "service:warn1", "disk 91% full")
    server.check("fail", "service:crit1", "refused\n" + "x" * 400)
    server.put("/v1/agent/service/maintenance/drained1?enable=true&reason=a%20new%20kernel")
    server.register(LONG, "i" * 90, "fd00:1234:5678:9abc:def0:1234:5678:9abc", 65535, Tags=["t" * 60], Check={"TTL": "600s"})
    server.check("fail", "service:" + "i" * 90, "w" * 300)
    server.register("out", "o1", "10.0.0.1", 1)
    server.put("/v1/agent/service/maintenance/o1?enable=true")
    server.register("many", "m", "10.0.0.1", 1, Check={"TTL": "600s"})
    server.check("pass", "service:m")
    for port in range(2, 12):
        server.register("many", f"m{port}", "10.0.0.1", port)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(page, scheme):  # noqa: F811
    page = page()
    page.show(1280, scheme)
    page.open()
    weak = [text for ratio, text in page.run(CONTRAST) if ratio < 4.5]
    assert weak == [], "of the empty page"
    everything(page.server)
    for hash in ("#/", "#/service/web"):
        page.open(hash)
        page.wait("return document.querySelectorAll('.log li').length >= 30 && (!document.body.hasAttribute('data-detail') || document.querySelector('.answer'))", "it is drawn")
        page.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        found = page.run(CONTRAST)
        assert len(found) > 30 and [line for line in found if line[0] < 4.5] == [], hash


@pytest.mark.parametrize("width", [320, 400, 800, 1280])
def test_everything_fits(page, width):  # noqa: F811
    page = page()
    page.show(width, "light")
    page.open()
    assert page.run(STICKS_OUT) == []
    everything(page.server)
    for hash in ("#/", "#/service/web", f"#/service/{LONG}", "#/service/many"):
        page.open(hash)
        page.wait("return !document.body.hasAttribute('data-detail') || document.querySelector('.answer')", "it is drawn")
        assert page.run(STICKS_OUT) == [], hash


def test_columns_stay_where_they_are(page):  # noqa: F811
    """However long the names and tags are that a filter leaves."""
    page = page()
    page.show(1280, "light")
    everything(page.server)
    page.open()
    seen = []
    for text in ("", "many", LONG):
        page.run("const f = document.getElementById('filter'); f.value = arguments[0]; f.dispatchEvent(new Event('input'))", text)
        assert len(page.names()) == (1 if text else 4)
        seen.append(page.run("return [...document.querySelectorAll('#services thead th')].map((th) => th.getBoundingClientRect().left)"))
    assert seen[0] == seen[1] == seen[2]


def test_what_is_pressed_can_be_hit(page):  # noqa: F811
    """WCAG 2.2, 2.5.8: 24 pixels each way, also on a phone."""
    page = page()
    page.show(400, "light")
    everything(page.server)
    for hash in ("#/", "#/service/web"):
        page.open(hash)
        page.wait("return !document.body.hasAttribute('data-detail') || document.querySelector('.answer')", "it is drawn")
        small = page.run("""
            return [...document.querySelectorAll('button, select, summary, .search input, .switch, .close')].filter((element) => {
              const box = element.getBoundingClientRect();
              return element.checkVisibility() && Math.min(box.width, box.height) < 24;
            }).map((element) => element.outerHTML.slice(0, 120))""")
        assert small == [], hash
        if hash == "#/":
            assert min(page.run("return [...document.querySelectorAll('#rows tr')].map((row) => row.getBoundingClientRect().height)")) >= 24


def test_a_record_is_a_line(page):  # noqa: F811
    page = page()
    page.show(1280, "light")
    healthy(page.server, "web", *[f"web{n}" for n in range(3)])
    page.open("#/service/web")
    page.wait("return document.querySelector('[data-type=SRV] tbody tr')", "the records are shown")
    heights = page.run("return [...document.querySelectorAll('.records tbody tr')].map(row => row.getBoundingClientRect().height)")
    assert len(heights) == 6 and max(heights) < 30


def test_many_instances(page):  # noqa: F811
    """They do not push what DNS answers out of sight."""
    page = page()
    page.server.register_many([{"Name": "web", "ID": f"w{n:03}", "Address": "10.0.0.1", "Port": 80} for n in range(250)])
    page.open("#/service/web")
    page.wait("return document.querySelector('[data-type=SRV] tbody tr')", "the records are shown")
    assert len(page.texts(".instance")) == 20 and page.texts("#more-instances") == ["Show more: 230 are left"]
    height = page.run("return document.querySelector('[data-type=SRV] .box').getBoundingClientRect().height")
    assert height < 400 and page.run("return document.querySelector('[data-type=SRV] .box').tabIndex") == 0
    page.run("document.getElementById('more-instances').click()")
    assert len(page.texts(".instance")) == 220 and page.texts("#more-instances") == ["Show more: 30 are left"]
    page.run("document.getElementById('more-instances').click()")
    assert len(page.texts(".instance")) == 250 and page.run("return document.getElementById('more-instances').hidden")


def test_maintenance_is_not_critical(page):  # noqa: F811
    page = page()
    healthy(page.server, "web", "web1", "web2", "web3")
    page.server.check("fail", "service:web3", "gone")
    page.server.put("/v1/agent/service/maintenance/web2?enable=true&reason=a%20new%20kernel")
    page.open("#/service/web")
    page.wait("return document.querySelector('[data-id=web2]')", "the instance is shown")
    assert page.texts(".head .id") == ["web3", "web2", "web1"], "what fails comes first"
    assert page.texts(".head .state") == ["critical", "maintenance", "passing"]
    assert page.texts("#overall")[0].endswith("1 of 3 instances healthy, 1 in maintenance")
    assert page.texts("[data-id=web2] .sentence .said") == ["a new kernel", "fine"]
    page.keys("\ue00c")
    page.server.put("/v1/agent/service/maintenance/web2?enable=false")
    svc.wait_until(lambda: page.texts(".log .change")[:2] == ["maintenance ended", "maintenance begun"], "the log says so")


def test_a_text_turns_around_only_itself(page):  # noqa: F811
    page = page()
    page.server.register("web", "web1", "10.0.0.1", 80, Check={"TTL": "600s", "Name": OVERRIDE})
    page.server.check("fail", "service:web1", OVERRIDE)
    page.open("#/service/web")
    page.wait("return document.querySelector('.check .about')", "the check is shown")
    places = page.run("""
        const text = document.querySelector('.check .about').lastChild;
        return ['(', ')'].map((letter) => {
          const range = document.createRange();
          range.setStart(text, text.data.indexOf(letter)); range.setEnd(text, text.data.indexOf(letter) + 1);
          return range.getBoundingClientRect().left;
        });""")
    assert places[0] < places[1], "what follows the name stands as it should"


def test_focus_is_seen_and_goes_in_order(page):  # noqa: F811
    page = page()
    healthy(page.server, "web", "web1")
    page.open("#/service/web")
    page.wait("return document.querySelector('.answer') && document.activeElement.id === 'detail-title'", "it is open")
    page.run("document.activeElement.blur(); getSelection().removeAllRanges(); document.querySelector('.skip').focus()")
    seen = []
    for _ in range(30):
        seen.append(page.run("""
            const here = document.activeElement;
            const drawn = here.id === 'problems' ? here.nextElementSibling : here;
            const style = getComputedStyle(drawn);
            return [here.id || here.className || here.innerText, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]"""))
        page.keys("\ue004")
        if page.run("return document.activeElement === document.body"):
            break
    names = [name for name, _ in seen]
    assert [name for name, outlined in seen if not outlined] == []
    order = ["skip", "svcdns", "filter", "problems", "web", "close", "copy", "lookup", "copy", "tab-dig"]
    assert names[: len(order)] == order and names.count("tab-dig") == 1


def test_many_tabs(page):  # noqa: F811
    """A browser has six connections to a server: those of tabs that nobody sees are given back, and none loses anything."""
    page = page()
    healthy(page.server, "web", "web1")
    driver = page.driver  # noqa: F811
    first = driver.current_window_handle
    page.open()
    svc.wait_until(lambda: "passing" in " ".join(page.texts(".log .state")), "the history is there")
    others = []
    try:
        for n in range(7):
            driver.switch_to.new_window("tab")
            others.append(driver.current_window_handle)
            page.open("#/service/web")
            page.wait("return document.querySelector('.answer')", f"tab {n + 2} gets what it asks for")
        svc.wait_until(lambda: page.server.metric('svcdns_api_streams{stream="events"}') == 1, "one tab is seen, and listens")
        page.server.check("fail", "service:web1", "gone")
        page.wait_row("web", "critical", "web", "down", "0 / 1")
    finally:
        for other in others:
            driver.switch_to.window(other)
            driver.close()
        driver.switch_to.window(first)
    page.wait_row("web", "critical", "web", "down", "0 / 1")
    svc.wait_until(lambda: page.texts(".log .reason")[:1] == ["gone"], "the log goes on where it was")
    reasons = page.texts(".log .reason")
    assert reasons.count("gone") == 1 and reasons.count("fine") == 1


def test_a_tab_that_nobody_sees_counts_problems(page):  # noqa: F811
    """It listens to nothing then, and looks once a minute instead, for its title; that minute is a second here."""
    page = page()
    healthy(page.server, "web", "web1")
    driver = page.driver  # noqa: F811
    first = driver.current_window_handle
    faster = "{ const every = setInterval; window.setInterval = (act, ms) => every(act, ms / 60); }"
    script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": faster})["identifier"]

    def titles():
        return [target["title"] for target in driver.execute_cdp_cmd("Target.getTargets", {})["targetInfos"]]

    try:
        page.open()
        driver.switch_to.new_window("tab")
        svc.wait_until(lambda: page.server.metric('svcdns_api_streams{stream="events"}') == 0, "nobody listens")
        assert "svcdns" in titles()
        page.server.check("fail", "service:web1", "gone")
        svc.wait_until(lambda: "(1) svcdns" in titles(), "the title says it")
        page.server.check("pass", "service:web1", "fine")
        svc.wait_until(lambda: "svcdns" in titles(), "and that it is over")
        assert page.server.metric('svcdns_api_streams{stream="events"}') == 0
        driver.close()
    finally:
        driver.switch_to.window(first)
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": script})

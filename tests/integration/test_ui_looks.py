"""How the page looks and is moved through, in a real browser: contrast, what fits, focus, and several tabs of it."""

import pytest

import svc
from browser import driver, healthy, page  # noqa: F401

pytestmark = pytest.mark.xdist_group("browser")


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

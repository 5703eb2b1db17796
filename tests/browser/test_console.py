"""The web console in a real browser, on a real cluster on which the demo ran."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect
from starlette.requests import HTTPConnection

from headrace.connectors.aws.client import AwsSession
from headrace.console import aws
from headrace.console.web.access.control import everyone_is
from headrace.console.web.access.users import ConsoleUser, UserRole
from headrace.sandbox.cluster.state_file import read
from headrace.sandbox.demo.samples import MEDIA
from headrace.sandbox.names import MEDIA_BUCKET
from tests.browser.accessibility import layout_problems, overflow
from tests.browser.conftest import BROKEN, DemoSandbox
from tests.browser.serving import ServeAs
from tests.support.process import COMMAND, wait_for

IMAGES = Path(__file__).parents[2] / "docs" / "images"
WRITE_IMAGES = "HEADRACE_TEST_IMAGES"
"""Variable with which the run writes the pictures of the documentation."""
SECONDS = 1000.0
"""Milliseconds of a second, the unit of Playwright's timeouts."""

VIDEO = "/assets/one?" + urlencode({"bucket": MEDIA_BUCKET, "key": "rabbit.mp4"})
DOCUMENT = "/assets/one?" + urlencode({"bucket": MEDIA_BUCKET, "key": "letter.pdf"})
SPEECH = "/assets/one?" + urlencode({"bucket": MEDIA_BUCKET, "key": "jfk.flac"})
PATHS = (
    "/",
    "/assets",
    "/assets?label=nothing",
    VIDEO,
    DOCUMENT,
    SPEECH,
    "/letters",
    "/replays",
    f"/replays/redrive?stage={BROKEN}",
    f"/replays/rewind?stage={BROKEN}&to=earliest",
    "/rules",
    "/rules/one?name=done",
    "/rules/test?pattern=%7B%22detail-type%22%3A%5B%22MediaReady%22%5D%7D",
    "/people",
    "/assets/one?bucket=none&key=none",
)
START = "a/../<img src=x onerror=hacked=1>\"'\u202egpj \u05d0\u05d1\u05d2 😀 \x1b[31m//"
HOSTILE = START + "x" * (1024 - len(START.encode()))


@pytest.fixture(scope="module")
def console(serve_as: ServeAs) -> str:
    """Serve the console for an administrator."""
    return serve_as(everyone_is("ada", UserRole.ADMIN))


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true. Playwright's own function needs eval, which the pages forbid."""
    wait_for(lambda: page.evaluate(expression), expression)


def reload_until(page: Page, selector: str) -> None:
    """Reload the page until it has an element: the views, and the members of a group, follow the log."""

    def has_element() -> bool:
        page.reload()
        return page.locator(selector).count() > 0

    if page.locator(selector).count() == 0:
        wait_for(has_element, selector)


def test_find_a_spoken_word_and_jump_to_it(page: Page, console: str) -> None:
    page.goto(f"{console}/assets")
    page.keyboard.press("/")
    page.keyboard.type("country")
    moment = page.locator(".moments a").filter(has_text="ask not what your")
    expect(moment.first).to_contain_text("0:06.0", timeout=60 * SECONDS)
    assert page.url.endswith("?q=country")
    moment.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("jfk.flac")
    until(page, "Math.abs(document.querySelector('audio').currentTime - 6) < 0.5")
    page.locator(".transcript a").first.click()
    until(page, "document.querySelector('audio').currentTime < 1")
    expect(page.locator(".captions")).to_contain_text("my fellow Americans")
    page.locator(".track").first.click()
    until(page, "document.querySelector('audio').currentTime > 4")


def test_every_page_is_accessible_and_fits(page: Page, console: str) -> None:
    found: dict[str, Any] = {}
    for path in PATHS:
        problems = layout_problems(page, console + path)
        found |= {path: problems} if problems else {}
    assert found == {}


def test_a_redrive_is_planned_sent_and_done(page: Page, console: str, sandbox: DemoSandbox) -> None:
    subprocess.run([COMMAND, "sandbox", "restore-worker", "--data", str(sandbox.folder)], check=True)
    page.goto(f"{console}/letters?stage={BROKEN}")
    page.locator("#letters tbody a").first.click()
    expect(page.locator("main")).to_contain_text("A bug of Headrace or of a stage of yours")
    page.get_by_role("link", name="Plan a redrive").click()
    expect(page.locator("main")).to_contain_text("1 to send")
    expect(page.locator("main")).to_contain_text("at AWS's list prices")
    reload_until(page, "button:enabled:has-text('Send 1')")
    page.get_by_label("Reason", exact=True).fill("the worker is repaired")
    page.get_by_role("button", name="Send 1").click()
    done = page.locator(".stats div").filter(has_text="Done")
    expect(done).to_contain_text("1", timeout=300 * SECONDS)
    expect(page.locator("#replay")).to_contain_text("ada")
    expect(page.locator("#replay")).to_contain_text("the worker is repaired")


def test_a_letter_is_resolved_with_a_reason(page: Page, console: str) -> None:
    page.goto(f"{console}/letters?code=infected")
    page.locator("#letters tbody a").first.click()
    page.get_by_label("Reason", exact=True).fill("a test file")
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("status")).to_contain_text("resolved")
    reload_until(page, "text=Open again")
    expect(page.locator("main")).to_contain_text("a test file")


def test_a_viewer_cannot_change_anything(page: Page, serve_as: ServeAs) -> None:
    url = serve_as(everyone_is("vera", UserRole.VIEWER))
    page.goto(f"{url}/letters?code=unreadable")
    page.locator("#letters tbody a").first.click()
    expect(page.get_by_role("button", name="Resolve")).to_have_count(0)
    token = page.locator("body").get_attribute("hx-headers")
    status = page.evaluate(
        """async headers => (await fetch('/letters/resolve', {method: 'POST', headers: {...JSON.parse(headers),
           'content-type': 'application/x-www-form-urlencoded'}, body: 'id=x&status=wont-fix&why=x'})).status""",
        token,
    )
    assert status == 403


def test_an_expired_session_says_so(page: Page, serve_as: ServeAs) -> None:
    users = [ConsoleUser("olga", UserRole.OPERATOR)]

    def identify(_: HTTPConnection) -> ConsoleUser | None:
        return users[0] if users else None

    url = serve_as(identify)
    page.goto(f"{url}/assets")
    users.clear()
    response = page.goto(f"{url}/letters")
    assert response is not None
    assert response.status == 403
    expect(page.locator("tbody")).to_have_count(0)


def test_keys(page: Page, console: str) -> None:
    page.goto(f"{console}/assets")
    page.keyboard.press("j")
    expect(page.locator(".result-name").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("3")
    expect(page).to_have_url(f"{console}/letters")
    page.go_back()
    expect(page).to_have_url(f"{console}/assets")


def test_times_are_those_of_the_viewer(page: Page, console: str) -> None:
    page.goto(f"{console}/assets")
    time = page.locator("time").first
    expect(time).to_have_attribute("title", re.compile("UTC"))
    shown = page.evaluate(
        "element => new Date(element.dateTime).getHours() === Number(element.textContent.slice(11, 13))",
        time.element_handle(),
    )
    assert shown


def test_the_theme_is_kept(page: Page, console: str) -> None:
    page.goto(f"{console}/rules")
    page.get_by_role("link", name="Dark").click()
    expect(page).to_have_url(f"{console}/rules")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_hostile_key_is_shown_everywhere(page: Page, console: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((MEDIA / "bottles.jpg").read_bytes()[:2000])
    aws.upload(AwsSession(), broken, MEDIA_BUCKET, HOSTILE)
    page.goto(f"{console}/letters?key=*xxxx*")
    reload_until(page, "#letters tbody a")
    page.set_viewport_size({"width": 375, "height": 800})
    letter = page.locator("#letters tbody a").first.get_attribute("href") or ""
    asset = "/assets/one?" + urlencode({"bucket": MEDIA_BUCKET, "key": HOSTILE})
    for path in (asset, letter, "/assets?prefix=a/", "/letters", f"/replays/redrive?{letter.partition('?')[2]}"):
        response = page.goto(console + path)
        assert response is not None
        assert response.status == 200, path
        assert overflow(page) == 0, path
        assert page.evaluate("typeof hacked") == "undefined", path
        assert page.locator("img[src=x]").count() == 0


def test_pictures_of_the_documentation(page: Page, console: str, tmp_path: Path) -> None:
    folder = IMAGES if os.environ.get(WRITE_IMAGES) else tmp_path
    rates = "[...document.querySelectorAll('.graph [data-node]')].every(each => each.textContent)"
    frame = "(video => video.readyState === 4 && !video.seeking)(document.querySelector('video'))"
    for name, path, width, height, ready in (
        ("console-pipeline", "/", 1680, 1180, rates),
        ("console-asset", f"{VIDEO}&t=2", 1440, 900, frame),
    ):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(console + path)
        until(page, ready)
        page.screenshot(path=folder / f"{name}.png")
        assert (folder / f"{name}.png").stat().st_size > 10_000


def test_a_broker_that_is_down_is_shown(page: Page, console: str, sandbox: DemoSandbox) -> None:
    page.goto(f"{console}/letters")
    letter = page.locator("#letters tbody a").first.get_attribute("href") or ""
    page.goto(f"{console}/")
    stages = page.locator("table.data tbody tr").filter(has_text=re.compile(rf"^\s*{BROKEN}\b"))
    expect(stages).to_be_visible(timeout=60 * SECONDS)
    broker = read(sandbox.folder).parts["kafka"].pid
    os.kill(broker, signal.SIGSTOP)
    try:
        outage = page.locator(".notice--warn").filter(has_text=re.compile("did not answer|does not answer"))
        expect(outage).to_contain_text("Since 20", timeout=60 * SECONDS)
        expect(stages).to_be_visible()
        page.goto(f"{console}/assets")
        expect(page.locator(".result").first).to_be_visible()
        response = page.goto(console + letter)
        assert response is not None
        assert response.status == 503
        expect(page.get_by_role("heading", level=1)).to_have_text("Not available")
        expect(page.locator("main")).to_contain_text("has not answered since")
    finally:
        os.kill(broker, signal.SIGCONT)
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Not available", timeout=120 * SECONDS)
    page.goto(f"{console}/")
    expect(outage).to_have_count(0, timeout=60 * SECONDS)

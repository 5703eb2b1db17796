"""The pages of state machines in a real browser, on an engine in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from headrace.console.web.access.control import everyone_is
from headrace.console.web.access.users import UserRole
from tests.browser.page_checks import page_problems
from tests.browser.serving import served
from tests.browser.test_console import IMAGES, WRITE_IMAGES
from tests.docs.generate import ROOT
from tests.support.machine_engine import MemoryEngine
from tests.unit.console.machines.support import Machines
from tests.unit.console.web.conftest import fake_services

T = TypeVar("T")

BOOM = {"Throw": {"Error": "Rekognition.ThrottlingException", "Cause": "Rate exceeded"}}
LABELS = {"Return": {"labels": [{"name": "Cat"}]}}
FLAGS = {"Return": {"flag_count": 1}}
MOCKS = {
    "Ready": [
        {"Throw": {"Error": "Headrace.InputNotAccepted", "Cause": "no result of scan"}},
        *[{"Return": {"kind": "video"}}] * 3,
    ],
    "Labels": [LABELS, BOOM, LABELS],
    "Moderation": [FLAGS] * 3,
    "Transcript": [
        {"Throw": {"Error": "Headrace.InputNotAccepted", "Cause": "no audio"}},
        *[{"Return": {"excerpt": "Come here."}}] * 2,
    ],
}


@dataclass(frozen=True, slots=True)
class MachineSite:
    """A console on an engine: one execution waits for a person, and one has failed."""

    url: str
    machines: Machines
    asking: str
    failed: str


def apart(work: Callable[[], T]) -> T:
    """Do some work in another thread: Playwright runs an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def prepared() -> tuple[Machines, str, str]:
    """Return an engine with two executions: one waits for a person, and one has failed."""
    engine = MemoryEngine(MOCKS, holds_timers=True)
    machines = Machines(engine)
    definition = json.loads((ROOT / "sandbox" / "demo" / "media.asl.json").read_text("utf-8"))
    machine = machines.create(definition, "media", publish=True)
    value = {"bucket": "media", "allowed": 0, "reviews": "https://sqs/reviews"}
    asking = machines.start(machine, {**value, "key": "holiday/cat.mp4"}, name="cat")
    engine.fire_timers(10)
    failed = machines.start(machine, {**value, "key": "holiday/dog.mp4"}, name="dog")
    return machines, asking, failed


@pytest.fixture
def site() -> Iterator[MachineSite]:
    """Serve the console in a thread."""
    machines, asking, failed = apart(prepared)
    engine = machines.engine
    services = engine.services()
    console = replace(fake_services(), machines=lambda: services, now=lambda: engine.now.timestamp() + 40)
    with served(console, everyone_is("ann", UserRole.OPERATOR)) as url:
        yield MachineSite(url, machines, asking, failed)


def paths(site: MachineSite) -> list[str]:
    """Return the address of each page."""
    failed = quote(site.failed)
    return [
        "/machines",
        "/machines?status=RUNNING",
        "/machines/one?name=media",
        f"/machines/execution?arn={quote(site.asking)}",
        f"/machines/execution?arn={failed}&visit=2",
        f"/machines/events?arn={failed}",
        f"/machines/redrive?execution={failed}",
        "/machines/redrive?machine=media",
        f"/machines/stop?arn={quote(site.asking)}",
    ]


def test_every_page_is_accessible_and_fits(page: Page, site: MachineSite) -> None:
    found: dict[str, list[str]] = {}
    for path in paths(site):
        problems = page_problems(page, site.url + path)
        found |= {path: problems} if problems else {}
    assert found == {}


def test_graph_follows_the_execution(page: Page, site: MachineSite) -> None:
    page.goto(f"{site.url}/machines/execution?arn={quote(site.asking)}")
    graph = page.locator(".machine-picture")
    expect(graph.locator(".box.running")).to_have_count(1)
    expect(graph.locator(".box.caught")).to_have_count(1)
    answer = {"taskToken": site.machines.engine.tokens["Ask a person"], "output": '{"approved": true}'}
    apart(lambda: site.machines.client.send_task_success(**answer))
    expect(page.locator("#execution")).to_contain_text("SUCCEEDED")
    expect(graph.locator(".box.running")).to_have_count(0)
    expect(page.locator("#execution")).not_to_have_attribute("hx-trigger", "every 2s")


def test_state_is_opened_from_the_graph_and_redriven_with_another_input(page: Page, site: MachineSite) -> None:
    page.goto(f"{site.url}/machines")
    page.get_by_role("link", name="dog").click()
    page.locator(".machine-picture a", has_text="Labels").click()
    state = page.locator("#state")
    expect(state.get_by_role("heading", level=2)).to_contain_text("Labels")
    expect(state).to_contain_text("Rate exceeded")
    expect(state.get_by_label("Input of Labels")).to_contain_text('"kind": "video"')
    page.get_by_role("link", name="Plan a redrive").click()
    page.locator("summary", has_text="Labels").click()
    page.get_by_label("Another input of Labels").fill("{")
    page.get_by_role("button", name="Check the input").click()
    expect(page.locator("main")).to_contain_text("the input of Labels is not JSON")
    page.go_back()
    page.locator("summary", has_text="Labels").click()
    page.get_by_label("Another input of Labels").fill('{"kind": "picture"}')
    page.get_by_role("button", name="Redrive 1").click()
    expect(page.get_by_role("status").first).to_contain_text("dog runs again")
    expect(page.locator(".machine-picture .box.failed")).to_have_count(0)


def test_pages_work_without_scripts(browser: Browser, site: MachineSite) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/machines")
    page.get_by_label("Status").select_option("FAILED")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#executions tbody tr")).to_have_count(1)
    page.get_by_role("link", name="dog").click()
    page.locator(".states a", has_text="Moderation").click()
    expect(page.locator("#state")).to_contain_text("Moderation")
    page.goto(f"{site.url}/machines/stop?arn={quote(site.asking)}")
    page.get_by_label("Error").fill("Withdrawn")
    page.get_by_role("button", name="Stop the execution").click()
    expect(page.locator("main")).to_contain_text("Withdrawn")
    context.close()


def test_picture_of_the_documentation(page: Page, site: MachineSite, tmp_path: Path) -> None:
    folder = IMAGES if os.environ.get(WRITE_IMAGES) else tmp_path
    page.set_viewport_size({"width": 1280, "height": 1180})
    page.goto(f"{site.url}/machines/execution?arn={quote(site.failed)}")
    page.screenshot(path=folder / "console-machine.png")
    assert (folder / "console-machine.png").stat().st_size > 10_000

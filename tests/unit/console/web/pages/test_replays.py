"""The pages of replays: plans change nothing, and only a reviewed plan is executed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from starlette.testclient import TestClient

from headrace.console.replay.redrive import plan as plan_module
from headrace.console.replay.redrive import send as send_module
from headrace.console.replay.redrive.plan import RedrivePlan
from headrace.console.replay.redrive.position import LetterOffset
from headrace.console.replay.redrive.selection import CandidateLetter
from headrace.console.web.access.csrf import FIELD
from headrace.console.web.background import BackgroundRuns
from headrace.console.web.services import ConsoleServices
from headrace.streams import pipeline
from tests.support.process import wait_for
from tests.unit.console.web.conftest import ORIGIN, fake_services

STAGE = next(stage for stage in pipeline.stages() if stage.name == "scan")


def plan(*offsets: int, workers: tuple[str, ...] = ("worker",)) -> RedrivePlan:
    letters = tuple(
        CandidateLetter(0, offset, f"scan-{offset:032}", "media/a", "timeout", 0, (offset, offset), "redrive")
        for offset in offsets
    )
    positions: dict[int, Any] = {}
    return RedrivePlan(STAGE, positions, letters, {}, workers=workers)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[RedrivePlan]:
    """Plans that the service returns, one after the other."""
    given: list[RedrivePlan] = []
    monkeypatch.setattr(plan_module, "plan_redrive", lambda *_: given.pop(0))
    return given


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[LetterOffset]]:
    """What was sent."""
    found: list[list[LetterOffset]] = []

    def execute(_cluster: object, what: RedrivePlan, *_: object) -> None:
        found.append([letter.spot for letter in what.selected()])

    monkeypatch.setattr(send_module, "execute", execute)
    return found


@pytest.fixture
def services() -> ConsoleServices:
    return dataclasses.replace(fake_services(), cluster=lambda: None)  # type: ignore[arg-type,return-value]


def post(client: TestClient, path: str, **form: str) -> int:
    page = client.get("/replays/rewind").text
    token = page.partition('"x-csrf-token": "')[2].partition('"')[0]
    status: int = client.post(path, data={FIELD: token, **form}, headers={"origin": ORIGIN}).status_code
    return status


def digest(client: TestClient) -> str:
    page = client.get("/replays/redrive", params={"stage": "scan"}).text
    return str(page.partition('name="digest" value="')[2].partition('"')[0])


def test_a_reviewed_plan_is_sent(client: TestClient, plans: list[RedrivePlan], sent: list[list[LetterOffset]]) -> None:
    plans += [plan(1, 2), plan(1, 2)]
    assert post(client, "/replays/redrive", stage="scan", digest=digest(client)) == 303
    wait_for(lambda: sent, "the redrive")
    assert sent == [[(0, 1), (0, 2)]]


def test_another_plan_is_not_sent(client: TestClient, plans: list[RedrivePlan], sent: list[list[LetterOffset]]) -> None:
    plans += [plan(1, 2), plan(1, 2, 3), plan()]
    reviewed = digest(client)
    assert post(client, "/replays/redrive", stage="scan", digest=reviewed) == 400
    assert post(client, "/replays/redrive", stage="scan", digest=reviewed) == 400
    assert sent == []


def test_nothing_is_sent_without_a_worker(
    client: TestClient, plans: list[RedrivePlan], sent: list[list[LetterOffset]]
) -> None:
    plans += [plan(1, workers=()), plan(1, workers=())]
    assert post(client, "/replays/redrive", stage="scan", digest=digest(client)) == 400
    assert sent == []


@pytest.mark.parametrize(("wait", "disabled"), [("0", False), ("60", True)])
def test_button_is_disabled_where_a_redrive_would_be_rejected(
    client: TestClient, plans: list[RedrivePlan], sent: list[list[LetterOffset]], wait: str, disabled: bool
) -> None:
    plans += [plan(1, workers=()), plan(1, workers=())]
    query = {"stage": "scan", "wait": wait, "canary": "0"}
    page = client.get("/replays/redrive", params=query).text
    assert ('<button class="btn--primary" disabled>' in page) == disabled
    shown = str(page.partition('name="digest" value="')[2].partition('"')[0])
    assert post(client, "/replays/redrive", **query, digest=shown) == (400 if disabled else 303)


@pytest.mark.parametrize(
    "query", [{"stage": "none"}, {"stage": "scan", "rate": "fast"}, {"stage": "scan", "limit": "0"}]
)
def test_explains_invalid_options(client: TestClient, query: dict[str, str]) -> None:
    assert client.get("/replays/redrive", params=query).status_code == 400


def test_a_failure_of_a_run_is_kept() -> None:
    runs = BackgroundRuns()

    def fail() -> None:
        raise RuntimeError("boom")

    runs.start("a", fail)
    wait_for(lambda: not runs.is_running("a"), "the run")
    assert "internal error" in runs.failure("a")
    assert runs.failure("b") == ""


def test_the_theme_returns_to_pages_of_the_console_only(client: TestClient) -> None:
    for referer, expected in (
        (f"{ORIGIN}/assets?q=a", "/assets?q=a"),
        ("https://evil.example/x", "/"),
        (f"{ORIGIN}//evil.example", "/"),
        ("", "/"),
    ):
        answer = client.get("/theme", params={"to": "dark"}, headers={"referer": referer})
        assert (answer.status_code, answer.headers["location"]) == (303, expected)
        assert "theme=dark" in answer.headers["set-cookie"]

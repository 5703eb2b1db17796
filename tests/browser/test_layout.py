"""The layout of every page with texts that are hard to place: long, without spaces, right to left, emoji, markup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest
from playwright.sync_api import Page

from headrace.console.assets.stage_status import PipelineStatus
from headrace.console.check_runner import CheckResult
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.letter_id import letter_id
from headrace.console.views.person_facts import PersonFact, message
from headrace.console.web.access.control import everyone_is
from headrace.console.web.access.users import UserRole
from headrace.console.web.background_value import Latest
from headrace.console.web.services import ConsoleServices
from headrace.console.web.slot_monitor import SlotUse
from headrace.sandbox.demo.run import ALL_STAGES
from headrace.schemas.records import Asset, Label, PeopleRecognised, SeenFace
from headrace.streams import pipeline
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead
from headrace.streams.routing.rule import read_text
from headrace.streams.routing.rule_stage import rule_stage
from tests.browser.page_checks import page_problems
from tests.browser.serving import served
from tests.support import records
from tests.support.records import CODEC, NOW, arrived
from tests.unit.console.asset_history import POINTER, a_stage, completed, entry, labelled
from tests.unit.console.views.queries.test_history import at_offsets
from tests.unit.console.web.conftest import CHECKS, LABELS, READING, fake_services
from tests.unit.console.web.pages.fake_cluster import FakeCluster

LONG = "a/<b>\x1b[31m" + "x" * 1013
KEYS = (
    LONG,
    "\u05ea\u05de\u05d5\u05e0\u05d5\u05ea/\u05d7\u05d5\u05e4\u05e9\u05d4 \u05e9\u05dc \u05e1\u05d1\u05ea\u05d0.mp4",
    "\u0635\u0648\u0631/\u0627\u0644\u0635\u064a\u0641.jpg",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\U0001f3d6\ufe0f/\u590f\u4f11\u307f \U0001f308.mov",
    "2026/03/14/customer-4711/Final cut, second version (approved by legal) of the summer holiday.mp4",
    "cat.jpg",
)
REASON = "Rekognition answered InvalidImageFormatException: " + "0123456789abcdef" * 12
FACES = tuple(f"5a6e1c1a-6e2f-4b61-9d5c-0d1c3f0c9a{number:02}" for number in range(len(KEYS)))
RULE = """description = "{0}"
reads = ["media.completed"]
enabled = {1}
[target]
sqs = "arn:aws:sqs:eu-central-1:111122223333:{2}"
"""
PEOPLE = "face-search"


@dataclass(frozen=True, slots=True)
class LayoutSite:
    """A console on events with such texts, and the addresses of its pages."""

    url: str
    paths: tuple[str, ...]


def history() -> list[LogEntry]:
    """Return the events of an asset for each key: labels, a face, a dead letter; and a name for each face."""
    found = []
    for number, key in enumerate(KEYS):
        of = records.asset(key, sequencer=f"{number:04X}")
        upload = entry(records.uploaded(of), number)
        labels = tuple(Label(name=each, confidence=99.0) for each in ("Cat", key[:80] or "x"))
        put = dead_letter(a_stage("text-in-video"), upload.record, Dead("invalid_image_format", REASON, REASON), 3, NOW)
        fact = PersonFact("name", FACES[number], "", key[:200].replace("\x1b", ""), "ann", "2026-03-14T15:09:26Z")
        found += [
            upload,
            entry(msgspec.structs.replace(labelled(of), labels=labels), number + 30, cause=upload, stage="labels"),
            entry(seen(of, FACES[number]), number + 40, cause=upload, stage=PEOPLE),
            open_record(arrived(put), CODEC),
            entry(completed(of), number + 50, stage="completed"),
            open_record(arrived(message(fact)), CODEC),
        ]
    return at_offsets(found)


def seen(of: Asset, face: str) -> PeopleRecognised:
    """Return a result with a face."""
    box = SeenFace(face_id=face, matches=(), confidence=99.0, left=0.1, top=0.1, width=0.2, height=0.2)
    return PeopleRecognised(asset=of, collection="headrace", faces=(box,), count=1, known=0, result=POINTER, charges=())


def services_of(events: list[LogEntry]) -> ConsoleServices:
    """Return services on these events, with every stage and three rules, while everything is busy."""
    named = (("alert", "true"), ("a-long-rule-name-x", '"shadow"'))
    rules = [rule_stage(read_text(name, RULE.format(LONG[9:90], on, "q" * 80), ["sqs"]), None) for name, on in named]
    stages = (*pipeline.stages(pipeline.load_config(str(ALL_STAGES))), *rules)
    busy = [replace(LABELS, stage=each.name, paused=(), lag=123_456, lost=0) for each in stages]
    status = PipelineStatus(("kafka:9092",), (replace(busy[0], paused=(REASON,)), *busy[1:]), ())
    reading = replace(READING, status=status, rates={each.name: 12_345.6 for each in stages})
    slots = {each.name: SlotUse(250, 250, 12_345, ("labels",)) for each in stages if each.job}
    checks = (*CHECKS, CheckResult("a check", False, REASON, "headrace " + "x" * 90))
    cluster = FakeCluster([each.record for each in events])
    return replace(
        fake_services(events),
        stages=lambda: stages,
        cluster=lambda: cluster,  # type: ignore[arg-type,return-value]
        pipeline=lambda: Latest(reading, READING.at, REASON, READING.at),
        slots=lambda: slots,
        checks=lambda: Latest(checks, READING.at),
    )


@contextmanager
def rules_in(folder: Path) -> Iterator[None]:
    """Write two rules into the folder of the environment."""
    for name, on in (("alert", "true"), ("hook", '"shadow"')):
        (folder / f"{name}.toml").write_text(RULE.format(LONG[9:90], on, "q" * 80), "utf-8")
    before = os.environ.get("HEADRACE_RULES")
    os.environ["HEADRACE_RULES"] = str(folder)
    yield
    os.environ.pop("HEADRACE_RULES")
    os.environ |= {"HEADRACE_RULES": before} if before is not None else {}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LayoutSite]:
    """Serve the console."""
    events = history()
    letter = letter_id(next(each.record for each in events if each.record.topic.endswith(".dlq")))
    assets = ["/assets/one?" + urlencode({"bucket": "media", "key": key}) for key in KEYS]
    paths = (
        "/",
        "/stages/text-in-video",
        "/assets",
        "/assets?state=none&label=x",
        *assets,
        "/letters",
        "/letters?" + urlencode({"key": LONG}),
        f"/letters/one?id={letter}",
        "/replays",
        "/rules",
        "/rules/one?name=alert",
        "/rules/test",
        "/cost",
        "/people",
        "/health",
        "/none",
    )
    with (
        rules_in(tmp_path_factory.mktemp("rules")),
        served(services_of(events), everyone_is(LONG[9:60], UserRole.ADMIN)) as url,
    ):
        yield LayoutSite(url, paths)


def test_every_page_fits_at_every_width(page: Page, site: LayoutSite) -> None:
    found = [f"{path[:60]} {each}" for path in site.paths for each in page_problems(page, site.url + path)]
    assert not found, "\n".join(found)

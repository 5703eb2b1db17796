"""Every change that an operator makes in the browser, on a real broker: what it does, and the name on the log."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.views.locations import location
from headrace.console.views.service import ViewsService
from headrace.console.views.settings import ViewsSettings
from headrace.console.web.access.control import everyone_is
from headrace.console.web.access.users import UserRole
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.contract import apply_contract
from headrace.sandbox.cluster.environment import variables
from headrace.schemas import topics
from headrace.schemas.ids import named_id
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.serde.codec import to_producer_record
from headrace.schemas.settings import load
from headrace.streams import pipeline
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead
from tests.browser.serving import ServeAs, serving
from tests.support.isolation import own_folder
from tests.support.records import CODEC, arrived, asset, envelope, uploaded
from tests.unit.console.asset_history import completed

LETTERS = 40
FAILED_STAGE = "scan"
ADA, BOB = "ada@example.com", "bob@example.com"
RULE = """description = "Videos that are done"
reads = ["media.completed"]

[pattern.detail]
status = ["done"]

[target]
topic = "aws.events"
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """A console for two operators on a broker with 40 dead letters, and its views."""

    ada: str
    bob: str

    def written(self, topic: topics.Topic) -> list[dict[str, Any]]:
        """Return the JSON of each record of a topic."""
        return [json.loads(each.value) for each in self.records(topic) if each.value]

    def records(self, topic: topics.Topic) -> list[ConsumerRecord]:
        """Return each record of a topic."""
        log = KafkaAdmin(load(KafkaSettings))
        return [*chain.from_iterable(log.read(log.spans([topic.name]), values=True))]

    def project(self) -> None:
        """Bring the views up to date."""
        views = ViewsService(location(load(ViewsSettings)), load(KafkaSettings), pipeline.stages())
        views.run(lambda _: None, until_caught_up=True)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """Start a broker, fill a dead-letter topic, and serve the console. No worker runs."""
    folder, before = Path(tempfile.mkdtemp(prefix="", dir=own_folder())), dict(os.environ)
    try:
        os.environ.update(variables(cluster.up(folder, ("kafka", "aws"))))
        os.environ |= {"HEADRACE_RULES": topics.RULES.name, "HEADRACE_VIEWS": str(folder / "views")}
        apply_contract()
        send([letter(number) for number in range(LETTERS)])
        send([done(f"{number}.mp4") for number in range(3)])
        send([to_producer_record(event, envelope(event), CODEC) for event in [uploaded()]])
        at_the_end(FAILED_STAGE)
        with serving() as serve:
            found = serve_both(serve)
            found.project()
            yield found
    finally:
        os.environ.clear()
        os.environ.update(before)
        cluster.down(folder)
        shutil.rmtree(folder)


def serve_both(serve: ServeAs) -> Desk:
    """Serve a console for each operator."""
    return Desk(*(serve(everyone_is(name, UserRole.ADMIN)) for name in (ADA, BOB)))


def letter(number: int) -> ProducerRecord:
    """Return a dead letter of a bug of a stage."""
    event = uploaded(asset(f"slow/{number}.mp4", version=f"v{number}"))
    record = arrived(to_producer_record(event, envelope(event, id=named_id(str(number))), CODEC), number)
    stage = next(each for each in pipeline.stages() if each.name == FAILED_STAGE)
    return dead_letter(stage, record, Dead("internal", "a bug", "RuntimeError"), 1, datetime.now(UTC))


def done(key: str) -> ProducerRecord:
    """Return the event of an asset that is done."""
    event = completed(asset(key))
    return to_producer_record(event, envelope(event, id=named_id(key)), CODEC)


def at_the_end(stage: str) -> None:
    """Commit the end of the input of a stage, as its worker would."""
    settings = load(KafkaSettings)
    spans = KafkaAdmin(settings).spans([topics.UPLOADED.name])
    ConsumerGroups(settings).move(f"headrace.{stage}", {place: span.high for place, span in spans.items()})


def send(records: list[ProducerRecord]) -> None:
    """Send records."""
    producer = clients.producer(load(KafkaSettings))
    for each in records:
        producer.produce(each.topic, each.value, each.key, headers=list(each.headers))
        producer.poll(0)
    assert producer.flush(60) == 0


def test_a_redrive_is_paused_resumed_and_stopped(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.ada}/replays/redrive?stage={FAILED_STAGE}&rate=1&canary=0&wait=0")
    page.get_by_label("Reason", exact=True).fill("clamd is back")
    page.get_by_role("button", name="Send 40").click()
    page.get_by_role("button", name="Pause").click(timeout=60_000)
    expect(page.locator("#replay h2").first).to_contain_text(f"paused by {ADA}")
    sent = page.locator(".stats dd").first.inner_text()
    assert re.fullmatch(r"\d+ of 40", sent), sent
    page.goto(page.url.replace(desk.ada, desk.bob))
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".stats dd").first).not_to_have_text(sent)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#replay h2").first).to_contain_text(f"stopped by {BOB}")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)

    id_ = page.url.rpartition("=")[2]
    audit = [each for each in desk.written(topics.AUDIT) if id_ in (each.get("id"), each.get("replay"))]
    orders = [(each["order"], each["by"]) for each in audit if "order" in each]
    entries = [each for each in audit if "state" in each]
    assert orders == [("pause", ADA), ("resume", BOB), ("stop", BOB)]
    assert [each["state"] for each in entries] == ["begun", "paused", "begun", "stopped"]
    assert {(each["by"], each["reason"]) for each in entries} == {(ADA, "clamd is back")}
    retried = len(desk.records(topics.retry(FAILED_STAGE)))
    redriven = [each for each in desk.written(topics.DISPOSITIONS) if each["kind"] == "redriven"]
    assert 0 < entries[-1]["sent"] == retried == len(redriven) < LETTERS
    assert {each["by"] for each in redriven} == {ADA}


def test_a_letter_is_resolved_and_opened_by_name(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.bob}/letters?key=media/slow/1.mp4")
    page.locator("#letters tbody a").first.click()
    page.get_by_label("Reason", exact=True).fill("it is not needed")
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("status")).to_contain_text("resolved")
    [found] = [each for each in desk.written(topics.DISPOSITIONS) if each["why"] == "it is not needed"]
    assert found["by"] == BOB
    desk.project()
    page.goto(f"{desk.bob}/letters?key=media/slow/1.mp4")
    expect(page.locator("#letters tbody tr")).to_have_count(0)


def test_a_rewind_is_planned_executed_and_undone_by_name(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.ada}/replays/rewind?stage={FAILED_STAGE}&to=earliest")
    page.get_by_label("Reason", exact=True).fill("scan all again")
    page.get_by_role("button", name="Move the offsets").click()
    expect(page.get_by_role("status").first).to_contain_text("done, and verified")
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Restore the offsets").click()
    expect(page.get_by_role("status").first).to_contain_text("done, and verified")
    moves = [each for each in desk.written(topics.AUDIT) if each.get("what") in ("rewind", "undo")]
    assert {each["what"]: each["by"] for each in moves} == {"rewind": ADA, "undo": ADA}


def test_a_rule_is_tested_published_and_not_overwritten_by_another_tab(
    page: Page, browser: Browser, desk: Desk
) -> None:
    page.goto(f"{desk.ada}/rules")
    page.get_by_role("link", name="New rule").first.click()
    page.get_by_label("Name").fill("finished")
    page.get_by_label("Rule in TOML").fill("reads = [")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Publish")).to_have_count(0)
    page.get_by_label("Rule in TOML").fill(RULE)
    page.get_by_role("button", name="Review").click()
    expect(page.locator("main")).to_contain_text("of the newest 3 events of the last hour match")
    expect(page.locator(".diff ins").first).to_contain_text("Videos that are done")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").first).to_contain_text("finished published")
    expect(page.locator("main")).to_contain_text(ADA)

    context = browser.new_context()
    other = context.new_page()
    tabs = ((page, desk.ada, "# by Ada\n"), (other, desk.bob, "# by Bob\n"))
    for tab, url, line in tabs:
        tab.goto(f"{url}/rules/edit?name=finished")
        tab.get_by_label("Rule in TOML").fill(RULE + line)
        tab.get_by_role("button", name="Review").click()
        expect(tab.locator(".diff ins")).to_contain_text(line.strip())
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").first).to_contain_text("finished published")
    other.get_by_role("button", name="Publish").click()
    expect(other.locator("main")).to_contain_text("finished was changed after the review: nothing was published")
    context.close()
    changes = [(each["name"], each["text"], each["by"]) for each in desk.written(topics.RULES)]
    assert changes == [("finished", RULE, ADA), ("finished", RULE + "# by Ada\n", ADA)]

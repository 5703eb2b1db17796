"""The page of dead letters with 10,000 of them: its server time and its size do not grow with their number."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from headrace.console.kafka.entry import open_record
from headrace.console.web.app import create_app
from headrace.console.web.page_table import PAGES
from headrace.console.web.pages.letters.listing import GROUPS
from headrace.schemas.ids import named_id
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead
from tests.support import records
from tests.support.records import CODEC, NOW, arrived
from tests.unit.console.asset_history import a_stage
from tests.unit.console.views.queries.test_history import at_offsets
from tests.unit.console.web.conftest import ORIGIN, control, fake_services

LETTERS, REASONS = 10_000, 100
CPU_SECONDS = 1.5
"""CPU time of a page, so that the limit does not depend on what else the machine does."""
BYTES = 150_000


def letters() -> Iterator[object]:
    """Yield dead letters: one of 100 has a reason of its own."""
    stage = a_stage("scan")
    for number in range(LETTERS):
        name = "rare" if number % 100 == 0 else "slow"
        event = records.uploaded(records.asset(f"{name}/{number}.mp4", version=f"v{number}"))
        put = to_producer_record(event, records.envelope(event, id=named_id(str(number))), CODEC)
        words = chr(97 + number // 100 % 26) + chr(97 + number // 2600)
        why = "clamd did not answer" if name == "slow" else f"a bug in part {words}"
        letter = dead_letter(stage, arrived(put, number), Dead("internal", why, "RuntimeError"), 1, NOW)
        yield open_record(arrived(letter, 0, NOW.timestamp()), CODEC)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """A client of a console with 10,000 dead letters."""
    services = fake_services(at_offsets([*letters()]))  # type: ignore[list-item]
    with TestClient(create_app(dataclasses.replace(services), control(), PAGES), ORIGIN) as opened:
        yield opened


def answer(client: TestClient, **query: str) -> str:
    """Return a page, and check its CPU time and size."""
    began = time.process_time()
    response = client.get("/letters", params=query)
    assert time.process_time() - began < CPU_SECONDS
    assert response.status_code == 200
    assert len(response.content) < BYTES
    return str(response.text)


def rows(page: str) -> int:
    """Count the letters that are listed."""
    return len(re.findall(r'href="/letters/one\?id=[^"]*">[0-9a-f]{12}<', page))


def test_page_counts_all_and_lists_the_newest(client: TestClient) -> None:
    page = answer(client)
    assert f"{LETTERS:,}" in page
    assert "9,900" in page
    assert rows(page) == 50
    assert "9,950 more" in page


def test_page_lists_the_largest_groups(client: TestClient) -> None:
    page = answer(client)
    assert page.count("One of these letters") == GROUPS
    assert f"{REASONS + 1 - GROUPS} smaller groups" in page


def test_filter_selects_and_is_passed_to_the_plan(client: TestClient) -> None:
    page = answer(client, key="media/rare/*", limit="200")
    assert rows(page) == 100
    assert "/replays/redrive?key=media%2Frare%2F%2A" in page

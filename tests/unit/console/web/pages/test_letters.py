"""The pages of dead letters, on the views of a few."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from starlette.testclient import TestClient

from headrace.console.kafka.entry import open_record
from headrace.console.kafka.letter_id import letter_id
from headrace.console.web.access.users import UserRole
from headrace.console.web.record_view import record_view
from headrace.console.web.services import ConsoleServices
from tests.support import records
from tests.support.hostile import SECRETS
from tests.unit.console.asset_history import entry, letter
from tests.unit.console.views.queries.test_history import at_offsets
from tests.unit.console.web.conftest import ClientAs, fake_services
from tests.unit.console.web.pages.fake_cluster import FakeCluster

CAT = records.asset()
EVENTS = at_offsets([entry(records.uploaded(CAT)), letter(entry(records.uploaded(CAT)), "scan", code="infected")])
LETTER = EVENTS[-1].record
ID = letter_id(LETTER)


@pytest.fixture
def services() -> ConsoleServices:
    cluster = FakeCluster([each.record for each in EVENTS])
    return dataclasses.replace(fake_services(EVENTS), cluster=lambda: cluster)  # type: ignore[arg-type,return-value]


def test_groups_and_lists_letters(client: TestClient) -> None:
    page = client.get("/letters").text
    assert "infected" in page
    assert "no moov atom" in page
    assert f"/letters/one?id={ID}" in page


@pytest.mark.parametrize(("query", "shown"), [({"code": "infected"}, True), ({"code": "other"}, False)])
def test_filters_letters(client: TestClient, query: dict[str, str], shown: bool) -> None:
    part = client.get("/letters", params=query, headers={"hx-request": "true"}).text
    assert "<html" not in part
    assert (ID.rpartition("-")[2][:12] in part) == shown


@pytest.mark.parametrize("query", [{"stage": "none"}, {"since": "soon"}, {"limit": "9999999"}])
def test_explains_an_invalid_filter(client: TestClient, query: dict[str, str]) -> None:
    assert client.get("/letters", params=query).status_code == 400


def test_shows_a_letter_in_full(client: TestClient) -> None:
    page = client.get("/letters/one", params={"id": ID})
    assert page.status_code == 200
    for text in ("no moov atom", "Delete the object", "dlq-code", "MediaUploaded", "photos/cat.jpg", "00000000"):
        assert text in page.text


def test_an_unknown_letter_is_an_error(client: TestClient) -> None:
    assert client.get("/letters/one", params={"id": "scan-0000"}).status_code == 400
    assert client.get("/letters/one").status_code == 404


def test_a_viewer_sees_no_form(client_as: ClientAs) -> None:
    assert "/letters/resolve" not in client_as(UserRole.VIEWER).get("/letters/one", params={"id": ID}).text
    assert "/letters/resolve" in client_as(UserRole.OPERATOR).get("/letters/one", params={"id": ID}).text


def test_a_record_has_its_headers_value_and_bytes(client: TestClient) -> None:
    place = f"{LETTER.topic}/{LETTER.partition}/{LETTER.offset}"
    page = client.get("/records", params={"at": place}).text
    assert "dlq-message" in page
    assert "sequencer" in page
    assert "00000010" in page


@pytest.mark.parametrize("place", ["", "scan.dlq", "scan.dlq/0/99", "__consumer_offsets/0/0", "scan.dlq/x/y"])
def test_other_topics_and_offsets_are_not_found(client: TestClient, place: str) -> None:
    assert client.get("/records", params={"at": place}).status_code == 404


def test_headers_with_secrets_are_hidden() -> None:
    headers = (*LETTER.headers, *((f"x-{number}", text.encode()) for number, text in enumerate(SECRETS)))
    cluster = FakeCluster([msgspec.structs.replace(LETTER, headers=headers)])
    shown = record_view(open_record(cluster.records[0], cluster.codec()))
    assert "CANARY" not in str(shown.headers)

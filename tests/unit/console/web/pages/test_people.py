"""The page of people, their pictures and their names."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.media.objects import MediaObjects, ObjectGoneError, ObjectName, ObjectPart
from headrace.console.views.person_facts import PersonFact, message
from headrace.console.web.access.users import UserRole
from headrace.console.web.services import ConsoleServices
from headrace.schemas.records import Asset, PeopleRecognised, Pointer, SeenFace
from headrace.streams import pipeline
from headrace.streams.stages.face_search import THUMBNAILS, face_search_stage
from tests.support import records
from tests.unit.console.asset_history import entry
from tests.unit.console.views.queries.folded import FoldedViews
from tests.unit.console.views.queries.test_history import at_offsets
from tests.unit.console.web.conftest import ClientAs, fake_services
from tests.unit.console.web.pages.fake_cluster import FakeCluster

ADA, BOB = "5a6e1c1a-6e2f-4b61-9d5c-0d1c3f0c9a01", "7b9d2f4e-1a3c-4d5e-8f60-718293a4b5c6"
CAT = records.asset()
FOLDER = "media/cat/1-e1/"
BOX = {"left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2}


def found_in(asset: Asset, *faces: str) -> LogEntry:
    """Return the entry of the result of face-search."""
    seen = tuple(SeenFace(face_id=face, matches=(), confidence=99.0, **BOX) for face in faces or (ADA,))
    result = Pointer(
        bucket="results", key=f"{FOLDER}face-search@1.answer.json", size=2, sha256="0" * 64, content_type="x"
    )
    event = PeopleRecognised(
        asset=asset, collection="headrace", faces=seen, count=len(seen), known=0, result=result, charges=()
    )
    return entry(event, 1, stage="face-search")


class FakeObjects(MediaObjects):
    """S3 with one picture."""

    def __init__(self, key: str) -> None:
        self.key = key

    def open(self, name: ObjectName, byte_range: str = "") -> ObjectPart:
        if name != ObjectName("results", self.key):
            raise ObjectGoneError("it does not exist")
        return ObjectPart("image/jpeg", 3, "", Body(b"jpg"))


class Body(io.BytesIO):
    """The body of an answer of S3."""

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield self.read(size)


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def services(cluster: FakeCluster) -> ConsoleServices:
    stages = (*pipeline.stages(), face_search_stage(thumbnails=True, options=(THUMBNAILS,)))
    events = at_offsets([entry(records.uploaded(CAT)), found_in(CAT, ADA, BOB)])
    known: dict[str, Any] = {"cluster": lambda: cluster, "stages": lambda: stages}
    pictures = FakeObjects(f"{FOLDER}face-search@1.{ADA}.jpg")
    return dataclasses.replace(
        fake_services(), connect=FoldedViews(events).indexed().connect, objects=pictures, **known
    )


def test_lists_people_with_pictures(client: TestClient) -> None:
    page = client.get("/people").text
    assert ADA[:8] in page
    assert f"/people/picture?face={ADA}" in page
    assert "media/photos/cat.jpg" in page


def test_without_the_setting_no_picture_is_asked_for(services: ConsoleServices, client_as: ClientAs) -> None:
    stages = (*pipeline.stages(), face_search_stage())
    object.__setattr__(services, "stages", lambda: stages)
    page = client_as(UserRole.VIEWER).get("/people").text
    assert ADA[:8] in page
    assert "<img" not in page


def test_stage_that_is_off_is_explained(services: ConsoleServices, client_as: ClientAs) -> None:
    object.__setattr__(services, "stages", pipeline.stages)
    object.__setattr__(services, "connect", fake_services().connect)
    assert "The stage face-search is off" in client_as(UserRole.VIEWER).get("/people").text


def test_picture_is_sent_and_not_cached(client: TestClient) -> None:
    picture = client.get("/people/picture", params={"face": ADA})
    assert (picture.status_code, picture.content) == (200, b"jpg")
    assert picture.headers["cache-control"] == "no-store"
    assert client.get("/people/picture", params={"face": BOB}).status_code == 404
    assert client.get("/people/picture", params={"face": "../x"}).status_code == 404


def test_picture_of_a_forgotten_person_is_not_sent(services: ConsoleServices, client_as: ClientAs) -> None:
    fact = message(PersonFact(kind="forgotten", face=ADA, other="", name="", by="bob", at="2026-03-14T15:09:26Z"))
    events = at_offsets([entry(records.uploaded(CAT)), found_in(CAT, ADA), of(fact)])
    object.__setattr__(services, "connect", FoldedViews(events).indexed().connect)
    client = client_as(UserRole.ADMIN)
    assert client.get("/people/picture", params={"face": ADA}).status_code == 404
    assert ADA[:8] not in client.get("/people").text


def of(fact: Any) -> LogEntry:
    """Return the entry of a record."""
    return open_record(records.arrived(fact), records.CODEC)


def test_viewer_sees_names_without_a_form(client_as: ClientAs) -> None:
    assert "/people/name" not in client_as(UserRole.VIEWER).get("/people").text


@pytest.mark.parametrize("name", ["", "   ", "\u202e", ADA, "x" * 201])
def test_invalid_name_is_rejected(client: TestClient, cluster: FakeCluster, name: str) -> None:
    token = client.get("/people").text.partition('"x-csrf-token": "')[2].partition('"')[0]
    form = {"csrf_token": token, "face": ADA, "name": name}
    answer = client.post("/people/name", data=form, headers={"origin": "http://127.0.0.1:8088"})
    assert answer.status_code == 400
    assert cluster.written == []

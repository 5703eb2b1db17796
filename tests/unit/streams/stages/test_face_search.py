"""Tests of the stage that searches faces in a collection."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from headrace.schemas.records import MatchedFace, MediaReady, PeopleRecognised, SeenFace
from headrace.streams.costs.estimates import estimate
from headrace.streams.handlers import AsyncJob
from headrace.streams.media.media_input import MediaInput
from headrace.streams.people import FaceSearch, PeopleResult
from headrace.streams.pipeline_config import PipelineConfig, PipelineConfigError, select_stages
from headrace.streams.results import ResultsStore
from headrace.streams.rules.pattern import Pattern
from headrace.streams.search_text import SearchText
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages.face_search import STAGE, THUMBNAILS, face_search_stage, image_id, search_texts, summary
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import asset, ready

ADA, BOB = "5a6e1c1a-6e2f-4b61-9d5c-0d1c3f0c9a01", "7b9d2f4e-1a3c-4d5e-8f60-718293a4b5c6"
BOX = {"left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2}
PHOTO = ready(asset("a.jpg"), width=640, height=480)


def seen(face_id: str | None, *matches: str, **times: float) -> SeenFace:
    found = tuple(MatchedFace(face_id=match, similarity=97.0) for match in matches)
    return SeenFace(face_id=face_id, matches=found, confidence=99.0, **BOX, **times)


@dataclass
class FakePeople:
    """A collection that returns the same faces for each image."""

    faces: tuple[SeenFace, ...]
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    async def index(self, search: FaceSearch, picture: MediaInput, external_id: str) -> PeopleResult:
        self.calls.append(("index", search, external_id))
        return PeopleResult(self.faces, b"{}", ())

    async def search(self, search: FaceSearch, picture: MediaInput) -> PeopleResult:
        self.calls.append(("search", search))
        return PeopleResult(self.faces, b"{}", ())


async def run(
    stage: Stage, media: MediaReady, *faces: SeenFace, bucket: MemoryBucket | None = None, path: Path | None = None
) -> tuple[PeopleRecognised, FakePeople]:
    people = FakePeople(faces)
    fake = FakeServices(more=people, path=path or Path("/nonexistent"))
    services: Services = fake.services(ResultsStore(bucket or MemoryBucket()))
    assert isinstance(stage.handler, AsyncJob)
    assert stage.handler.otherwise is not None
    event = await stage.handler.otherwise.run(media, services)
    assert isinstance(event, PeopleRecognised)
    return event, people


async def test_image_is_indexed_under_an_id_without_its_name() -> None:
    event, people = await run(STAGE, PHOTO, seen(ADA), seen(BOB, ADA))
    assert people.calls == [("index", FaceSearch("headrace", 95.0), image_id(PHOTO.asset))]
    assert "a.jpg" not in image_id(PHOTO.asset)
    assert image_id(PHOTO.asset) != image_id(asset("a.jpg", version="other"))
    assert (event.count, event.known, event.collection) == (2, 1, "headrace")
    assert event.result.key.endswith("/face-search@1.answer.json")


async def test_without_index_the_image_is_only_searched() -> None:
    _, people = await run(face_search_stage("people", 90.0, index=False), PHOTO, seen(None, ADA))
    assert people.calls == [("search", FaceSearch("people", 90.0))]


async def test_event_has_at_most_100_faces() -> None:
    event, _ = await run(STAGE, PHOTO, *[seen(ADA)] * 130)
    assert (len(event.faces), event.count) == (100, 130)


async def test_search_texts_are_faces_and_their_links() -> None:
    event, _ = await run(STAGE, PHOTO, seen(ADA), seen(BOB, ADA), seen(None), seen(None, ADA, BOB, at_seconds=1.5))
    assert list(search_texts(event)) == [
        SearchText("person", ADA, "", 99.0),
        SearchText("person", BOB, "", 99.0),
        SearchText("person", BOB, ADA, 97.0),
        SearchText("person", ADA, "", 97.0, 1.5),
        SearchText("person", ADA, BOB, 97.0, 1.5),
    ]


@pytest.mark.parametrize(
    ("faces", "expected"),
    [((), "no face"), ((seen(ADA),), "1 face, none known"), ((seen(ADA), seen(BOB, ADA)), "2 faces, 1 known")],
)
async def test_summary(faces: tuple[SeenFace, ...], expected: str) -> None:
    event, _ = await run(STAGE, PHOTO, *faces)
    assert summary(event) == expected


def test_cost_of_an_image_and_of_a_video() -> None:
    film = ready(asset("a.mp4"), kind="video", duration_seconds=60.0)
    assert estimate(STAGE, PHOTO, PRICES) == 0.002
    assert estimate(STAGE, film, PRICES) == 0.1
    assert estimate(face_search_stage(index=False), PHOTO, PRICES) == 0.001


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"thumbnails": True, "index": False}, "thumbnails = true: .* needs index = true"),
        ({"collection": "a b"}, r"\[stages.face-search\] collection = 'a b': use at most 255 letters"),
        ({"collection": ""}, "collection = ''"),
        ({"threshold": 101.0}, "threshold = 101: use a similarity from 0 to 100"),
        ({"threshold": float("nan")}, "threshold = nan"),
    ],
)
def test_invalid_settings_are_rejected(settings: dict[str, Any], message: str) -> None:
    config = PipelineConfig({"face-search": {"on": True, "consent": ["s3://media"], **settings}})
    with pytest.raises(PipelineConfigError, match=message):
        select_stages(config, (), (STAGE,))


def pictures_in(bucket: MemoryBucket) -> list[str]:
    return sorted(name for key in bucket.objects if (name := key.rpartition("/")[2]).endswith(".jpg"))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """An image of 640 x 480 pixels."""
    path = tmp_path / "a.jpg"
    Image.new("RGB", (640, 480), "red").save(path)
    return path


async def test_thumbnails_are_stored_for_added_faces_only(photo: Path) -> None:
    bucket, stage = MemoryBucket(), face_search_stage(thumbnails=True, options=(THUMBNAILS,))
    event, _ = await run(stage, PHOTO, seen(ADA), seen(None, BOB), bucket=bucket, path=photo)
    assert event.count == 2
    assert pictures_in(bucket) == [f"{stage.result_name}.{ADA}.jpg"]
    [content] = [content for key, content in bucket.objects.items() if key.endswith(".jpg")]
    assert Image.open(io.BytesIO(content)).size == (160, 160)


async def test_thumbnails_are_off_by_default(photo: Path) -> None:
    bucket = MemoryBucket()
    await run(STAGE, PHOTO, seen(ADA), bucket=bucket, path=photo)
    assert pictures_in(bucket) == []
    assert THUMBNAILS not in STAGE.options


async def test_a_picture_that_cannot_be_made_does_not_lose_what_was_paid_for(tmp_path: Path) -> None:
    broken, bucket = tmp_path / "a.jpg", MemoryBucket()
    broken.write_bytes(b"\xff\xd8\xff" + b"x" * 100)
    event, people = await run(face_search_stage(thumbnails=True), PHOTO, seen(ADA), bucket=bucket, path=broken)
    assert (event.count, len(people.calls), pictures_in(bucket)) == (1, 1, [])


def test_thumbnails_need_the_same_consent() -> None:
    config = {"on": True, "consent": ["s3://media/staff/"], "thumbnails": True}
    [stage] = select_stages(PipelineConfig({"face-search": config}), (STAGE,), ())
    assert THUMBNAILS in stage.options
    patterns = [Pattern(pattern) for pattern in stage.patterns]
    for key, expected in (("staff/a.jpg", True), ("guests/a.jpg", False)):
        event = {"kind": "image", "asset": {"bucket": "media", "key": key}}
        assert all(pattern.matches(event) for pattern in patterns) is expected

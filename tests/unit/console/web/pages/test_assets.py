"""The pages of assets, on the views of a few events."""

from __future__ import annotations

import dataclasses

import pytest
from starlette.testclient import TestClient

from headrace.console.media.objects import MediaObjects
from headrace.console.web.access.users import UserRole
from headrace.console.web.app import create_app
from headrace.console.web.object_response import safe_type
from headrace.console.web.page_table import PAGES
from headrace.console.web.services import ConsoleServices
from tests.support import records
from tests.unit.console.asset_history import entry
from tests.unit.console.media.test_objects import FakeS3
from tests.unit.console.web.conftest import ORIGIN, control, fake_services

CAT = {"bucket": "media", "key": "photos/cat.jpg"}
HOSTILE = "a/../<script>alert(1)</script>\"'\u202egpj\x1b[31m\n😀//b"


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


@pytest.fixture
def services(s3: FakeS3) -> ConsoleServices:
    return dataclasses.replace(fake_services(), objects=MediaObjects(s3))


def test_lists_assets_with_their_state(client: TestClient) -> None:
    page = client.get("/assets")
    assert page.status_code == 200
    assert "photos/cat.jpg" in page.text
    assert "photos/dog.jpg" in page.text
    assert "completed" in page.text


def test_filters_assets(client: TestClient) -> None:
    page = client.get("/assets", params={"state": "processing"})
    assert "photos/dog.jpg" in page.text
    assert "photos/cat.jpg" not in page.text


def test_a_part_of_the_page_names_its_address(client: TestClient) -> None:
    part = client.get("/assets", params={"prefix": "photos/", "q": ""}, headers={"hx-request": "true"})
    assert "<html" not in part.text
    assert part.headers["hx-replace-url"] == "/assets?prefix=photos%2F"


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "film"},
        {"state": "lost"},
        {"has": "nothing"},
        {"since": "yesterday"},
        {"label": "Cat", "min_confidence": "200"},
        {"after": "junk"},
    ],
)
def test_explains_an_invalid_filter(client: TestClient, query: dict[str, str]) -> None:
    assert client.get("/assets", params=query).status_code == 400


def test_shows_an_asset_with_its_events(client: TestClient) -> None:
    page = client.get("/assets/one", params=CAT)
    assert page.status_code == 200
    for text in ("MediaUploaded", "MediaLabelled", "$0.10", "Timeline", "media.labelled/"):
        assert text in page.text


def test_an_unknown_asset_or_version_is_not_found(client: TestClient) -> None:
    assert client.get("/assets/one", params={**CAT, "version": "other"}).status_code == 404
    assert client.get("/assets/one", params={"bucket": "media", "key": "none"}).status_code == 404


def test_media_come_only_from_assets_in_the_views(client: TestClient, s3: FakeS3) -> None:
    assert client.get("/media/object", params={"bucket": "secrets", "key": "key.pem"}).status_code == 404
    assert client.get("/media/result", params={**CAT, "stage": "../other"}).status_code == 404
    assert s3.calls == []


def test_media_have_ranges_and_are_never_documents(client: TestClient, s3: FakeS3) -> None:
    answer = client.get("/media/object", params=CAT, headers={"range": "bytes=0-3"})
    assert s3.calls[0] == {"Bucket": "media", "Key": "photos/cat.jpg", "Range": "bytes=0-3", "IfMatch": '"e1"'}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("stored", "key", "expected"),
    [
        ("video/mp4", "a.mp4", "video/mp4"),
        ("image/JPEG; x=y", "a", "image/jpeg"),
        ("", "a.flac", "audio/flac"),
        ("binary/octet-stream", "a.MP4", "video/mp4"),
        ("text/html", "a.mp4", "application/octet-stream"),
        ("image/svg+xml", "a.svg", "application/octet-stream"),
        ("application/pdf", "a.pdf", "application/octet-stream"),
    ],
)
def test_only_pictures_audio_and_video_are_shown(stored: str, key: str, expected: str) -> None:
    shown, headers = safe_type(stored, key)
    assert shown == expected
    assert ("Content-Disposition" in headers) == (expected == "application/octet-stream")


def test_a_hostile_key_is_escaped_and_its_links_work() -> None:
    services = fake_services([entry(records.uploaded(records.asset(HOSTILE)))])
    with TestClient(create_app(services, control(UserRole.VIEWER), PAGES), ORIGIN) as client:
        page = client.get("/assets").text
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
        one = client.get("/assets/one", params={"bucket": "media", "key": HOSTILE})
        assert one.status_code == 200
        assert "<script>alert" not in one.text


def test_the_api_returns_what_commands_print(client: TestClient) -> None:
    listed = client.get("/api/assets").json()
    assert [each["asset"] for each in listed["assets"]] == ["media/photos/cat.jpg", "media/photos/dog.jpg"]
    assert client.get("/api/asset", params=CAT).json()["versions"][0]["state"] == "completed"

"""Tests of face collections: the adapter with the local AI endpoint over HTTP."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from headrace.sandbox.ai.app import AiSettings
from headrace.sandbox.cluster.environment import AI_SERVICES
from headrace.schemas.ids import job_token
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.face_collections import RekognitionFaces
from headrace.streams.errors import PermanentError
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.media.media_input import MediaInput
from headrace.streams.people import FaceSearch
from headrace.streams.settings import StreamSettings
from tests.contract.ai import BUCKET, ROLE, Aws, connect, refusal
from tests.contract.conftest import Serve
from tests.support.drawn_faces import ADA, BOB, portrait
from tests.support.prices import PRICES
from tests.support.records import asset

pytestmark = pytest.mark.system

SEARCH = FaceSearch("test-people", 95.0)


@pytest.fixture
def faces(serve: Serve, aws: Aws, aws_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[RekognitionFaces]:
    """The adapter, with an endpoint of its own."""
    with serve(AiSettings(None, 0.0)) as url:
        for name in AI_SERVICES:
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws_url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        client = AwsClient(4, RateLimits({}, {}))
        settings = StreamSettings(results_bucket=BUCKET, jobs_topic_arn=aws.topic, jobs_role_arn=ROLE)
        yield RekognitionFaces(client, settings, PRICES)
        client.close()


def jpeg(aws: Aws, key: str, content: bytes) -> MediaInput:
    aws.put(key, content)
    return MediaInput(BUCKET, key, "image/jpeg", len(content), width=640, height=480)


async def test_same_face_in_another_picture_matches(faces: RekognitionFaces, aws: Aws) -> None:
    first = await faces.index(SEARCH, jpeg(aws, "one.jpg", portrait((ADA, 40, 60))), "one")
    second = await faces.index(
        SEARCH, jpeg(aws, "two.jpg", portrait((BOB, 60, 80), (ADA, 400, 200), background="teal")), "two"
    )
    [ada] = first.faces
    assert ada.face_id is not None
    assert ada.matches == ()
    assert sorted(len(face.matches) for face in second.faces) == [0, 1]
    [match] = [match for face in second.faces for match in face.matches]
    assert match.face_id == ada.face_id
    assert match.similarity >= 95
    assert [charge.usd for charge in second.charges] == [0.001, 0.002]
    assert abs(ada.left - 40 / 640) < 0.05
    assert abs(ada.height - 160 / 480) < 0.05


async def test_same_image_is_added_once(faces: RekognitionFaces, aws: Aws) -> None:
    picture = jpeg(aws, "again.jpg", portrait((ADA, 40, 60)))
    first, second = [await faces.index(SEARCH, picture, "again") for _ in range(2)]
    assert first.faces == second.faces
    assert second.faces[0].matches == ()


async def test_search_by_image_adds_no_face(faces: RekognitionFaces, aws: Aws) -> None:
    unknown = await faces.search(SEARCH, jpeg(aws, "ada.jpg", portrait((ADA, 40, 60))))
    assert [face.matches for face in unknown.faces] == [()]
    [ada] = (await faces.index(SEARCH, jpeg(aws, "ada.jpg", portrait((ADA, 40, 60))), "ada")).faces
    found = await faces.search(SEARCH, jpeg(aws, "large.jpg", portrait((ADA, 200, 100), size=240)))
    assert [(face.face_id, face.matches[0].face_id) for face in found.faces] == [(None, ada.face_id)]


async def test_image_without_faces(faces: RekognitionFaces, aws: Aws) -> None:
    plain = jpeg(aws, "plain.jpg", portrait())
    assert (await faces.search(SEARCH, plain)).faces == ()
    indexed = await faces.index(SEARCH, plain, "plain")
    assert indexed.faces == ()
    assert [charge.operation for charge in indexed.charges] == ["IndexFaces"]


async def test_video_has_the_known_people_with_their_times(faces: RekognitionFaces, aws: Aws, tmp_path: Path) -> None:
    [ada] = (await faces.index(SEARCH, jpeg(aws, "ada.jpg", portrait((ADA, 40, 60))), "ada")).faces
    film = MediaInput(BUCKET, "film.mp4", "video/mp4", 10, seconds=12.0, video_codec="h264")
    aws.put("film.mp4", video(tmp_path, [(b"", 4), (portrait((ADA, 240, 120)), 4), (portrait((BOB, 240, 120)), 4)]))
    token = job_token("face-search", asset("film.mp4", bucket=BUCKET), "face-search@1")
    job_id = await faces.start(SEARCH, film, token)
    assert await faces.start(SEARCH, film, token) == job_id
    assert aws.completion()["API"] == "StartFaceSearch"
    found = await faces.get_result(job_id, 12.0)
    [seen] = found.faces
    assert (seen.face_id, seen.matches[0].face_id) == (None, ada.face_id)
    assert seen.at_seconds is not None
    assert seen.until_seconds is not None
    assert 3.5 <= seen.at_seconds <= 4.5
    assert 7.0 <= seen.until_seconds <= 8.0
    assert found.charges[0].usd == 0.02


def video(folder: Path, scenes: list[tuple[bytes, int]]) -> bytes:
    """A video of still pictures, each shown for some seconds; an empty one is blue."""
    for number, (content, _) in enumerate(scenes):
        (folder / f"{number}.jpg").write_bytes(content or portrait())
    names = [f"file '{folder}/{number}.jpg'\nduration {seconds}" for number, (_, seconds) in enumerate(scenes)]
    (folder / "list").write_text("\n".join((*names, f"file '{folder}/{len(scenes) - 1}.jpg'")))
    file = folder / "film.mp4"
    options = ("-r", "10", "-t", str(sum(seconds for _, seconds in scenes)), "-c:v", "libx264", "-pix_fmt", "yuv420p")
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "concat", "-safe", "0", "-i", folder / "list",
         *options, file],
        check=True,
    )  # fmt: skip
    return file.read_bytes()


async def test_unsupported_image_is_not_sent(faces: RekognitionFaces) -> None:
    with pytest.raises(PermanentError, match="the content type is image/webp"):
        await faces.index(SEARCH, MediaInput(BUCKET, "a.webp", "image/webp", 10), "a")


def test_errors_of_the_endpoint_are_those_of_the_service(serve: Serve, aws: Aws) -> None:
    with serve(AiSettings(None, 0.0)) as url:
        client = connect("rekognition", url)
        missing, id_ = {"CollectionId": "none"}, "00000000-0000-0000-0000-000000000000"
        assert refusal(client.list_faces, **missing) == ("ResourceNotFoundException", 400)
        assert refusal(client.delete_faces, **missing, FaceIds=[id_])[0] == "ResourceNotFoundException"
        client.create_collection(CollectionId="some")
        assert refusal(client.create_collection, CollectionId="some")[0] == "ResourceAlreadyExistsException"
        assert refusal(client.search_faces, CollectionId="some", FaceId=id_)[0] == "InvalidParameterException"
        deleted = client.delete_faces(CollectionId="some", FaceIds=[id_])
        assert "DeletedFaces" not in deleted
        assert deleted["UnsuccessfulFaceDeletions"] == [{"FaceId": id_, "Reasons": ["FACE_NOT_FOUND"]}]
        assert client.describe_collection(CollectionId="some")["FaceCount"] == 0

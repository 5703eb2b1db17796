"""A copied result names its own files only."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.schemas.cloudevents import EventMetadata, saved_usd
from headrace.schemas.ids import job_token
from headrace.schemas.records import Asset, Charge, MediaLabelled, MediaTranscoded, MediaVoiced, Pointer, Rendition
from headrace.streams.pipeline import OPTIONAL_STAGES
from headrace.streams.results import StoredResult
from headrace.streams.reuse.copies import NotCopyableError, ResultCopier
from tests.support.fake_services import MemoryBucket
from tests.support.records import asset

STAGES = {stage.name: stage for stage in OPTIONAL_STAGES}
SOURCE, TARGET = asset("a.mp4"), asset("b.mp4")
CHARGE = Charge(service="mediaconvert", operation="CreateJob", units=1.0, unit="minute", usd=0.015)


def token(stage: str, of: Asset) -> str:
    return job_token(stage, of, STAGES[stage].result_name)


def stored(event: Any, **envelope: Any) -> StoredResult:
    metadata = EventMetadata(id="1", source="headrace/x", type="headrace.x", time="", **envelope)
    return StoredResult("cause", event.EVENT, metadata, msgspec.Raw(msgspec.json.encode(event)))


def transcoded(bucket: str = "results", folder: str = "") -> MediaTranscoded:
    folder = folder or f"_transcoded/{token('transcode', SOURCE)}/"
    files = tuple(Rendition(role=name, bucket=bucket, key=f"{folder}{name}") for name in ("a-proxy.mp4", "hls/a.m3u8"))
    return MediaTranscoded(asset=SOURCE, files=files, charges=(CHARGE,), proxy_for=("rekognition",))


async def test_copies_every_file_of_a_job_and_not_only_those_that_the_event_names() -> None:
    bucket, old = MemoryBucket(), f"_transcoded/{token('transcode', SOURCE)}/"
    names = ["a-proxy.mp4", "hls/a.m3u8", *(f"hls/{number:04}.ts" for number in range(1500))]
    bucket.objects = {f"{old}{name}": name.encode() for name in names}
    copy = await ResultCopier(STAGES["transcode"], bucket).copy(stored(transcoded()), SOURCE, TARGET)
    assert copy is not None
    event, new = copy.event, f"_transcoded/{token('transcode', TARGET)}/"
    assert isinstance(event, MediaTranscoded)
    assert [file.key for file in event.files] == [f"{new}a-proxy.mp4", f"{new}hls/a.m3u8"]
    assert {name: bucket.objects[f"{new}{name}"] for name in names} == {name: name.encode() for name in names}
    assert (event.asset, event.charges, copy.usd) == (TARGET, (), 0.015)


async def test_copies_an_event_that_is_a_location_itself() -> None:
    key = f"_polly/{token('voice', SOURCE)}/speech.mp3"
    bucket = MemoryBucket()
    bucket.objects[key] = b"speech"
    event = MediaVoiced(asset=SOURCE, voice="Vicki", language="de", characters=3, bucket="results", key=key, charges=())
    copy = await ResultCopier(STAGES["voice"], bucket).copy(stored(event), SOURCE, TARGET)
    assert copy is not None
    assert bucket.objects[copy.event.key] == b"speech"  # type: ignore[union-attr]
    assert token("voice", TARGET) in copy.event.key  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "event",
    [transcoded(bucket="elsewhere"), transcoded(folder="_transcoded/transcode-of-another/"), transcoded()],
    ids=["another bucket", "another object", "missing files"],
)
async def test_rejects_files_that_do_not_belong_to_the_result(event: MediaTranscoded) -> None:
    bucket = MemoryBucket()
    result = msgspec.structs.replace(event, charges=())
    if event == transcoded():  # its files were deleted, except one that does not exist as an object of the bucket
        located = Pointer(bucket="results", key="x", size=1, sha256="", content_type="")
        result = MediaLabelled(asset=SOURCE, labels=(), label_count=0, model="", result=located, charges=())  # type: ignore[assignment]
    with pytest.raises(NotCopyableError):
        await ResultCopier(STAGES["transcode"], bucket).copy(stored(result), SOURCE, TARGET)


async def test_a_copy_of_a_copy_saves_what_the_first_call_cost() -> None:
    event = MediaTranscoded(asset=SOURCE, files=(), charges=())
    copy = await ResultCopier(STAGES["transcode"], MemoryBucket()).copy(
        stored(event, saved_usd="0.125000"), SOURCE, TARGET
    )
    assert copy is not None
    assert copy.usd == 0.125


@pytest.mark.parametrize("text", ["", "many", "-1", "nan", "1e400", "9" * 400])
def test_a_header_without_an_amount_saves_nothing(text: str) -> None:
    assert saved_usd(EventMetadata(id="1", source="s", type="t", time="", saved_usd=text)) == 0.0
    assert saved_usd(None) == 0.0

"""Tests that the local services accept exactly the files that the input table accepts."""

from __future__ import annotations

import asyncio
import io
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from PIL import Image

from headrace.sandbox.ai.app import AiSettings
from headrace.sandbox.demo.pdf import pdf
from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.schemas.records import MediaReady
from headrace.streams.errors import PermanentError
from headrace.streams.limits.input_check import check_media
from headrace.streams.limits.service_inputs import MEDIA_RULES
from headrace.streams.media.content_check import check
from headrace.streams.media.media_input import MediaInput, original
from headrace.streams.media.probe import probe
from tests.contract.ai import BUCKET, MEDIA, ROLE, connect, wait_until
from tests.support.records import asset, ready

pytestmark = pytest.mark.system

TEST_VIDEO = ("-f", "lavfi", "-i", "testsrc=s=160x120:r=10:d=2")
TONE = ("-f", "lavfi", "-i", "sine=d=2")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
BOTH = (*TEST_VIDEO, *TONE)

FFMPEG_FILES: dict[str, tuple[str, ...]] = {
    "h264.mp4": (*BOTH, *H264, "-c:a", "aac"),
    "silent.mp4": (*TEST_VIDEO, *H264),
    "h264.mov": (*BOTH, *H264, "-c:a", "aac"),
    "mpeg4.mp4": (*BOTH, "-c:v", "mpeg4", "-c:a", "aac"),
    "h264.mkv": (*BOTH, *H264, "-c:a", "aac"),
    "h264.ts": (*BOTH, *H264, "-c:a", "aac"),
    "h264.flv": (*BOTH, *H264, "-c:a", "aac"),
    "mpeg4.avi": (*BOTH, "-c:v", "mpeg4", "-c:a", "mp3"),
    "mpeg2.mpg": (*BOTH, "-r", "25", "-c:v", "mpeg2video", "-c:a", "mp2"),
    "vp8.webm": (*BOTH, "-c:v", "libvpx", "-c:a", "libopus"),
    "vorbis.webm": (*BOTH, "-c:v", "libvpx", "-c:a", "libvorbis"),
    "tiny.mp4": ("-f", "lavfi", "-i", "testsrc=s=16x16:r=10:d=2", *H264),
    "narrow.mp4": ("-f", "lavfi", "-i", "testsrc=s=160x40:r=10:d=2", *H264),
    "tone.wav": TONE,
    "tone.mp3": TONE,
    "tone.flac": TONE,
    "tone.m4a": (*TONE, "-c:a", "aac"),
    "tone.aac": (*TONE, "-c:a", "aac"),
    "tone.aiff": TONE,
    "opus.ogg": (*TONE, "-c:a", "libopus"),
    "vorbis.ogg": (*TONE, "-c:a", "libvorbis"),
    "short.wav": ("-f", "lavfi", "-i", "sine=d=0.2"),
    "picture.gif": (*TEST_VIDEO, "-frames:v", "1"),
}
PILLOW_FILES: dict[str, tuple[str, tuple[int, int], dict[str, Any]]] = {
    "picture.jpg": ("JPEG", (200, 100), {}),
    "picture.png": ("PNG", (200, 100), {}),
    "picture.webp": ("WEBP", (200, 100), {}),
    "picture.tif": ("TIFF", (200, 100), {}),
    "picture.bmp": ("BMP", (200, 100), {}),
    "picture.jp2": ("JPEG2000", (200, 100), {}),
    "picture.avif": ("AVIF", (200, 100), {}),
    "small.png": ("PNG", (79, 200), {}),
    "smallest.png": ("PNG", (80, 80), {}),
    "wide.png": ("PNG", (10_001, 90), {}),
    "pages.tif": ("TIFF", (200, 100), {"save_all": True, "append_images": [Image.new("RGB", (200, 100))]}),
}
MADE: dict[str, Callable[[], bytes]] = {
    "one.pdf": lambda: pdf("one page"),
    "two.pdf": lambda: pdf("first page", "last page"),
    "text.txt": lambda: b"plain text",
}
COPIED = ("bottles.mp4", "rabbit.mp4", "jfk.flac", "bottles.jpg")
SAMPLES = (*FFMPEG_FILES, *PILLOW_FILES, *MADE, *COPIED)

MODEL = "arn:aws:rekognition:us-east-1:111122223333:project/cars/version/1/1700000000000"
PROFILE = "arn:aws:bedrock:us-east-1:000000000000:data-automation-profile/us.data-automation-v1"
ENDED = ("SUCCEEDED", "FAILED", "COMPLETED", "COMPLETE", "ERROR", "Success", "ClientError")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every sample by name, except those for which this machine has no encoder."""
    folder = tmp_path_factory.mktemp("samples")
    for name, arguments in FFMPEG_FILES.items():
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, folder / name]
        subprocess.run(command, check=True)
    for name, (form, size, options) in PILLOW_FILES.items():
        file = io.BytesIO()
        Image.new("RGB", size, "red").save(file, form, **options)
        (folder / name).write_bytes(file.getvalue())
    for name, make in MADE.items():
        (folder / name).write_bytes(make())
    for name in COPIED:
        (folder / name).write_bytes((MEDIA / name).read_bytes())
    return {path.name: path for path in folder.iterdir()}


async def _described(path: Path) -> MediaReady:
    verdict, info = check(path, path.name), await probe(path)
    facts = {
        name: getattr(info, name)
        for name in ("kind", "format", "duration_seconds", "width", "height", "video_codec", "audio_codec")
    }
    of = asset(path.name, bucket=BUCKET, size=path.stat().st_size)
    return ready(of, content_type=verdict.content_type, **facts)


@pytest.fixture(scope="module")
def described(samples: dict[str, Path]) -> dict[str, MediaReady]:
    """Return what the stages `scan` and `probe` say about each sample."""

    async def describe_all() -> list[MediaReady]:
        return [await _described(path) for path in samples.values()]

    return dict(zip(samples, asyncio.run(describe_all()), strict=True))


@pytest.fixture(scope="module")
def stored(samples: dict[str, Path], aws_url: str, media_bucket: None) -> None:
    """Every sample in S3, by its name."""
    s3 = connect("s3", aws_url)
    for name, path in samples.items():
        s3.put_object(Bucket=BUCKET, Key=name, Body=path.read_bytes())


@pytest.fixture(scope="module")
def endpoint(serve: Any) -> Iterator[str]:
    with serve(AiSettings(data=None, job_seconds=0.0)) as url:
        yield url


class Endpoint:
    """Sends files to the local services, and returns whether they accept them."""

    def __init__(self, client: Any, samples: dict[str, Path]) -> None:
        self.client, self.samples = client, samples

    def call(self, service: str, operation: str, key: str) -> bool:
        client = self.client
        place = {"S3Object": {"Bucket": BUCKET, "Name": key}}
        try:
            match service, operation.startswith(("Start", "Create")):
                case "rekognition", False if operation == "DetectCustomLabels":
                    client.detect_custom_labels(Image=place, ProjectVersionArn=MODEL)
                case "rekognition", False:
                    client.detect_labels(Image=place)
                case "rekognition", True:
                    job = client.start_label_detection(Video=place)["JobId"]
                    return self._ended(lambda: client.get_label_detection(JobId=job)["JobStatus"])
                case "textract", False:
                    client.detect_document_text(Document=place)
                case "textract", True:
                    job = client.start_document_text_detection(DocumentLocation=place)["JobId"]
                    return self._ended(lambda: client.get_document_text_detection(JobId=job)["JobStatus"])
                case "bedrock-runtime", _:
                    self._converse(client, key)
                case _:
                    jobs = {"transcribe": self._transcribe, "mediaconvert": self._convert}
                    return jobs.get(service, self._automate)(client, key)
        except client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise
            return False
        return True

    def _transcribe(self, client: Any, key: str) -> bool:
        request = {"TranscriptionJobName": key, "LanguageCode": "en-US", "OutputBucketName": BUCKET}
        client.start_transcription_job(**request, Media={"MediaFileUri": f"s3://{BUCKET}/{key}"})
        get = client.get_transcription_job
        return self._ended(lambda: get(TranscriptionJobName=key)["TranscriptionJob"]["TranscriptionJobStatus"])

    def _converse(self, client: Any, key: str) -> None:
        """Send an image with its bytes, and a video by its location, as the adapter does."""
        suffix = key.rsplit(".", 1)[-1]
        image = {"jpg": "jpeg", "png": "png", "gif": "gif", "webp": "webp", "tif": "png", "bmp": "png"}.get(suffix)
        if image:
            block = {"image": {"format": image, "source": {"bytes": self.samples[key].read_bytes()}}}
        else:
            container = suffix if suffix in ("mp4", "mov", "mkv", "webm") else "mpeg"
            location = {"s3Location": {"uri": f"s3://{BUCKET}/{key}"}}
            block = {"video": {"format": container, "source": location}}
        client.converse(modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [block]}])

    def _convert(self, client: Any, key: str) -> bool:
        place = {"FileGroupSettings": {"Destination": f"s3://{BUCKET}/converted/"}, "Type": "FILE_GROUP_SETTINGS"}
        video = {"Width": 64, "Height": 64, "CodecSettings": {"Codec": "H_264"}}
        output = {"ContainerSettings": {"Container": "MP4"}, "VideoDescription": video, "NameModifier": "-proxy"}
        groups = [{"OutputGroupSettings": place, "Outputs": [output]}]
        settings = {"Inputs": [{"FileInput": f"s3://{BUCKET}/{key}"}], "OutputGroups": groups}
        job = client.create_job(Role=ROLE, Settings=settings)["Job"]["Id"]
        return self._ended(lambda: client.get_job(Id=job)["Job"]["Status"])

    def _automate(self, client: Any, key: str) -> bool:
        job = client.invoke_data_automation_async(
            inputConfiguration={"s3Uri": f"s3://{BUCKET}/{key}"},
            outputConfiguration={"s3Uri": f"s3://{BUCKET}/automated"},
            dataAutomationProfileArn=PROFILE,
        )["invocationArn"]
        return self._ended(lambda: client.get_data_automation_status(invocationArn=job)["status"])

    @staticmethod
    def _ended(status: Callable[[], str]) -> bool:
        ended = wait_until(lambda: word if (word := status()) in ENDED else "", seconds=120)
        return ended in ("SUCCEEDED", "COMPLETED", "COMPLETE", "Success")


def _refusal(service: str, operation: str, media: MediaInput) -> str:
    try:
        check_media(service, operation, media)
    except PermanentError as refused:
        return f"{refused.code}: {refused.why}"
    return ""


FIRST_OPERATIONS = sorted(
    {(rule.service, rule.operations[-1 if "DetectCustomLabels" in rule.operations else 0]) for rule in MEDIA_RULES}
)


@pytest.mark.parametrize(("service", "operation"), FIRST_OPERATIONS)
def test_endpoint_accepts_what_the_table_accepts(
    samples: dict[str, Path],
    described: dict[str, MediaReady],
    stored: None,
    endpoint: str,
    service: str,
    operation: str,
) -> None:
    needs_audio = service == "transcribe"
    differences = {}
    local = Endpoint(connect(service, endpoint), samples)
    for name in SAMPLES:
        media = described[name]
        if needs_audio and media.audio_codec is None:
            continue  # the stage does not start a job for it
        reason = _refusal(service, operation, original(media))
        pages = name in ("two.pdf", "pages.tif") and operation == "DetectDocumentText"
        if local.call(service, operation, name) != (not reason) and not pages:
            differences[name] = reason or "accepted by the table"
    assert differences == {}


REFUSED = {
    ("rekognition", "DetectCustomLabels"): {"wide.png", "picture.webp", "picture.gif", "one.pdf"},
    ("rekognition", "DetectLabels"): {"small.png", "wide.png", "picture.webp", "picture.avif", "one.pdf"},
    ("rekognition", "StartLabelDetection"): {"h264.mkv", "h264.ts", "mpeg4.avi", "mpeg4.mp4", "tiny.mp4", "jfk.flac"},
    ("textract", "DetectDocumentText"): {"picture.webp", "picture.bmp", "wide.png", "text.txt"},
    ("textract", "StartDocumentTextDetection"): {"picture.gif", "h264.mp4"},
    ("transcribe", "StartTranscriptionJob"): {"h264.mkv", "vorbis.ogg", "vorbis.webm", "tone.aiff", "short.wav"},
    ("bedrock-runtime", "Converse"): {"h264.ts", "mpeg2.mpg", "h264.flv", "mpeg4.avi", "wide.png", "picture.tif"},
    ("mediaconvert", "CreateJob"): {"tiny.mp4", "tone.wav", "picture.jpg"},
    (DATA_AUTOMATION, "InvokeDataAutomationAsync"): {"h264.ts", "tiny.mp4", "wide.png", "picture.webp", "tone.aiff"},
}
ACCEPTED = {
    ("rekognition", "DetectCustomLabels"): {"picture.jpg", "picture.png", "small.png"},
    ("rekognition", "DetectLabels"): {"picture.jpg", "picture.png", "smallest.png"},
    ("rekognition", "StartLabelDetection"): {"h264.mp4", "h264.mov", "bottles.mp4"},
    ("textract", "DetectDocumentText"): {"picture.jpg", "picture.tif", "one.pdf", "small.png"},
    ("textract", "StartDocumentTextDetection"): {"two.pdf", "pages.tif"},
    ("transcribe", "StartTranscriptionJob"): {"h264.mp4", "jfk.flac", "opus.ogg", "vp8.webm", "tone.m4a"},
    ("bedrock-runtime", "Converse"): {"h264.mkv", "mpeg4.mp4", "vp8.webm", "h264.mov", "picture.webp", "picture.gif"},
    ("mediaconvert", "CreateJob"): {"h264.mkv", "h264.ts", "mpeg4.avi", "mpeg2.mpg", "vp8.webm", "h264.flv"},
    (DATA_AUTOMATION, "InvokeDataAutomationAsync"): {"bottles.mp4", "two.pdf", "pages.tif", "picture.jpg", "jfk.flac"},
}


@pytest.mark.parametrize(("service", "operation"), FIRST_OPERATIONS)
def test_table_is_that_of_the_documentation(described: dict[str, MediaReady], service: str, operation: str) -> None:
    pair = service, operation
    for name in REFUSED[pair] | ACCEPTED[pair]:
        reason = _refusal(service, operation, original(described[name]))
        assert bool(reason) == (name in REFUSED[pair]), (name, reason)
        assert not reason or (reason.startswith("unsupported_input: ") and "https://docs.aws.amazon.com/" in reason)

"""`streams.services.Transcoder` over AWS Elemental MediaConvert.

A request token is valid for one minute only, so the job also has the pipeline's token in its user metadata.
Source: AWS Elemental MediaConvert API Reference, "Jobs", and User Guide, "EventBridge events".
"""

from __future__ import annotations

from typing import Any

from headrace.schemas.jobs import JOB_SPECS
from headrace.schemas.records import MediaReady, Rendition
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.error_codes import unreadable_answer
from headrace.streams.aws.job_status import result_of
from headrace.streams.costs.prices import PriceList, billed_minutes
from headrace.streams.errors import StageError
from headrace.streams.limits.input_check import check_media
from headrace.streams.media.media_input import original
from headrace.streams.results import ResultsBucket
from headrace.streams.service_results import TranscodeResult
from headrace.streams.settings import StreamSettings

OUTPUT_PREFIX = "_transcoded/"
SPEC = JOB_SPECS["mediaconvert", "CreateJob"]
TOKEN_METADATA = "headrace-token"
SUFFIXES = {"proxy": "-proxy.mp4", "audio": "-audio.m4a", "frames": "-frames.0000000.jpg", "hls": ".m3u8"}
"""Suffix of each output after the input's name: the first frame of `frames`, the master playlist of `hls`."""

FRAME_EVERY_SECONDS = 10
SEGMENT_SECONDS = 6


class MediaConvert:
    """Transcodes media with MediaConvert. The output is written to the results bucket."""

    def __init__(self, aws: AwsClient, bucket: ResultsBucket, settings: StreamSettings, prices: PriceList) -> None:
        self._aws = aws
        self._bucket = bucket
        self._settings = settings
        self._prices = prices

    async def start(self, media: MediaReady, token: str, height: int, hls: bool = False) -> str:
        """Submit a job and return its id.

        Raises:
            PermanentError: `unsupported_input`: MediaConvert does not accept the video.
        """
        check_media("mediaconvert", SPEC.operation, original(media))
        asset = media.asset
        source: dict[str, Any] = {
            "FileInput": f"s3://{asset.bucket}/{asset.key}",
            "TimecodeSource": "ZEROBASED",
            "VideoSelector": {"Rotate": "AUTO"},
        }
        if media.audio_codec:
            source["AudioSelectors"] = {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}}
        destination = f"s3://{self._bucket.name}/{OUTPUT_PREFIX}{token}/"
        groups = [_files(media, destination, height), *([_stream(media, f"{destination}hls/", height)] if hls else [])]
        response = await self._aws.call(
            "mediaconvert",
            "create_job",
            Role=self._settings.mediaconvert_role_arn,
            ClientRequestToken=token,
            UserMetadata={TOKEN_METADATA: token},
            Settings={"Inputs": [source], "OutputGroups": groups},
        )
        job_id: str = response["Job"]["Id"]
        return job_id

    async def get_result(self, job_id: str, seconds: float) -> TranscodeResult:
        """Return the output of a job. The response has no paths; they are derived from the job's settings.

        Raises:
            StageError: The job has no result: `streams.aws.job_status.result_of`.
        """
        job = result_of(SPEC, job_id, await self._aws.call("mediaconvert", SPEC.method, Id=job_id))
        inputs, groups, made = job["Settings"]["Inputs"], job["Settings"]["OutputGroups"], job["OutputGroupDetails"]
        if len(inputs) != 1 or len(groups) != len(made):
            raise _not_its_own(job_id)
        name = inputs[0]["FileInput"].rsplit("/", 1)[-1].rsplit(".", 1)[0]
        files: list[Rendition] = []
        minutes = billed_minutes("mediaconvert", seconds)
        charges = [self._prices.charge("mediaconvert", "CreateJob", minutes)]
        for group, details in zip(groups, made, strict=True):
            settings = group["OutputGroupSettings"]
            is_hls = settings["Type"] == "HLS_GROUP_SETTINGS"
            folder = settings["HlsGroupSettings" if is_hls else "FileGroupSettings"]["Destination"]
            charges += [self._prices.charge("mediaconvert", "CreateJob HLS", minutes)] if is_hls else []
            roles = [output["NameModifier"].lstrip("-") for output in group["Outputs"]]
            if len(roles) != len(details["OutputDetails"]) or not SUFFIXES.keys() >= set(roles):
                raise _not_its_own(job_id)
            files += [
                _rendition(f"{folder}{name}", role, detail)
                for role, detail in zip(roles, details["OutputDetails"], strict=True)
            ]
        return TranscodeResult(tuple(files), tuple(charges))


def _not_its_own(job_id: str) -> StageError:
    return unreadable_answer(f"GetJob: the inputs and outputs of {job_id} are not those that were requested")


def _rendition(path: str, role: str, detail: dict[str, Any]) -> Rendition:
    """Return one rendition: a file, or the first file of several."""
    bucket, _, key = path.removeprefix("s3://").partition("/")
    video = detail.get("VideoDetails", {})
    millis = detail.get("DurationInMs")
    return Rendition(
        role=role,
        bucket=bucket,
        key=f"{key}{SUFFIXES[role]}",
        duration_seconds=None if millis is None or role == "frames" else millis / 1000,
        width=video.get("WidthInPx"),
        height=video.get("HeightInPx"),
    )


def _files(media: MediaReady, destination: str, height: int) -> dict[str, Any]:
    """Return the output group of single files."""
    sound = [_audio()] if media.audio_codec else []
    return {
        "Name": "headrace",
        "OutputGroupSettings": {"Type": "FILE_GROUP_SETTINGS", "FileGroupSettings": {"Destination": destination}},
        "Outputs": [_video(media, height, "-proxy", "MP4"), *sound, _frames()],
    }


def _stream(media: MediaReady, destination: str, height: int) -> dict[str, Any]:
    """Return the output group for HTTP Live Streaming: a playlist and its segments."""
    settings = {"Destination": destination, "SegmentLength": SEGMENT_SECONDS, "MinSegmentLength": 0}
    return {
        "Name": "headrace-hls",
        "OutputGroupSettings": {"Type": "HLS_GROUP_SETTINGS", "HlsGroupSettings": settings},
        "Outputs": [_video(media, height, "-hls", "M3U8")],
    }


def _video(media: MediaReady, height: int, modifier: str, container: str) -> dict[str, Any]:
    """Return a small H.264 output with sound, at most as large as the input, with even width and height."""
    output_height = min(height, media.height or height) // 2 * 2
    output_width = (
        round((media.width or output_height * 16 / 9) * output_height / (media.height or output_height)) // 2 * 2
    )
    rate = {"RateControlMode": "QVBR", "MaxBitrate": 800_000, "QvbrSettings": {"QvbrQualityLevel": 6}}
    output: dict[str, Any] = {
        "NameModifier": modifier,
        "ContainerSettings": {"Container": container},
        "VideoDescription": {
            "Width": output_width,
            "Height": output_height,
            "CodecSettings": {"Codec": "H_264", "H264Settings": rate},
        },
    }
    return output | ({"AudioDescriptions": [_aac()]} if media.audio_codec else {})


def _audio() -> dict[str, Any]:
    return {
        "NameModifier": "-audio",
        "ContainerSettings": {"Container": "MP4"},
        "AudioDescriptions": [_aac()],
        "Extension": "m4a",
    }


def _frames() -> dict[str, Any]:
    capture = {"FramerateNumerator": 1, "FramerateDenominator": FRAME_EVERY_SECONDS, "MaxCaptures": 100, "Quality": 80}
    return {
        "NameModifier": "-frames",
        "ContainerSettings": {"Container": "RAW"},
        "VideoDescription": {"CodecSettings": {"Codec": "FRAME_CAPTURE", "FrameCaptureSettings": capture}},
    }


def _aac() -> dict[str, Any]:
    settings = {"Bitrate": 96_000, "CodingMode": "CODING_MODE_2_0", "SampleRate": 48_000}
    return {"AudioSourceName": "Audio Selector 1", "CodecSettings": {"Codec": "AAC", "AacSettings": settings}}

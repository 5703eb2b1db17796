"""`streams.services.Transcoder` over AWS Elemental MediaConvert.

A request token holds for a minute only, so the job also carries the pipeline's token among its user metadata.
Source: AWS Elemental MediaConvert API Reference, "Jobs", and User Guide, "EventBridge events".
"""

from __future__ import annotations

from typing import Any

from headrace.schemas.records import MediaReady, Rendition
from headrace.streams.aws.client import AwsClient
from headrace.streams.costs.prices import charge
from headrace.streams.errors import PermanentError
from headrace.streams.results import ResultsBucket
from headrace.streams.service_results import TranscodeResult
from headrace.streams.settings import StreamSettings

OUTPUT = "_transcoded/"
TOKEN = "headrace-token"
ENDINGS = {"proxy": "-proxy.mp4", "audio": "-audio.m4a", "frames": "-frames.0000000.jpg", "hls": ".m3u8"}
"""What follows the input's name. Of frames the first, from which the others count on; of HLS the list of renditions."""

FRAME_EVERY_SECONDS = 10
SEGMENT_SECONDS = 6


class MediaConvert:
    """Makes files of other formats, through MediaConvert. They are written to the results bucket."""

    def __init__(self, aws: AwsClient, bucket: ResultsBucket, settings: StreamSettings) -> None:
        self._aws = aws
        self._bucket = bucket
        self._settings = settings

    async def start(self, media: MediaReady, token: str, height: int, hls: bool = False) -> str:
        """Submit what is to be converted and give the job id."""
        asset = media.asset
        source: dict[str, Any] = {"FileInput": f"s3://{asset.bucket}/{asset.key}", "TimecodeSource": "ZEROBASED"}
        if media.audio_codec:
            source["AudioSelectors"] = {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}}
        place = f"s3://{self._bucket.name}/{OUTPUT}{token}/"
        groups = [_files(media, place, height), *([_stream(media, f"{place}hls/", height)] if hls else [])]
        answer = await self._aws.call(
            "mediaconvert",
            "create_job",
            Role=self._settings.mediaconvert_role_arn,
            ClientRequestToken=token,
            UserMetadata={TOKEN: token},
            Settings={"Inputs": [source], "OutputGroups": groups},
        )
        job_id: str = answer["Job"]["Id"]
        return job_id

    async def get_result(self, job_id: str, seconds: float) -> TranscodeResult:
        """Say what a job made. Its answer has no paths, which follow from its own settings."""
        job = (await self._aws.call("mediaconvert", "get_job", Id=job_id))["Job"]
        if job["Status"] != "COMPLETE":
            raise PermanentError("job_failed", f"job {job_id} is {job['Status']}: {job.get('ErrorMessage', '')}")
        name = job["Settings"]["Inputs"][0]["FileInput"].rsplit("/", 1)[-1].rsplit(".", 1)[0]
        files: list[Rendition] = []
        minutes = max(seconds, 10.0) / 60
        charges = [charge("mediaconvert", "CreateJob", minutes)]
        for group, details in zip(job["Settings"]["OutputGroups"], job["OutputGroupDetails"], strict=True):
            settings = group["OutputGroupSettings"]
            is_hls = settings["Type"] == "HLS_GROUP_SETTINGS"
            folder = settings["HlsGroupSettings" if is_hls else "FileGroupSettings"]["Destination"]
            charges += [charge("mediaconvert", "CreateJob HLS", minutes)] if is_hls else []
            files += [
                _rendition(f"{folder}{name}", output["NameModifier"].lstrip("-"), detail)
                for output, detail in zip(group["Outputs"], details["OutputDetails"], strict=True)
            ]
        return TranscodeResult(tuple(files), tuple(charges))


def _rendition(path: str, role: str, detail: dict[str, Any]) -> Rendition:
    """Name a file, or the one by which others are found."""
    bucket, _, key = path.removeprefix("s3://").partition("/")
    video = detail.get("VideoDetails", {})
    millis = detail.get("DurationInMs")
    return Rendition(
        role=role,
        bucket=bucket,
        key=f"{key}{ENDINGS[role]}",
        duration_seconds=None if millis is None or role == "frames" else millis / 1000,
        width=video.get("WidthInPx"),
        height=video.get("HeightInPx"),
    )


def _files(media: MediaReady, place: str, height: int) -> dict[str, Any]:
    """Describe the files that stand alone."""
    sound = [_audio()] if media.audio_codec else []
    return {
        "Name": "headrace",
        "OutputGroupSettings": {"Type": "FILE_GROUP_SETTINGS", "FileGroupSettings": {"Destination": place}},
        "Outputs": [_video(media, height, "-proxy", "MP4"), *sound, _frames()],
    }


def _stream(media: MediaReady, place: str, height: int) -> dict[str, Any]:
    """Describe a video to stream: HTTP Live Streaming, a playlist and its segments."""
    settings = {"Destination": place, "SegmentLength": SEGMENT_SECONDS, "MinSegmentLength": 0}
    return {
        "Name": "headrace-hls",
        "OutputGroupSettings": {"Type": "HLS_GROUP_SETTINGS", "HlsGroupSettings": settings},
        "Outputs": [_video(media, height, "-hls", "M3U8")],
    }


def _video(media: MediaReady, height: int, modifier: str, container: str) -> dict[str, Any]:
    """Describe a small H.264 video with sound; no larger than what there is, even in both directions."""
    high = min(height, media.height or height) // 2 * 2
    wide = round((media.width or high * 16 / 9) * high / (media.height or high)) // 2 * 2
    rate = {"RateControlMode": "QVBR", "MaxBitrate": 800_000, "QvbrSettings": {"QvbrQualityLevel": 6}}
    output: dict[str, Any] = {
        "NameModifier": modifier,
        "ContainerSettings": {"Container": container},
        "VideoDescription": {
            "Width": wide,
            "Height": high,
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

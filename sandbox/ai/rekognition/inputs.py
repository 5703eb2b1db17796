"""Read and validate the media of a Rekognition request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PIL import Image

from headrace.sandbox.ai.framework import image_analysis, inputs
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.image_analysis import DecodedImage
from headrace.sandbox.ai.framework.service import Params
from headrace.streams.limits.input_check import encoding_refusals, fixed_refusals
from headrace.streams.limits.input_rules import MediaRule
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.media.media_input import MediaInput

InputImage = TypeVar("InputImage")

RULE = media_rule("rekognition", "DetectLabels")
"""The rule of all operations on images that this endpoint has."""


def picture(image: Params, cloud: AwsClients) -> DecodedImage:
    """Measure the image of a request. Raises `ServiceError` for an image that Rekognition rejects."""
    return seen(image, cloud, image_analysis.measure)


def seen(
    image: Params, cloud: AwsClients, analyse: Callable[[Image.Image], InputImage], rule: MediaRule = RULE
) -> InputImage:
    """Return the result of `analyse` for the image of a request. Raises `ServiceError` for a rejected image."""
    try:
        data = _image_bytes(image, cloud)
        opened = image_analysis.read(data)
        _check(opened, data, rule)
        return analyse(opened)
    except image_analysis.NotAnImageError as error:
        raise ServiceError("InvalidImageFormatException", "Request has invalid image format") from error


def _check(opened: Image.Image, data: bytes, rule: MediaRule) -> None:
    width, height = opened.size
    media = MediaInput("", "", inputs.content_type(data), len(data), width=width, height=height)
    if any(fixed_refusals(rule, media)):
        raise ServiceError("InvalidParameterException", "Request has Invalid Parameters")
    if not any(media.content_type in encoding.content_types for encoding in rule.encodings):
        raise ServiceError("InvalidImageFormatException", "Request has invalid image format")
    if reasons := list(encoding_refusals(rule, media)):
        raise ServiceError("ImageTooLargeException", "; ".join(reasons))


def fetched(image: Params, cloud: AwsClients) -> Params:
    """Return the image of a request with its bytes, fetched from S3 once. Raises `ServiceError`."""
    return {"Bytes": _image_bytes(image, cloud)}


def _image_bytes(image: Params, cloud: AwsClients) -> bytes:
    if "Bytes" in image:
        return bytes(image["Bytes"])
    bucket, key, version = location(image)
    longest = max(encoding.max_bytes for encoding in RULE.encodings)
    if size(bucket, key, version, cloud) > longest:
        raise ServiceError("ImageTooLargeException", f"An image in S3 has at most {longest} bytes.")
    return cloud.read(bucket, key, version)


def location(media: Params) -> tuple[str, str, str | None]:
    """Return bucket, key and version of media in S3. Raises `ServiceError` if one is missing."""
    s3_object = media.get("S3Object", {})
    if "Bucket" not in s3_object or "Name" not in s3_object:
        raise ServiceError("InvalidParameterException", "Request has Invalid Parameters")
    return s3_object["Bucket"], s3_object["Name"], s3_object.get("Version")


def size(bucket: str, key: str, version: str | None, cloud: AwsClients) -> int:
    """Return the size of an object in bytes. Raises `ServiceError` if it is missing."""
    try:
        return cloud.size(bucket, key, version)
    except CloudRefusedError as error:
        why = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
        raise ServiceError("InvalidS3ObjectException", why) from error

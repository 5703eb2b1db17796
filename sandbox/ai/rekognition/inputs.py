"""Read and validate the media of a Rekognition request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PIL import Image

from headrace.sandbox.ai.framework import image_analysis
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.image_analysis import DecodedImage
from headrace.sandbox.ai.framework.service import Params

InputImage = TypeVar("InputImage")

# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
MAX_IMAGE_BYTES = 15 * 1024**2
LEAST_PIXELS, MAX_PIXELS = 80, 10_000


def picture(image: Params, cloud: AwsClients) -> DecodedImage:
    """Measure the image of a request. Raises `ServiceError` for an image that Rekognition rejects."""
    return seen(image, cloud, image_analysis.measure)


def seen(image: Params, cloud: AwsClients, analyse: Callable[[Image.Image], InputImage]) -> InputImage:
    """Return the result of `analyse` for the image of a request. Raises `ServiceError` for a rejected image."""
    try:
        opened = image_analysis.read(_image_bytes(image, cloud))
        if min(opened.size) < LEAST_PIXELS:
            raise ServiceError("InvalidParameterException", "Request has Invalid Parameters")
        if max(opened.size) > MAX_PIXELS:
            raise ServiceError("ImageTooLargeException", f"An image has at most {MAX_PIXELS} pixels each way.")
        return analyse(opened)
    except image_analysis.NotAnImageError as error:
        raise ServiceError("InvalidImageFormatException", "Request has invalid image format") from error


def fetched(image: Params, cloud: AwsClients) -> Params:
    """Return the image of a request with its bytes, fetched from S3 once. Raises `ServiceError`."""
    return {"Bytes": _image_bytes(image, cloud)}


def _image_bytes(image: Params, cloud: AwsClients) -> bytes:
    if "Bytes" in image:
        return bytes(image["Bytes"])
    bucket, key, version = location(image)
    if size(bucket, key, version, cloud) > MAX_IMAGE_BYTES:
        raise ServiceError("ImageTooLargeException", f"An image in S3 has at most {MAX_IMAGE_BYTES} bytes.")
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

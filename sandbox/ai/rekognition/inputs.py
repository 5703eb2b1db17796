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
MOST_IMAGE_BYTES = 15 * 1024**2
LEAST_PIXELS, MOST_PIXELS = 80, 10_000


def picture(image: Params, cloud: AwsClients) -> DecodedImage:
    """The measures of a request's image; raises `ServiceError` for one that Rekognition does not take."""
    return seen(image, cloud, image_analysis.measure)


def seen(image: Params, cloud: AwsClients, look: Callable[[Image.Image], InputImage]) -> InputImage:
    """What a look at a request's image gives; raises `ServiceError` for one that Rekognition does not take."""
    try:
        opened = image_analysis.read(_image_bytes(image, cloud))
        if min(opened.size) < LEAST_PIXELS:
            raise ServiceError("InvalidParameterException", "Request has Invalid Parameters")
        if max(opened.size) > MOST_PIXELS:
            raise ServiceError("ImageTooLargeException", f"An image has at most {MOST_PIXELS} pixels each way.")
        return look(opened)
    except image_analysis.NotAnImageError as error:
        raise ServiceError("InvalidImageFormatException", "Request has invalid image format") from error


def fetched(image: Params, cloud: AwsClients) -> Params:
    """A request's image with its bytes, so that to look at it twice fetches it once; raises `ServiceError`."""
    return {"Bytes": _image_bytes(image, cloud)}


def _image_bytes(image: Params, cloud: AwsClients) -> bytes:
    if "Bytes" in image:
        return bytes(image["Bytes"])
    bucket, key, version = location(image)
    if size(bucket, key, version, cloud) > MOST_IMAGE_BYTES:
        raise ServiceError("ImageTooLargeException", f"An image in S3 has at most {MOST_IMAGE_BYTES} bytes.")
    return cloud.read(bucket, key, version)


def location(media: Params) -> tuple[str, str, str | None]:
    """Bucket, key and version of media in S3; raises `ServiceError` where they are not named."""
    where = media.get("S3Object", {})
    if "Bucket" not in where or "Name" not in where:
        raise ServiceError("InvalidParameterException", "Request has Invalid Parameters")
    return where["Bucket"], where["Name"], where.get("Version")


def size(bucket: str, key: str, version: str | None, cloud: AwsClients) -> int:
    """The bytes of an object; raises `ServiceError` where it is not there."""
    try:
        return cloud.size(bucket, key, version)
    except CloudRefusedError as error:
        why = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
        raise ServiceError("InvalidS3ObjectException", why) from error

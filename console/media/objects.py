"""Read objects of S3 for pages: whole small results, and ranges of media."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.console.errors import CommandError, UnavailableError

LARGEST_RESULT = 16 * 2**20
"""Bytes of a stored result that a page shows."""
CHUNK = 256 * 1024
"""Bytes per chunk of a response."""

_RANGE = re.compile(r"bytes=(?:[0-9]{1,15}-[0-9]{0,15}|-[0-9]{1,15})")
_LOCATION = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)
_GONE = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404", "NotFound"})
_REPLACED = frozenset({"PreconditionFailed", "412"})
_OUTSIDE = frozenset({"InvalidRange", "416"})


class ObjectGoneError(CommandError):
    """The object, or this version of it, does not exist any more."""


class RangeNotSatisfiableError(CommandError):
    """The range begins after the end of the object."""


@dataclass(frozen=True, slots=True)
class ObjectName:
    """An object of S3. With a version id or an ETag, only this version of it."""

    bucket: str
    key: str
    version_id: str | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class ObjectPart:
    """A range of an object, or all of it. `content_range` is empty for all of it."""

    content_type: str
    length: int
    content_range: str
    body: Any

    def chunks(self) -> Iterator[bytes]:
        """Yield the content, and close the connection at the end."""
        try:
            yield from self.body.iter_chunks(CHUNK)
        finally:
            self.body.close()


def parse_location(location: str) -> ObjectName:
    """Parse `s3://bucket/key`.

    Raises:
        ObjectGoneError: it is none.
    """
    match = _LOCATION.fullmatch(location)
    if match is None:
        raise ObjectGoneError(f"{location} is not an object of S3")
    return ObjectName(match[1], match[2])


class MediaObjects:
    """Reads objects of S3 with the credentials of the console."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def open(self, name: ObjectName, byte_range: str = "") -> ObjectPart:
        """Open an object, or a range of it in the syntax of HTTP. An invalid range is ignored, as in HTTP.

        Raises:
            ObjectGoneError: the object does not exist, or has another version.
            RangeNotSatisfiableError: the range begins after the end.
            UnavailableError: S3 does not answer.
        """
        options: dict[str, str] = {"Range": byte_range} if _RANGE.fullmatch(byte_range) else {}
        if name.version_id:
            options["VersionId"] = name.version_id
        elif name.etag:
            options["IfMatch"] = f'"{name.etag}"'
        answer = self._get(name, options)
        return ObjectPart(
            str(answer.get("ContentType", "")),
            answer["ContentLength"],
            str(answer.get("ContentRange", "")),
            answer["Body"],
        )

    def read(self, location: str) -> bytes:
        """Return a stored result of at most 16 MiB; raises as `open`, and `ObjectGoneError` for a larger one."""
        part = self.open(parse_location(location))
        if part.length > LARGEST_RESULT:
            part.body.close()
            raise ObjectGoneError(f"{location} has {part.length:,} bytes; pages show at most {LARGEST_RESULT:,}")
        return b"".join(part.chunks())

    def _get(self, name: ObjectName, options: Mapping[str, str]) -> dict[str, Any]:
        url = f"s3://{name.bucket}/{name.key}"
        try:
            return self._session.call_with_retries("s3", "get_object", Bucket=name.bucket, Key=name.key, **options)
        except AwsCallError as error:
            if error.code in _GONE:
                raise ObjectGoneError(f"{url} does not exist any more") from error
            if error.code in _REPLACED:
                raise ObjectGoneError(f"{url} was replaced by a newer version") from error
            if error.code in _OUTSIDE:
                raise RangeNotSatisfiableError(f"{url} is shorter than the range {options.get('Range')}") from error
            raise UnavailableError(f"{url} cannot be read: {error}") from error

"""One HEAD request for an object, with the outcomes that its callers tell apart."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.schemas.runtime.outage_log import OutageLog

PAUSE_SECONDS = 5.0
"""Seconds after a failure during which no request is sent, so that an outage of S3 delays no other messages."""

_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
"""The names that the SDK accepts. Source: botocore, `VALID_BUCKET`."""
_GONE = ("404", "405")
"""The object or its version does not exist, or is a delete marker."""
_LATER = ("", "408", "429", "500", "502", "503", "504")
"""The answer to a HEAD has no body, so the code is its HTTP status. The code is empty without an answer."""


class ObjectHeadUnavailableError(Exception):
    """S3 does not answer now. The same request may succeed later."""


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """The state of an object. `etag` is without quotes; `modified` has a resolution of one second."""

    etag: str
    modified: datetime


HeadObject = Callable[[str, str, str | None], ObjectHead | None]
"""Takes a bucket, a key and a version id, as `ObjectHeads` does."""


def no_head(bucket: str, key: str, version_id: str | None) -> ObjectHead | None:
    """Send no request: uploads are ordered by the times of their events."""


class ObjectHeads:
    """HEAD requests with the credentials of the process. Thread-safe.

    Source: Amazon S3 API Reference, "HeadObject".
    """

    def __init__(self, aws: AwsSession, clock: Callable[[], float] = time.monotonic) -> None:
        self._aws = aws
        self._clock = clock
        self._closed_until = float("-inf")
        self._outage = OutageLog(dependency="s3")

    def __call__(self, bucket: str, key: str, version_id: str | None) -> ObjectHead | None:
        """Return the state of an object; None if it is gone, has an invalid name, or S3 rejects the request.

        Raises:
            ObjectHeadUnavailableError: S3 does not answer, has an internal error, or limits the rate.
        """
        if not (key and _BUCKET.fullmatch(bucket)):
            return None
        if self._clock() < self._closed_until:
            raise ObjectHeadUnavailableError("S3 did not answer a few seconds ago")
        version = {"VersionId": version_id} if version_id else {}
        try:
            found = self._aws.call_with_retries("s3", "head_object", Bucket=bucket, Key=key, **version)
        except AwsCallError as error:
            self._handle(error)
            return None
        self._outage.recovered()
        return _head(found)

    def _handle(self, error: AwsCallError) -> None:
        if error.code in _LATER:
            self._closed_until = self._clock() + PAUSE_SECONDS
            self._outage.down(f"S3 does not answer: {error}")
            raise ObjectHeadUnavailableError(str(error)) from error
        if error.code not in _GONE:
            reason = f"HEAD requests get the status {error.code}: allow s3:GetObject and s3:ListBucket."
            self._outage.down(f"{reason} Events without a sequencer are ordered by their own time only")


def _head(found: dict[str, Any]) -> ObjectHead | None:
    etag, modified = found.get("ETag"), found.get("LastModified")
    return ObjectHead(etag.strip('"'), modified) if etag and isinstance(modified, datetime) else None

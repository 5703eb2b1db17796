"""Read stored results from S3, in bounded memory."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Protocol

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.schemas.records import Pointer

LARGEST_RESULT = 64 * 2**20
"""Bytes of a result whose text is indexed; a transcript of 10 hours has about 20 MB."""
CACHED, LARGEST_CACHED = 64, 2**20
"""Number of results that are kept for events with the same pointer, and the size limit of each in bytes."""
_GONE = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NotFound"})


class ResultMissingError(Exception):
    """The stored result does not exist any more."""


class InvalidResultError(Exception):
    """The stored result is not what the event describes: too large, or changed."""


class ResultsUnavailableError(Exception):
    """S3 does not return the result now: an outage, or a missing permission."""


class ResultReader(Protocol):
    """Reads the content of a pointer."""

    def read(self, pointer: Pointer) -> bytes:
        """Return the content.

        Raises:
            ResultMissingError, InvalidResultError, ResultsUnavailableError: it cannot be read.
        """
        ...


class S3Results:
    """Reads results from S3."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session
        self._cache: OrderedDict[Pointer, bytes] = OrderedDict()

    def read(self, pointer: Pointer) -> bytes:
        """Return the content of a pointer; as `ResultReader.read`."""
        if pointer in self._cache:
            self._cache.move_to_end(pointer)
            return self._cache[pointer]
        content = self._fetch(pointer)
        if hashlib.sha256(content).hexdigest() != pointer.sha256:
            raise InvalidResultError(f"s3://{pointer.bucket}/{pointer.key} has changed since the event was written")
        if len(content) <= LARGEST_CACHED:
            self._cache[pointer] = content
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return content

    def _fetch(self, pointer: Pointer) -> bytes:
        name = f"s3://{pointer.bucket}/{pointer.key}"
        if pointer.size > LARGEST_RESULT:
            raise InvalidResultError(f"{name} has {pointer.size:,} bytes; at most {LARGEST_RESULT:,} are indexed")
        try:
            answer = self._session.call_with_retries("s3", "get_object", Bucket=pointer.bucket, Key=pointer.key)
            content: bytes = answer["Body"].read(LARGEST_RESULT + 1)
        except AwsCallError as error:
            if error.code in _GONE:
                raise ResultMissingError(f"{name} does not exist") from error
            raise ResultsUnavailableError(f"{name}: {error}") from error
        except OSError as error:
            raise ResultsUnavailableError(f"{name}: {error}") from error
        return content

"""The operations of an object store that reuse needs beside those of the results store."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from headrace.streams.results import ResultsBucket


class TaggedContent(NamedTuple):
    """The content of an object, and its entity tag."""

    content: bytes
    etag: str


class ContentBucket(ResultsBucket, Protocol):
    """A results bucket with conditional writes. Source: Amazon S3 User Guide, "Conditional writes"."""

    async def get_tagged(self, key: str) -> TaggedContent | None:
        """Return the content and the entity tag of an object; None if it does not exist."""
        ...

    async def put_if(self, key: str, content: bytes, etag: str | None) -> bool:
        """Store a JSON object if its entity tag is `etag`, or if there is none for None. Return whether it was."""
        ...

    async def copy(self, source: str, target: str) -> bool:
        """Copy an object. Return False if it does not exist, or is larger than a copy may be."""
        ...

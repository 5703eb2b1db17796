"""Read the results bucket: every stored result of a stage has the envelope of its event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.connectors.backfill.listing import BucketPrefix, ListedObject, ListingError, objects
from headrace.console.errors import CommandError
from headrace.streams.result_paths import VersionPath, read_result_name, read_version_folder

READERS = 16
"""Objects that are read at the same time."""
LARGEST = 2**20
"""Bytes of a stored event; a record has at most 256 KB."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that a stage stored. `kind` is `result`, `started` or `failed`; `modified` in seconds since 1970."""

    key: str
    stage: str
    kind: str
    modified: float


@dataclass(frozen=True, slots=True)
class ResultFolder:
    """The objects of one asset version. `path` is None if a name in it is hashed."""

    path: VersionPath | None
    objects: tuple[StoredObject, ...]


class StoredResults:
    """The stored results of a bucket. `get` returns the content of an object, or None if it does not exist."""

    def __init__(self, listed: Callable[[], Iterable[ListedObject]], get: Callable[[str], bytes | None]) -> None:
        self._listed = listed
        self._get = get

    def folders(self) -> Iterator[ResultFolder]:
        """Yield the folder of every asset version, in the order of their keys."""
        for name, found in groupby(self._listed(), key=lambda each: each.key.rpartition("/")[0]):
            if name.count("/") != 2 or name.startswith("_"):
                continue  # jobs, epochs and trials
            known = tuple(_stored(each) for each in found if _is_event(each))
            if known:
                yield ResultFolder(read_version_folder(name), known)

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the content of objects, or None for each that does not exist."""
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self._get, keys))


def in_s3(aws: AwsSession, bucket: str) -> StoredResults:
    """Return the stored results of a bucket in S3. Reading raises `CommandError` while S3 does not answer."""

    def listed() -> Iterator[ListedObject]:
        try:
            yield from objects(aws, BucketPrefix(bucket))
        except ListingError as error:
            raise CommandError(f"the results bucket cannot be read: {error}") from error

    def get(key: str) -> bytes | None:
        try:
            answer = aws.call_with_retries("s3", "get_object", Bucket=bucket, Key=key)
            content: bytes = answer["Body"].read(LARGEST)
        except AwsCallError as error:
            if error.code == "NoSuchKey":
                return None
            raise CommandError(f"the results bucket cannot be read: s3://{bucket}/{key}: {error}") from error
        except OSError as error:
            raise CommandError(f"the results bucket cannot be read: s3://{bucket}/{key}: {error}") from error
        return content

    return StoredResults(listed, get)


def _is_event(listed: ListedObject) -> bool:
    return read_result_name(listed.key.rpartition("/")[2]) is not None


def _stored(listed: ListedObject) -> StoredObject:
    stage, kind = read_result_name(listed.key.rpartition("/")[2]) or ("", "")
    return StoredObject(listed.key, stage, kind, listed.modified.timestamp())

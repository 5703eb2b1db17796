"""Lists what lies in a bucket now: the current version of each object, in the order of keys, from any key on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.connectors.aws.client import AwsCallError, call_with_retries

PAGE = 1000
"""Objects, the most that S3 lists at a time."""

_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL)
_DIRECTORY_BUCKET = "--x-s3"


class ListingError(Exception):
    """The bucket cannot be listed; one line that names what to do."""


@dataclass(frozen=True, slots=True)
class BucketPrefix:
    """What is to be listed. `versioned` when the bucket keeps versions, or has kept them."""

    bucket: str
    prefix: str = ""
    region: str = ""
    versioned: bool = False

    @property
    def address(self) -> str:
        """The place as people write it."""
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """The current version of one object. `version_id` is empty where S3 has none for it; `size` is in bytes."""

    key: str
    size: int
    etag: str
    modified: datetime
    version_id: str = ""
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One answer of S3. `last` is the last key that it told of, also one that is deleted; empty at the end."""

    objects: tuple[ListedObject, ...]
    last: str = ""


def parse(address: str) -> BucketPrefix:
    """Read `s3://bucket/prefix`. Raises `Unlistable` for anything else."""
    found = _ADDRESS.fullmatch(address)
    if found is None or address.encode(errors="ignore").decode() != address:
        raise ListingError(f"{address!r} is no address of a bucket: write s3://bucket or s3://bucket/prefix")
    if found["bucket"].endswith(_DIRECTORY_BUCKET):
        raise ListingError(f"{found['bucket']} is a directory bucket: it lists in no order, so nothing could resume")
    return BucketPrefix(found["bucket"], found["prefix"] or "")


def open_prefix(address: str) -> BucketPrefix:
    """Find the bucket, its region, and whether it keeps versions. Raises `Unlistable` when it may not be listed."""
    place = parse(address)
    try:
        head = call_with_retries("s3", "head_bucket", Bucket=place.bucket)
        versioning = call_with_retries("s3", "get_bucket_versioning", Bucket=place.bucket)
    except AwsCallError as error:
        raise ListingError(_in_words(place, error)) from error
    return BucketPrefix(place.bucket, place.prefix, head.get("BucketRegion", ""), "Status" in versioning)


def objects(place: BucketPrefix, after: str = "") -> Iterator[ListedObject]:
    """Give every object whose key comes after `after`, in the order of keys. Raises `Unlistable`."""
    while True:
        try:
            page = _page(place, after)
        except AwsCallError as error:
            raise ListingError(_in_words(place, error)) from error
        yield from page.objects
        if not page.last:
            return
        after = page.last


def from_objects(answer: dict[str, Any]) -> ListingPage:
    """Read an answer to ListObjectsV2."""
    found = answer.get("Contents", ())
    return ListingPage(tuple(map(_listed, found)), _last(answer, found))


def from_versions(answer: dict[str, Any]) -> ListingPage:
    """Read an answer to ListObjectVersions: only what is current, and no delete markers.

    The last key stands for all of its versions: the current one comes first, the older ones need not be listed.
    """
    found, markers = answer.get("Versions", ()), answer.get("DeleteMarkers", ())
    return ListingPage(tuple(_listed(each) for each in found if each["IsLatest"]), _last(answer, [*found, *markers]))


def _page(place: BucketPrefix, after: str) -> ListingPage:
    """Ask by key, not by S3's token: a run that was killed asks just as one that goes on."""
    within: dict[str, Any] = {"Bucket": place.bucket, "Prefix": place.prefix, "MaxKeys": PAGE}
    if place.versioned:
        return from_versions(call_with_retries("s3", "list_object_versions", KeyMarker=after, **within))
    return from_objects(call_with_retries("s3", "list_objects_v2", StartAfter=after, **within))


def _listed(found: dict[str, Any]) -> ListedObject:
    version_id = found.get("VersionId", "null")
    return ListedObject(
        key=found["Key"],
        size=found["Size"],
        etag=found["ETag"].strip('"'),
        modified=found["LastModified"],
        version_id="" if version_id == "null" else version_id,
        storage_class=found.get("StorageClass", "STANDARD"),
    )


def _last(answer: dict[str, Any], found: Any) -> str:
    """Name the greatest key, as S3 sorts them: by their bytes in UTF-8, which is the order of code points."""
    return max((each["Key"] for each in found), default="") if answer.get("IsTruncated") else ""


def _in_words(place: BucketPrefix, error: AwsCallError) -> str:
    if error.code in ("404", "NoSuchBucket"):
        return f"there is no bucket {place.bucket}"
    if error.code in ("403", "AccessDenied"):
        return (
            f"no access to {place.bucket}: s3:ListBucket, s3:GetBucketVersioning and, where it keeps versions, "
            "s3:ListBucketVersions are needed"
        )
    return f"{place.bucket} cannot be listed: {error}"

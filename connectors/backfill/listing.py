"""List the current version of each object of a bucket, by key, from any key on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.connectors.aws.client import AwsCallError, AwsSession

PAGE = 1000
"""Objects per response, the maximum of S3."""

_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL)
_DIRECTORY_BUCKET = "--x-s3"


class ListingError(Exception):
    """The bucket cannot be listed; the text names what to do."""


@dataclass(frozen=True, slots=True)
class BucketPrefix:
    """A prefix of a bucket. `versioned` if versioning is or was enabled."""

    bucket: str
    prefix: str = ""
    region: str = ""
    versioned: bool = False

    @property
    def address(self) -> str:
        """The `s3://` URL."""
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class ListedObject:
    """The current version of one object. `version_id` is empty without versioning; `size` is in bytes.

    `follows` is the sequencer of the accepted version that this one replaced, if one is known.
    """

    key: str
    size: int
    etag: str
    modified: datetime
    version_id: str = ""
    storage_class: str = "STANDARD"
    follows: str = ""


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One response of S3. `last` is the last key in it, deleted ones included; empty on the last page."""

    objects: tuple[ListedObject, ...]
    last: str = ""


def parse(address: str) -> BucketPrefix:
    """Read `s3://bucket/prefix`. Raises `ListingError`."""
    found = _ADDRESS.fullmatch(address)
    if found is None or address.encode(errors="ignore").decode() != address:
        raise ListingError(f"{address!r} is no address of a bucket: write s3://bucket or s3://bucket/prefix")
    if found["bucket"].endswith(_DIRECTORY_BUCKET):
        raise ListingError(f"{found['bucket']} is a directory bucket: it lists in no order, so nothing could resume")
    return BucketPrefix(found["bucket"], found["prefix"] or "")


def open_prefix(aws: AwsSession, address: str) -> BucketPrefix:
    """Find the bucket, its region, and whether it keeps versions. Raises `ListingError`."""
    place = parse(address)
    try:
        head = aws.call_with_retries("s3", "head_bucket", Bucket=place.bucket)
        versioning = aws.call_with_retries("s3", "get_bucket_versioning", Bucket=place.bucket)
    except AwsCallError as error:
        raise ListingError(_in_words(place, error)) from error
    return BucketPrefix(place.bucket, place.prefix, head.get("BucketRegion", ""), "Status" in versioning)


def objects(aws: AwsSession, place: BucketPrefix, after: str = "") -> Iterator[ListedObject]:
    """Yield every object whose key comes after `after`, in the order of keys. Raises `ListingError`."""
    while True:
        try:
            page = _page(aws, place, after)
        except AwsCallError as error:
            raise ListingError(_in_words(place, error)) from error
        yield from page.objects
        if not page.last:
            return
        if page.last == after:  # the same page again, without an end
            raise ListingError(f"the listing of {place.address} repeats the key {after!r}: it is not that of S3")
        after = page.last


def from_objects(answer: dict[str, Any]) -> ListingPage:
    """Parse a response of ListObjectsV2."""
    found = answer.get("Contents", ())
    return ListingPage(tuple(map(_listed, found)), _last(answer, found))


def from_versions(answer: dict[str, Any]) -> ListingPage:
    """Parse a response of ListObjectVersions: only what is current, and no delete markers.

    The last key stands for all of its versions: the current one comes first, the older ones need not be listed.
    """
    found, markers = answer.get("Versions", ()), answer.get("DeleteMarkers", ())
    return ListingPage(tuple(_listed(each) for each in found if each["IsLatest"]), _last(answer, [*found, *markers]))


def _page(aws: AwsSession, place: BucketPrefix, after: str) -> ListingPage:
    """Request a page by key, not by continuation token, so that a killed run can resume."""
    within: dict[str, Any] = {"Bucket": place.bucket, "Prefix": place.prefix, "MaxKeys": PAGE}
    if place.versioned:
        return from_versions(aws.call_with_retries("s3", "list_object_versions", KeyMarker=after, **within))
    return from_objects(aws.call_with_retries("s3", "list_objects_v2", StartAfter=after, **within))


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
    """Return the greatest key in the order of S3: UTF-8 bytes, which is code point order."""
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

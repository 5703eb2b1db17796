"""S3 adapters of the stages: media objects and the results bucket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from headrace.schemas.records import Asset
from headrace.streams.aws.client import AwsClient
from headrace.streams.errors import ObjectGone, OutageError, PermanentError, StageError
from headrace.streams.media.media_input import MediaInput
from headrace.streams.reuse.bucket import TaggedContent

CONDITION_FAILED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})
NOT_COPYABLE = frozenset({"NoSuchKey", "InvalidRequest", "EntityTooLarge"})
MISSING = ("NoSuchKey", "NoSuchVersion")


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Create a temporary folder. Without a folder that it can write to, `tempfile` raises FileNotFoundError."""
    try:
        return tempfile.TemporaryDirectory(prefix="headrace-")
    except FileNotFoundError as error:
        raise OutageError(f"{error.strerror}: free space there, or set TMPDIR to another folder") from error


class S3Bucket:
    """`streams.results.ResultsBucket` over S3. A denied access is an outage, because every record needs the bucket."""

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws = aws
        self.name = name

    async def list(self, prefix: str, after: str) -> list[str]:
        """Return at most 1,000 keys with a prefix after a key, in lexical order."""
        response = await self._call("list_objects_v2", Prefix=prefix, StartAfter=after)
        return [item["Key"] for item in response.get("Contents", ())]

    async def get(self, key: str) -> bytes | None:
        """Return an object's bytes; None if it does not exist."""
        found = await self._get(key)
        return None if found is None else found[0]

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object durably."""
        await self._call("put_object", Key=key, Body=content, ContentType=content_type)

    async def get_tagged(self, key: str) -> TaggedContent | None:
        """Return an object's bytes and its entity tag; None if it does not exist."""
        found = await self._get(key)
        return None if found is None else TaggedContent(found[0], found[1]["ETag"])

    async def put_if(self, key: str, content: bytes, etag: str | None) -> bool:
        """Store a JSON object if its entity tag is `etag`, or if there is none. Return whether it was stored."""
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        put = {"Key": key, "Body": content, "ContentType": "application/json", **condition}
        return await self._succeeds("put_object", CONDITION_FAILED, put)

    async def copy(self, source: str, target: str) -> bool:
        """Copy an object within S3; False if it does not exist or is larger than 5 GB, the limit of one copy."""
        copy = {"Key": target, "CopySource": {"Bucket": self.name, "Key": source}}
        return await self._succeeds("copy_object", NOT_COPYABLE, copy)

    async def _get(self, key: str) -> tuple[bytes, dict[str, Any]] | None:
        """Return an object's bytes and the response that they are from; None if it does not exist."""
        try:
            response = await self._call("get_object", Key=key)
            content: bytes = await self._aws.run(response["Body"].read)
        except StageError as failure:
            if failure.code == "NoSuchKey":
                return None
            raise
        return content, response

    async def _succeeds(self, operation: str, expected: frozenset[str], parameters: dict[str, Any]) -> bool:
        """Call an operation; return False for an expected error code."""
        try:
            await self._aws.call("s3", operation, Bucket=self.name, **parameters)
        except StageError as failure:
            if failure.code in expected:
                return False
            if isinstance(failure, PermanentError):
                raise OutageError(f"results bucket {self.name}: {failure.why}") from failure
            raise
        return True

    async def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        try:
            return await self._aws.call("s3", operation, Bucket=self.name, **parameters)
        except PermanentError as failure:
            raise OutageError(f"results bucket {self.name}: {failure.why}") from failure


class S3Objects:
    """`streams.services.Objects` over S3."""

    def __init__(self, aws: AwsClient, max_bytes: int) -> None:
        self._aws = aws
        self._max_bytes = max_bytes

    @asynccontextmanager
    async def fetched(self, asset: Asset) -> AsyncIterator[Path]:
        """Download exactly this version to a temporary file.

        The file name is independent of the key, parameters may contain `../`.

        Raises:
            ObjectGone: The object was replaced or deleted.
        """
        if asset.size > self._max_bytes:
            raise PermanentError("too_large", f"the object has {asset.size} bytes, the limit is {self._max_bytes}")
        with _temporary_folder() as folder:
            path = Path(folder) / "object"
            await self._download(asset, path)
            yield path

    async def tags(self, asset: Asset) -> dict[str, str]:
        """Return the tags of this version, or of the current object if it has no version id."""
        parameters = {"Bucket": asset.bucket, "Key": asset.key}
        if asset.version_id:
            parameters["VersionId"] = asset.version_id
        response = await self._aws.call("s3", "get_object_tagging", **parameters)
        return {tag["Key"]: tag["Value"] for tag in response["TagSet"]}

    async def _download(self, asset: Asset, path: Path) -> None:
        parameters: dict[str, Any] = {"Bucket": asset.bucket, "Key": asset.key}
        if asset.version_id:
            parameters["VersionId"] = asset.version_id
        elif asset.etag:
            parameters["IfMatch"] = asset.etag
        try:
            response = await self._aws.call("s3", "get_object", **parameters)
        except StageError as failure:
            if failure.code == "PreconditionFailed":
                raise ObjectGone("another version replaced the object") from failure
            if failure.code in MISSING:
                raise ObjectGone("the object was deleted") from failure
            raise

        def save() -> None:
            with path.open("wb") as file:
                shutil.copyfileobj(response["Body"], file, 1 << 20)

        await self._aws.run(save)


async def read_object(aws: AwsClient, media: MediaInput) -> bytes:
    """Return the content of a small file.

    Raises:
        ObjectGone: The file was deleted.
    """
    version = {"VersionId": media.version_id} if media.version_id else {}
    try:
        response = await aws.call("s3", "get_object", Bucket=media.bucket, Key=media.key, **version)
    except StageError as failure:
        if failure.code in MISSING:
            raise ObjectGone("the object was deleted") from failure
        raise
    content: bytes = await aws.run(response["Body"].read)
    return content

"""S3 as the stages see it: the media itself, and the bucket that holds results."""

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


class S3Bucket:
    """`streams.results.Bucket` over S3. A bucket that refuses us is an outage: no record could pass without it."""

    def __init__(self, aws: AwsClient, name: str) -> None:
        self._aws = aws
        self.name = name

    async def list(self, prefix: str, after: str) -> list[str]:
        """Name at most 1,000 keys under a prefix that come after a key, in text order."""
        answer = await self._call("list_objects_v2", Prefix=prefix, StartAfter=after)
        return [found["Key"] for found in answer.get("Contents", ())]

    async def get(self, key: str) -> bytes | None:
        """Give an object's bytes; None when it is not there."""
        try:
            answer = await self._call("get_object", Key=key)
            content: bytes = await self._aws.run(answer["Body"].read)
        except StageError as failure:
            if failure.code == "NoSuchKey":
                return None
            raise
        return content

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object. It is durable when this returns."""
        await self._call("put_object", Key=key, Body=content, ContentType=content_type)

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
        """Hold exactly this version in a file for a while. Raises `Gone` when another has taken its place.

        The file's name is none of the key's: a key may be anything, `../` included.
        """
        if asset.size > self._max_bytes:
            raise PermanentError("too_large", f"{asset.size} bytes are more than the {self._max_bytes} allowed")
        with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
            path = Path(folder) / "object"
            await self._download(asset, path)
            yield path

    async def tags(self, asset: Asset) -> dict[str, str]:
        """Give the object's tags: this version's where it has an id, else those of the object as it is now."""
        which = {"Bucket": asset.bucket, "Key": asset.key}
        if asset.version_id:
            which["VersionId"] = asset.version_id
        answer = await self._aws.call("s3", "get_object_tagging", **which)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    async def _download(self, asset: Asset, path: Path) -> None:
        which: dict[str, Any] = {"Bucket": asset.bucket, "Key": asset.key}
        if asset.version_id:
            which["VersionId"] = asset.version_id
        elif asset.etag:
            which["IfMatch"] = asset.etag
        try:
            answer = await self._aws.call("s3", "get_object", **which)
        except StageError as failure:
            if failure.code == "PreconditionFailed":
                raise ObjectGone("another version has taken its place") from failure
            raise

        def save() -> None:
            with path.open("wb") as file:
                shutil.copyfileobj(answer["Body"], file, 1 << 20)

        await self._aws.run(save)

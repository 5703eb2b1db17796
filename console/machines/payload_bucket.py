"""Large payloads of executions in the results bucket."""

from __future__ import annotations

from typing import Any

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.console.errors import UnavailableError


class PayloadBucket:
    """The results bucket, as `streams.results.ResultsBucket` describes it."""

    def __init__(self, aws: AwsSession, name: str) -> None:
        self._aws = aws
        self.name = name

    async def list(self, prefix: str, after: str) -> list[str]:
        """Return at most 1,000 keys with a prefix after a key."""
        answer = self._call("list_objects_v2", Prefix=prefix, StartAfter=after)
        return [item["Key"] for item in answer.get("Contents", ())]

    async def get(self, key: str) -> bytes | None:
        """Return an object; None if it does not exist."""
        return self.read(key)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object."""
        self._call("put_object", Key=key, Body=content, ContentType=content_type)

    def read(self, key: str) -> bytes | None:
        """Return an object; None if it does not exist.

        Raises:
            UnavailableError: S3 does not answer, or refuses the call.
        """
        try:
            content: bytes = self._aws.call_with_retries("s3", "get_object", Bucket=self.name, Key=key)["Body"].read()
        except AwsCallError as error:
            if error.code == "NoSuchKey":
                return None
            raise UnavailableError(f"s3://{self.name}/{key} cannot be read: {error}") from error
        return content

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        try:
            return self._aws.call_with_retries("s3", operation, Bucket=self.name, **parameters)
        except AwsCallError as error:
            raise UnavailableError(f"the results bucket {self.name}: {error}") from error

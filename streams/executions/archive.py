"""Ended executions in the results bucket, for redrives and to keep names unique."""

from __future__ import annotations

from hashlib import sha256

from headrace.streams.executions.open_execution import OpenExecution, decode_open
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.results import ResultsBucket


class ExecutionArchive:
    """Reads and writes ended executions."""

    def __init__(self, bucket: ResultsBucket, payloads: PayloadStore) -> None:
        self._bucket = bucket
        self._payloads = payloads

    async def get(self, execution: str) -> OpenExecution | None:
        """Return an ended execution; None if it is not in the archive."""
        content = await self._bucket.get(archive_key(execution))
        return None if content is None else await decode_open(content, self._payloads)

    async def put(self, execution: str, content: bytes) -> None:
        """Store an ended execution as `encode_open` returned it."""
        await self._bucket.put(archive_key(execution), content, "application/octet-stream")


def archive_key(execution: str) -> str:
    """Return the key of an ended execution in the results bucket."""
    digest = sha256(execution.encode("utf-8", "surrogatepass")).hexdigest()
    return f"_machines/executions/{digest[:2]}/{digest}"

"""Payloads that are too large for a record, in the results bucket by their SHA-256 (claim check)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from headrace.schemas.records import Pointer
from headrace.streams.errors import PermanentError
from headrace.streams.executions.json_codec import decode_json, encode_json
from headrace.streams.machines.execution.snapshot import PayloadPointer
from headrace.streams.results import ResultsBucket

LARGEST_INLINE = 65_536
"""Bytes of a payload within a record."""
PREFIX = '{"headrace:pointer":'
REMEMBERED = 10_000
JSON = "application/json"


class _PointerText(msgspec.Struct, frozen=True, rename={"pointer": "headrace:pointer"}):
    pointer: PayloadPointer


class PayloadStore:
    """Stores payloads once. Payloads with equal bytes are one object."""

    def __init__(self, bucket: ResultsBucket, largest_inline: int = LARGEST_INLINE) -> None:
        self._bucket = bucket
        self.largest_inline = largest_inline
        self._known: OrderedDict[str, None] = OrderedDict()

    async def put_all(self, payloads: Mapping[str, bytes]) -> None:
        """Store payloads by their SHA-256. Returns once they are durable."""
        for digest, content in payloads.items():
            if digest not in self._known:
                await self._bucket.put(payload_key(digest), content, JSON)
                self._remember(digest)

    async def get(self, digest: str) -> bytes:
        """Return a payload.

        Raises:
            PermanentError: The payload was deleted.
        """
        content = await self._bucket.get(payload_key(digest))
        if content is None:
            key = payload_key(digest)
            raise PermanentError("payload_missing", f"s3://{self._bucket.name}/{key} does not exist; restore it")
        return content

    async def store(self, content: bytes) -> str:
        """Store content and return its SHA-256."""
        digest = sha256(content).hexdigest()
        await self.put_all({digest: content})
        return digest

    def pointer(self, digest: str, size: int) -> Pointer:
        """Return the location of stored content."""
        key = payload_key(digest)
        return Pointer(bucket=self._bucket.name, key=key, size=size, sha256=digest, content_type=JSON)

    async def fit(self, content: bytes) -> str:
        """Return JSON text, or the text of a pointer to it if it is too large for a record."""
        if len(content) <= self.largest_inline:
            return content.decode()
        pointer = PayloadPointer(await self.store(content), len(content))
        return encode_json(_PointerText(pointer)).decode()

    async def expand(self, text: str) -> bytes:
        """Return the JSON of a text that `fit` returned."""
        if not text.startswith(PREFIX):
            return text.encode()
        pointer: PayloadPointer = decode_json(text.encode(), _PointerText).pointer
        return await self.get(pointer.sha256)

    def _remember(self, digest: str) -> None:
        self._known[digest] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def payload_key(digest: str) -> str:
    """Return the key of a payload in the results bucket."""
    return f"_machines/payloads/{digest}.json"

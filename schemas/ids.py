"""Identity is computed, never drawn: the same cause always yields the same id."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Protocol

NAMESPACE = uuid.UUID("6f0b8a4c-52b5-5d0e-9c0a-3e7d1f2b4a68")
"""Namespace of every Headrace UUIDv5. Changing it would make every replay look new."""

SEQUENCER_WIDTH = 32
TOKEN = re.compile(r"(?P<stage>[a-z][a-z0-9-]{0,22})-[0-9a-f]{40}")
"""A job token: at most 64 characters, so a stage's name has at most 23."""


class AssetLike(Protocol):
    """What identity needs to know of an asset."""

    @property
    def bucket(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def sequencer(self) -> str: ...


def asset_key(asset: AssetLike) -> str:
    """Name the asset, whatever its version: `bucket/key`, the Kafka key of everything about it."""
    return f"{asset.bucket}/{asset.key}"


def root_id(asset: AssetLike, event_name: str) -> str:
    """Give one S3 event the same id however often and by whatever way it arrives."""
    return _uuid5(asset.bucket, asset.key, asset.version, asset.sequencer, event_name)


def derived_id(cause_id: str, stage: str, stage_version: int | str, ordinal: int | str = 0) -> str:
    """Give the `ordinal`-th event that a stage makes of one cause the same id on every run."""
    return _uuid5(cause_id, stage, str(stage_version), str(ordinal))


def named_id(*parts: str) -> str:
    """Give an event from outside an id computed from what makes it that event."""
    return _uuid5(*parts)


def job_end_id(service: str, job_id: str, token: str, status: str) -> str:
    """Give the end of a job the same id, whether AWS told of it or somebody asked."""
    return _uuid5("job", service, job_id, token, status)


def job_token(stage: str, asset: AssetLike, options: str) -> str:
    """Give one run of a stage over one asset version the same idempotency key on every attempt.

    At most 64 characters of `[a-z0-9-]`: valid as Rekognition's ClientRequestToken and JobTag, Textract's
    JobTag and Transcribe's job name. `options` names the stage's version, options and epoch. Raises ValueError for
    a stage whose name does not fit.
    """
    digest = hashlib.sha256(_joined(asset.bucket, asset.key, asset.version, asset.sequencer, stage, options))
    token = f"{stage}-{digest.hexdigest()[:40]}"
    if token_stage(token) != stage:
        raise ValueError(f"{stage!r} cannot name a stage: at most 23 of a-z, 0-9 and -, a letter first")
    return token


def token_stage(token: str) -> str | None:
    """Name the stage that a job token belongs to; None when the token is not one of ours."""
    found = TOKEN.fullmatch(token)
    return found["stage"] if found else None


def sequencer_order(sequencer: str) -> str:
    """Make S3 sequencers of one key comparable as text: the shorter is padded with zeros on the right.

    Source: Amazon S3 User Guide, "Event message structure". An asset without one sorts before all others.
    """
    return sequencer.upper().ljust(SEQUENCER_WIDTH, "0")


def _uuid5(*parts: str) -> str:
    """Write what `uuid.uuid5` gives, without the object that it makes of it. Source: RFC 9562, 5.5."""
    found = bytearray(hashlib.sha1(NAMESPACE.bytes + _joined(*parts), usedforsecurity=False).digest()[:16])
    found[6] = found[6] & 0x0F | 0x50
    found[8] = found[8] & 0x3F | 0x80
    text = found.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _joined(*parts: str) -> bytes:
    """Join so that no two different lists of parts give the same bytes."""
    return "".join([f"{len(part)}:{part}" for part in parts]).encode()

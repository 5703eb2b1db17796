"""Deterministic ids: the same cause always gives the same id."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Protocol

NAMESPACE = uuid.UUID("6f0b8a4c-52b5-5d0e-9c0a-3e7d1f2b4a68")
"""Namespace of every Headrace UUIDv5. A change would give every replayed event a new id."""

_NAMESPACE_BYTES = NAMESPACE.bytes
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""The first digit of the fourth group of a UUID, whose two highest bits are 10."""

SEQUENCER_WIDTH = 32
TOKEN = re.compile(r"(?P<stage>[a-z][a-z0-9-]{0,22})-[0-9a-f]{40}")
"""A job token has at most 64 characters, so a stage name has at most 23."""


class AssetLike(Protocol):
    """The fields of an asset that ids depend on."""

    @property
    def bucket(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def sequencer(self) -> str: ...


def asset_key(asset: AssetLike) -> str:
    """Return `bucket/key`, the Kafka key of every event of the asset."""
    return f"{asset.bucket}/{asset.key}"


def root_id(asset: AssetLike, event_name: str) -> str:
    """Return the id of an S3 event. It does not depend on the path or the number of deliveries."""
    return _uuid5(asset.bucket, asset.key, asset.version, asset.sequencer, event_name)


def derived_id(cause_id: str, stage: str, stage_version: int | str, ordinal: int | str = 0) -> str:
    """Return the id of the `ordinal`-th event that a stage derives from a cause; the same on every run."""
    return _uuid5(cause_id, stage, str(stage_version), str(ordinal))


def named_id(*parts: str) -> str:
    """Return the id of an external event, computed from the parts that identify it."""
    return _uuid5(*parts)


def job_end_id(service: str, job_id: str, token: str, status: str) -> str:
    """Return the id of a job's completion; the same for a notification from AWS and for a status call."""
    return _uuid5("job", service, job_id, token, status)


def job_token(stage: str, asset: AssetLike, options: str) -> str:
    """Return the idempotency key of a stage's run on an asset version; the same on every attempt.

    It has at most 64 characters of `[a-z0-9-]`: valid as Rekognition's ClientRequestToken and JobTag, Textract's JobTag
    and Transcribe's job name. `options` contains the stage's version, options and epoch.

    Raises:
        ValueError: The stage name is not valid in a token.
    """
    digest = hashlib.sha256(_joined(asset.bucket, asset.key, asset.version, asset.sequencer, stage, options))
    token = f"{stage}-{digest.hexdigest()[:40]}"
    if token_stage(token) != stage:
        raise ValueError(f"{stage!r} cannot name a stage: at most 23 of a-z, 0-9 and -, a letter first")
    return token


def token_stage(token: str) -> str | None:
    """Return the stage of a job token; None if it is not a Headrace token."""
    match = TOKEN.fullmatch(token)
    return match["stage"] if match else None


def sequencer_order(sequencer: str) -> str:
    """Pad an S3 sequencer with zeros on the right, so that sequencers of one key compare as text.

    Source: Amazon S3 User Guide, "Event message structure". An empty sequencer sorts before all others.
    """
    return sequencer.upper().ljust(SEQUENCER_WIDTH, "0")


def random_seed(id_: str) -> int:
    """Return 60 bits of a UUID as a seed: what a redelivered event draws is the same."""
    return int(id_.replace("-", "")[:15], 16)


def _uuid5(*parts: str) -> str:
    """Return `str(uuid.uuid5(...))` without creating a UUID object. Source: RFC 9562, 5.5."""
    text = hashlib.sha1(_NAMESPACE_BYTES + _joined(*parts), usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def _joined(*parts: str) -> bytes:
    """Join parts with their lengths, so that different lists give different bytes."""
    return "".join([f"{len(part)}:{part}" for part in parts]).encode()

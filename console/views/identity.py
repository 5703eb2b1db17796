"""Numbers that identify rows by what they are about. Pure."""

from __future__ import annotations

import hashlib


def identity_hash(identity: tuple[str, ...]) -> int:
    """Hash the identity of an event to 64 bits: enough to tell the events of one version apart."""
    digest = hashlib.blake2b("\n".join(identity).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)

"""Hash and verify passwords with Argon2id."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 256
CONCURRENT = 2
"""Verifications at the same time. Each takes 64 MiB of memory."""

_running = threading.BoundedSemaphore(CONCURRENT)


def hash_password(password: str) -> str:
    """Return the hash of a password, with its parameters and salt."""
    return PasswordHasher().hash(password)


def verify_password(hashed: str, password: str) -> bool:
    """Whether a password has a hash."""
    if len(password) > LONGEST:
        return False
    with _running:
        try:
            return PasswordHasher().verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

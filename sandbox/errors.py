"""How the sandbox says that something cannot be done."""

from __future__ import annotations


class SandboxError(Exception):
    """One or more lines for the person at the keyboard: what is wrong and what to do about it."""


class PortTakenError(SandboxError):
    """Another process listens where a part of the sandbox was to listen."""

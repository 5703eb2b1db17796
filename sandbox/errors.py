"""Errors of the sandbox."""

from __future__ import annotations


class SandboxError(Exception):
    """A message for the user with the cause and the remedy."""


class PortTakenError(SandboxError):
    """Another process listens on the port of a component."""

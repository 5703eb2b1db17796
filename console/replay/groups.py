"""Names of the consumer groups that replays use."""

from __future__ import annotations


def redrive_group(stage: str) -> str:
    """Return the consumer group that stores the redrive position of a stage on its dead-letter topic."""
    return f"headrace.redrive.{stage}"

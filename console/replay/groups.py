"""Names of consumer groups that replays use."""

from __future__ import annotations


def redrive_group(stage: str) -> str:
    """Name the consumer group that is the position of a stage's redrives on its dead-letter topic."""
    return f"headrace.redrive.{stage}"

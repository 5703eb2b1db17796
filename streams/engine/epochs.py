"""Store the epoch of a stage, which `headrace replay rewind --reprocess` increments.

The epoch is in the results bucket. Result names, event ids and job tokens contain it, so results of an earlier epoch
are not emitted again and do not replace new ones.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.streams.results import ResultsBucket
from headrace.streams.stage import Stage


async def with_current_epoch(bucket: ResultsBucket, stage: Stage) -> Stage:
    """Return the stage with its current epoch."""
    value = (await bucket.get(_key(stage.name))) or b"0"
    return replace(stage, epoch=int(value))


async def start_epoch(bucket: ResultsBucket, stage: str, epoch: int) -> None:
    """Set the epoch of a stage; workers read it when they start."""
    await bucket.put(_key(stage), str(epoch).encode(), "text/plain")


def _key(stage: str) -> str:
    return f"_epochs/{stage}.txt"

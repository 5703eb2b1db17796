"""How often somebody has asked for new effects of a stage: `headrace replay rewind --reprocess`.

The number lies in the results bucket, as a blown fuse does. Results are named by it, ids and job tokens made of it, so
that what was made in an earlier epoch is neither emitted again nor stands in the way.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.streams.results import ResultsBucket
from headrace.streams.stage import Stage


async def with_current_epoch(bucket: ResultsBucket, stage: Stage) -> Stage:
    """Give a stage as of its present epoch."""
    said = (await bucket.get(_key(stage.name))) or b"0"
    return replace(stage, epoch=int(said))


async def start_epoch(bucket: ResultsBucket, stage: str, epoch: int) -> None:
    """Begin an epoch, for workers that start from now on."""
    await bucket.put(_key(stage), str(epoch).encode(), "text/plain")


def _key(stage: str) -> str:
    return f"_epochs/{stage}.txt"

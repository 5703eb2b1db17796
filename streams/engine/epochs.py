"""Store the epoch of a stage, which `headrace replay rewind --reprocess` increments.

The epoch is in the results bucket. Result names, event ids and job tokens contain it, so results of an earlier epoch
are not emitted again and do not replace new ones.
"""

from __future__ import annotations

from dataclasses import replace

from headrace.schemas.parsing import InvalidValueError, parse_int
from headrace.streams.errors import OutageError
from headrace.streams.results import ResultsBucket
from headrace.streams.stage import Stage


async def with_current_epoch(bucket: ResultsBucket, stage: Stage) -> Stage:
    """Return the stage with its current epoch.

    Raises:
        OutageError: the stored epoch is not a number. A guess would run paid calls again, or reuse old results.
    """
    value = (await bucket.get(_key(stage.name))) or b"0"
    try:
        return replace(stage, epoch=parse_int(value.strip()))
    except InvalidValueError as error:
        raise OutageError(f"{_key(stage.name)} in the results bucket is {error}: restore the object") from error


async def start_epoch(bucket: ResultsBucket, stage: str, epoch: int) -> None:
    """Set the epoch of a stage; workers read it when they start."""
    await bucket.put(_key(stage), str(epoch).encode(), "text/plain")


def _key(stage: str) -> str:
    return f"_epochs/{stage}.txt"

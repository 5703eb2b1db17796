"""Tests of downloads: a full disk is a fault of this machine."""

from __future__ import annotations

import errno
import io
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.streams.aws.s3 import S3Objects
from headrace.streams.engine.outcome import PauseStage, outcome_for
from headrace.streams.errors import OutageError
from tests.support.records import asset


class Aws:
    """An object of 100,000 bytes."""

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(bytes(100_000))}

    async def run(self, work: Callable[[], Any]) -> Any:
        return work()


OBJECTS = S3Objects(Aws(), 1 << 30)  # type: ignore[arg-type]


async def test_download_is_a_temporary_file() -> None:
    async with OBJECTS.fetched(asset()) as path:
        assert path.stat().st_size == 100_000
    assert not path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
async def test_download_to_a_full_disk_pauses_the_stage() -> None:
    with pytest.raises(OSError, match="No space left") as failure:
        await OBJECTS._download(asset(), Path("/dev/full"))
    assert failure.value.errno == errno.ENOSPC
    assert isinstance(outcome_for(failure.value, 1, random.Random(1)), PauseStage)


async def test_temporary_folder_without_space_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: str) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(OutageError, match="set TMPDIR"):
        async with OBJECTS.fetched(asset()):
            pass

"""A billed service whose ledger is a file, for workers that crash before, during or after a call."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
import zlib
from pathlib import Path

import msgspec

from headrace.schemas.ids import root_id
from headrace.schemas.records import Asset
from headrace.streams.errors import PermanentError, TransientError
from headrace.streams.vision_features import Feature

EVENT = "ObjectCreated:Put"
BROKEN = "broken-"


class Crash:
    """Kills the process at a given crash point."""

    def __init__(self, point: str, passes: int) -> None:
        self._point = point
        self._left = passes

    def at(self, point: str) -> None:
        """Pass a point; kill the process if it is the crash point."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Effect(msgspec.Struct, frozen=True):
    """One line of the ledger."""

    cause: str
    token: str
    asset: Asset


class Ledger:
    """Billed calls. A repeated token has no effect, like AWS's ClientRequestToken."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self._known: set[str] = set()

    def pay(self, token: str, asset: Asset) -> None:
        """Record an effect unless the token is known."""
        with self._file.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read)
            self._known.update(msgspec.json.decode(line, type=Effect).token for line in file)
            if token not in self._known:
                file.write(msgspec.json.encode(Effect(root_id(asset, EVENT), token, asset)) + b"\n")
            file.flush()
            self._read = file.tell()
            self._known.add(token)


def is_mended(key: str, share: float) -> bool:
    """Whether a broken file belongs to the share that now succeeds."""
    return zlib.crc32(key.encode()) % 1000 < share * 1000


class PaidService:
    """Takes 1 ms per byte of the asset; fails randomly before or after the effect."""

    def __init__(self, ledger: Ledger, failing: float, draw: random.Random, crash: Crash, mended: float = 0.0) -> None:
        self._ledger = ledger
        self._mended = mended
        self._failing = failing
        self._draw = draw
        self._crash = crash

    async def start(self, _feature: Feature, asset: Asset, token: str) -> str:
        """Start a job; its effect happens once per token."""
        await asyncio.sleep(asset.size / 1000)
        if asset.key.startswith(BROKEN) and not is_mended(asset.key, self._mended):
            raise PermanentError("unreadable", "broken file")
        self._fail_randomly()
        self._crash.at("effect.before")
        self._ledger.pay(token, asset)
        self._crash.at("effect.after")
        self._fail_randomly()
        return f"job-of-{token}"

    def _fail_randomly(self) -> None:
        if self._draw.random() < self._failing / 2:
            raise TransientError("random failure")

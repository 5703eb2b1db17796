"""The worker processes of a crash test: as many as wanted, each death followed by a birth."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tests.chaos.support.worker import Orders

ROOT = Path(__file__).parents[3]
GAVE_UP = "a worker gave up"
MANY = 20


class Fleet:
    """Worker processes: as many as wanted, each death followed by a birth."""

    def __init__(self, orders: Orders) -> None:
        self.deaths: Counter[str] = Counter()
        self.armed: list[str] = []
        self._orders = orders
        self._wanted = 0
        self._born = 0
        self._alive: dict[subprocess.Popen[bytes], Orders] = {}

    def scale(self, count: int) -> None:
        """Have so many workers; those that are too many are asked to stop and waited for."""
        self._wanted = count
        for process in list(self._alive)[count:]:
            del self._alive[process]
            process.terminate()
            code = process.wait(60)
            # One that had not yet begun to listen to signals ends by the signal.
            assert code in (0, -signal.SIGTERM), f"a worker that was asked to stop ended with {code}"
        self.tend()

    def tend(self) -> None:
        """Replace the dead."""
        for process, orders in list(self._alive.items()):
            code = process.poll()
            if code is not None:
                del self._alive[process]
                self._bury(orders, code)
        while len(self._alive) < self._wanted:
            self._bear()

    def about_to_crash(self) -> bool:
        """Whether a worker is still on its way to the point where it kills itself."""
        return any(orders.crash_at for orders in self._alive.values())

    def kill(self, draw: random.Random) -> None:
        """Kill any of the workers."""
        process = draw.choice(list(self._alive))
        process.kill()
        process.wait()
        orders = self._alive.pop(process)
        if orders.crash_at:
            self.armed.append(orders.crash_at)
        self.deaths["kill -9 of a worker"] += 1

    def freeze(self, draw: random.Random) -> Callable[[], None]:
        """Stop any of the workers in the midst of what it does; the function that is returned lets it go on."""
        process = draw.choice(list(self._alive))
        process.send_signal(signal.SIGSTOP)
        self.deaths["freeze of a worker beyond its session"] += 1

        def thaw() -> None:
            process.send_signal(signal.SIGCONT)

        return thaw

    def stop(self) -> None:
        """End all workers."""
        for process in self._alive:
            process.kill()
            process.wait()
        self._alive.clear()

    def _bear(self) -> None:
        self._born += 1
        point = self.armed.pop(0) if self.armed else ""
        # The first pass comes at once; later ones in the midst of things.
        passes = self._born % 3 + 1 if point else 1
        orders = replace(self._orders, seed=self._orders.seed + self._born, crash_at=point, crash_pass=passes)
        with (Path(orders.folder) / f"worker-{self._born:03}.log").open("wb") as log:
            command = [sys.executable, "-m", "tests.chaos.support.worker", msgspec.json.encode(orders).decode()]
            process = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=log, stderr=log)
        self._alive[process] = orders

    def _bury(self, orders: Orders, code: int) -> None:
        if code == -signal.SIGKILL:
            self.deaths[f"crash at {orders.crash_at}"] += 1
            return
        # A worker that cannot reach its broker while it starts gives up, and whoever started it tries again.
        self.deaths[GAVE_UP] += 1
        assert self.deaths[GAVE_UP] < MANY, f"workers end by themselves, the last with {code}: see {orders.folder}"
        if orders.crash_at:
            self.armed.append(orders.crash_at)

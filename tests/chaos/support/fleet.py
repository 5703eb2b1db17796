"""The worker processes of a crash test; dead ones are replaced."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tests.chaos.support.worker import Orders
from tests.support import fork_server

ROOT = Path(__file__).parents[3]
GAVE_UP = "a worker gave up"
MAX_EXITS = 20


class Fleet:
    """A number of worker processes; dead ones are replaced."""

    def __init__(self, orders: Orders, target: str = "tests.chaos.support.worker:run") -> None:
        self.deaths: Counter[str] = Counter()
        self.armed: list[str] = []
        self._orders = orders
        self._target = target
        self._wanted = 0
        self._spawned = 0
        self._alive: dict[fork_server.Process, Orders] = {}

    def scale(self, count: int) -> None:
        """Set the number of workers. Surplus workers get SIGTERM and are awaited."""
        self._wanted = count
        for process in list(self._alive)[count:]:
            del self._alive[process]
            process.terminate()
            code = process.wait(300)
            # A worker without its signal handler yet ends by the signal.
            assert code in (0, -signal.SIGTERM), f"a worker exited with {code} after SIGTERM"
        self.tend()

    def tend(self) -> None:
        """Replace dead workers."""
        for process, orders in list(self._alive.items()):
            code = process.poll()
            if code is not None:
                del self._alive[process]
                self._record_exit(orders, code)
        while len(self._alive) < self._wanted:
            self._spawn()

    def about_to_crash(self) -> bool:
        """Whether a worker has not reached its crash point yet."""
        return any(orders.crash_at for orders in self._alive.values())

    def kill(self, draw: random.Random) -> None:
        """Kill a random worker."""
        process = draw.choice(list(self._alive))
        process.kill()
        process.wait()
        orders = self._alive.pop(process)
        if orders.crash_at:
            self.armed.append(orders.crash_at)
        self.deaths["kill -9 of a worker"] += 1

    def freeze(self, draw: random.Random) -> Callable[[], None]:
        """Freeze a random worker (SIGSTOP); return a function that continues it."""
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

    def _spawn(self) -> None:
        self._spawned += 1
        point = self.armed.pop(0) if self.armed else ""
        # Crash at the first, second or third pass of the point.
        passes = self._spawned % 3 + 1 if point else 1
        orders = replace(self._orders, seed=self._orders.seed + self._spawned, crash_at=point, crash_pass=passes)
        with (Path(orders.folder) / f"worker-{self._spawned:03}.log").open("wb") as log:
            arguments = ["worker", msgspec.json.encode(orders).decode()]
            process = fork_server.start(self._target, arguments, os.environ, log, log)
        self._alive[process] = orders

    def _record_exit(self, orders: Orders, code: int) -> None:
        if code == -signal.SIGKILL:
            self.deaths[f"crash at {orders.crash_at}"] += 1
            return
        # A worker that cannot reach its broker at start exits; the fleet starts another.
        self.deaths[GAVE_UP] += 1
        assert self.deaths[GAVE_UP] < MAX_EXITS, f"too many workers exited, the last with {code}: see {orders.folder}"
        if orders.crash_at:
            self.armed.append(orders.crash_at)

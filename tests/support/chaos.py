"""A run of worker processes that are killed, frozen and scaled while records come in, and its history."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from schemas import codec, kafka, topics
from schemas.settings import KafkaSettings
from tests.support import chaos_feed, chaos_watch
from tests.support.brokers import Brokers
from tests.support.chaos_feed import Feeder
from tests.support.chaos_watch import Watch
from tests.support.chaos_worker import POINTS, Orders, stage_of
from tests.support.history import Anomaly, Balance, History, anomalies, balance
from tests.support.running import wait_for

ROOT = Path(__file__).parents[2]
FROZEN_SECONDS = 5.0
"""Twice the session time-out of the workers: by then others have taken over."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is put in and what is done to the workers and brokers meanwhile; `pause` is between two faults."""

    seed: int
    inputs: int
    rate: float
    kills: int
    freezes: int
    broker_kills: int
    points: tuple[str, ...] = POINTS
    pause: tuple[float, float] = (1.0, 2.5)
    broker_down: tuple[float, float] = (0.5, 4.0)
    drain_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. `repeated` is how many results were sent more than once, as at-least-once has it."""

    seed: int
    seconds: float
    drained_after: float
    faults: dict[str, int]
    inputs: int
    balance: Balance
    repeated: int
    effects: int
    codes: list[str]
    glimpses: int
    anomalies: list[Anomaly]


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
            command = [sys.executable, "-m", "tests.support.chaos_worker", msgspec.json.encode(orders).decode()]
            process = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=log, stderr=log)
        self._alive[process] = orders

    def _bury(self, orders: Orders, code: int) -> None:
        if code == -signal.SIGKILL:
            self.deaths[f"crash at {orders.crash_at}"] += 1
            return
        # A worker that cannot reach its broker while it starts gives up, and whoever started it tries again.
        self.deaths[f"a worker gave up with {code}"] += 1
        if orders.crash_at:
            self.armed.append(orders.crash_at)


@contextmanager
def stage_on(cluster: Brokers, orders: Orders) -> Iterator[tuple[Fleet, Watch]]:
    """Have a stage's topics, workers and watch while the block lasts."""
    settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
    stage = stage_of(orders.stage, orders.reads)
    wanted = (*stage.inputs, topics.SCANNED, topics.JOBS_STARTED, topics.dead_letters(stage.name))
    kafka.create_topics(kafka.admin(settings), wanted, min(3, cluster.count))
    fleet, watch = Fleet(orders), Watch(stage, settings, Path(orders.folder))
    watch.start()
    try:
        yield fleet, watch
    finally:
        fleet.stop()
        watch.stop()


def run(plan: Plan, cluster: Brokers, folder: Path) -> Report:
    """Do all that to a cluster's workers, wait until nothing is left to do, and judge."""
    orders = Orders(
        bootstrap_servers=cluster.bootstrap_servers,
        folder=str(folder),
        stage="chaos",
        reads=topics.UPLOADED.name,
        seed=plan.seed,
        transient=0.06,
    )
    settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
    source = chaos_feed.uploads(codec.load(), orders.reads, plan.seed)
    begun = time.monotonic()
    with stage_on(cluster, orders) as (fleet, watch):
        feeder = Feeder(settings, folder / "effects", source, plan.rate)
        feeder.start()
        try:
            faults = _faults(plan, cluster, fleet)
            wait_for(lambda: _tended(fleet, len(feeder.accepted) >= plan.inputs), "the inputs", 600)
            feeder.no_more_uploads()
            ended = time.monotonic()
            wait_for(lambda: _tended(fleet, feeder.settled() and _idle(watch)), "the drain", plan.drain_seconds)
            drained = time.monotonic() - ended
        finally:
            feeder.stop()
        fleet.scale(0)
    assert not feeder.failed, feeder.failed
    stage = stage_of(orders.stage, orders.reads)
    found = chaos_watch.history(stage, settings, watch, feeder.accepted, folder / "effects")
    (folder / "history.pickle").write_bytes(pickle.dumps(found))
    return _report(plan, found, Facts(time.monotonic() - begun, drained, faults, chaos_watch.codes(stage, settings)))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says besides the history."""

    seconds: float
    drained_after: float
    faults: Counter[str]
    codes: set[str]


def _faults(plan: Plan, cluster: Brokers, fleet: Fleet) -> Counter[str]:
    """Begin with one worker, go up to four, do everything to them, and go down to one again."""
    draw = random.Random(plan.seed)
    deeds = ["kill"] * plan.kills + ["freeze"] * plan.freezes + ["broker"] * plan.broker_kills
    draw.shuffle(deeds)
    done: Counter[str] = Counter()
    fleet.armed += draw.sample(plan.points, len(plan.points))
    fleet.scale(1)
    _wait(fleet, 3.0)
    fleet.scale(4)
    for deed in deeds:
        _wait(fleet, draw.uniform(*plan.pause))
        if deed == "kill":
            fleet.kill(draw)
        elif deed == "freeze":
            thaw = fleet.freeze(draw)
            _wait(fleet, FROZEN_SECONDS)
            thaw()
        else:
            cluster.kill(draw.randrange(cluster.count))
            _wait(fleet, draw.uniform(*plan.broker_down))
            cluster.start()
            done["kill -9 of a broker"] += 1
    wait_for(lambda: _tended(fleet, len(_points(fleet)) == len(plan.points)), "all crash points", 120)
    fleet.scale(1)
    done["scale 1 to 4 to 1"] = 1
    return done + fleet.deaths


def _points(fleet: Fleet) -> list[str]:
    return [name for name in fleet.deaths if name.startswith("crash at ")]


def _wait(fleet: Fleet, seconds: float) -> None:
    ended = time.monotonic() + seconds
    wait_for(lambda: _tended(fleet, time.monotonic() > ended), "the next fault", seconds + 60)


def _tended(fleet: Fleet, condition: bool) -> bool:
    fleet.tend()
    return condition


def _idle(watch: Watch) -> bool:
    return bool(watch.lag) and not any(watch.lag.values())


def _report(plan: Plan, found: History, facts: Facts) -> Report:
    results = Counter(output.id for output in found.outputs)
    return Report(
        seed=plan.seed,
        seconds=round(facts.seconds, 1),
        drained_after=round(facts.drained_after, 1),
        faults=dict(sorted(facts.faults.items())),
        inputs=len({each.id for each in found.inputs}),
        balance=balance(found),
        repeated=sum(count > 1 for count in results.values()),
        effects=len(found.effects),
        codes=sorted(facts.codes),
        glimpses=len(found.glimpses),
        anomalies=anomalies(found),
    )

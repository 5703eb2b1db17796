"""Run workers under kills, freezes and scaling while records arrive; check the history."""

from __future__ import annotations

import pickle
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from headrace.schemas import topics
from headrace.schemas.serde import codec
from tests.chaos.support import feed, observer
from tests.chaos.support.checker import Anomaly, Balance, anomalies, balance
from tests.chaos.support.history import History
from tests.chaos.support.site import Site, site
from tests.chaos.support.worker import POINTS, Orders
from tests.support.brokers import Brokers

FROZEN_SECONDS = 5.0
"""Twice the session timeout of the workers, so that others take over."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs and faults of a run; `pause` is the range of seconds between two faults."""

    seed: int
    inputs: int
    rate: float
    kills: int
    freezes: int
    broker_kills: int
    points: tuple[str, ...] = POINTS
    pause: tuple[float, float] = (1.0, 2.5)
    broker_down: tuple[float, float] = (0.5, 4.0)
    drain_seconds: float = 600.0
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run. `repeated` counts results that were sent more than once (at-least-once delivery)."""

    seed: int
    seconds: float
    drained_after: float
    faults: dict[str, int]
    inputs: int
    balance: Balance
    repeated: int
    effects: int
    codes: list[str]
    unaccounted: list[str]
    """What the accounting check of the product reports."""
    glimpses: int
    anomalies: list[Anomaly]


def run(plan: Plan, cluster: Brokers, folder: Path) -> Report:
    """Run a plan, wait until every record has ended, and check the history.

    The raw history is kept in the folder.
    """
    orders = Orders(
        bootstrap_servers=cluster.bootstrap_servers,
        folder=str(folder),
        stage="chaos",
        reads=topics.UPLOADED.name,
        seed=plan.seed,
        transient=0.06,
        ordered=plan.ordered,
    )
    begun = time.monotonic()
    source = feed.uploads(codec.load(), orders.reads, plan.seed)
    with site(cluster, orders) as here, here.feeding(source, plan.rate) as feeder:
        faults = _faults(plan, here)
        here.wait(lambda: len(feeder.accepted) >= plan.inputs, "the inputs", 1800)
        feeder.no_more_uploads()
        ended = time.monotonic()
        here.wait(lambda: feeder.settled() and here.idle(), "the drain", plan.drain_seconds)
        drained = time.monotonic() - ended
        here.fleet.scale(0)
        unaccounted = list(here.accounts().problems)
    assert not feeder.failed, feeder.failed
    history = here.history(feeder.accepted)
    (folder / "history.pickle").write_bytes(pickle.dumps(history))
    codes = observer.codes(here.stage, here.settings)
    return _report(plan, history, Facts(time.monotonic() - begun, drained, faults, codes, unaccounted))


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a report that are not in the history."""

    seconds: float
    drained_after: float
    faults: Counter[str]
    codes: set[str]
    unaccounted: list[str]


def _faults(plan: Plan, here: Site) -> Counter[str]:
    """Start one worker, scale to four, inject the faults in random order, and scale down to one."""
    draw = random.Random(plan.seed)
    deeds = ["kill"] * plan.kills + ["freeze"] * plan.freezes + ["broker"] * plan.broker_kills
    draw.shuffle(deeds)
    fleet = here.fleet
    fleet.armed += draw.sample(plan.points, len(plan.points))
    fleet.scale(1)
    _pause(here, 3.0)
    fleet.scale(4)
    for deed in deeds:
        _pause(here, draw.uniform(*plan.pause))
        if deed == "kill":
            fleet.kill(draw)
        elif deed == "freeze":
            thaw = fleet.freeze(draw)
            _pause(here, FROZEN_SECONDS)
            thaw()
        else:
            _kill_broker(plan, here, draw)
    here.wait(lambda: not fleet.armed and not fleet.about_to_crash(), "all crash points", 600)
    fleet.scale(1)
    return fleet.deaths + Counter({"kill -9 of a broker": plan.broker_kills, "scale 1 to 4 to 1": 1})


def _kill_broker(plan: Plan, here: Site, draw: random.Random) -> None:
    here.cluster.kill(draw.randrange(here.cluster.count))
    _pause(here, draw.uniform(*plan.broker_down))
    here.cluster.start()


def _pause(here: Site, seconds: float) -> None:
    ended = time.monotonic() + seconds
    here.wait(lambda: time.monotonic() > ended, "the next fault", seconds + 60)


def _report(plan: Plan, history: History, facts: Facts) -> Report:
    results = Counter(output.id for output in history.outputs)
    return Report(
        seed=plan.seed,
        seconds=round(facts.seconds, 1),
        drained_after=round(facts.drained_after, 1),
        faults=dict(sorted(facts.faults.items())),
        inputs=len({each.id for each in history.inputs}),
        balance=balance(history),
        repeated=sum(count > 1 for count in results.values()),
        effects=len(history.effects),
        codes=sorted(facts.codes),
        unaccounted=facts.unaccounted,
        glimpses=len(history.glimpses),
        anomalies=anomalies(history),
    )

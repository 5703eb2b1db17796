"""A worker process to be killed: `python -m tests.support.chaos_worker ORDERS`, which are JSON.

Lanes, processor, Faust app and producer are the product's. Around them stand a results bucket in a folder and a paid
service whose ledger is a file. The orders may name a point at which the process kills itself, or a bug to have.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from confluent_kafka import KafkaException

from schemas import codec, kafka, logs, topics
from schemas.identity import job_token, root_id
from schemas.message import Message
from schemas.records import Asset, MediaScanned, MediaUploaded
from schemas.settings import KafkaSettings
from streams import lanes, runner, worker
from streams.failures import Transient, Unprocessable
from streams.marks import Mark
from streams.results import Results
from streams.runner import Context
from streams.sender import Sender
from streams.services import Feature, Services
from streams.settings import StreamSettings
from streams.stage import Finished, Job, Stage
from streams.worker import Hosted
from tests.support.folder_bucket import FolderBucket

EVENT = "ObjectCreated:Put"
JOB_SUFFIX = ".mp4"
BROKEN = "broken-"
STEPS = ("effect", "intent", "store", "send", "retry", "letter", "commit")
POINTS = tuple(f"{step}.{side}" for step in STEPS for side in ("before", "after"))
BUGS = ("ack early", "dead letter not awaited", "no head check", "order by arrival", "drawn token")
FAR = 2.1
"""A wait, in seconds, that is too long to be waited for in place."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is to do. `crash_at` is one of POINTS, at its `crash_pass`-th pass; `bug` is one of BUGS."""

    bootstrap_servers: str
    folder: str
    stage: str
    reads: str
    seed: int = 0
    in_flight: int = 16
    transient: float = 0.0
    crash_at: str = ""
    crash_pass: int = 1
    bug: str = ""


class Crash:
    """Kills the process at one point of its way."""

    def __init__(self, point: str, passes: int) -> None:
        self._point = point
        self._left = passes

    def at(self, point: str) -> None:
        """Pass a point, or die there."""
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
    """What was paid for. Like AWS's ClientRequestToken: a token that was used before changes nothing."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self._known: set[str] = set()

    def pay(self, token: str, asset: Asset) -> None:
        """Have an effect, unless the token had it already."""
        with self._file.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read)
            self._known.update(msgspec.json.decode(line, type=Effect).token for line in file)
            if token not in self._known:
                file.write(msgspec.json.encode(Effect(root_id(asset, EVENT), token, asset)) + b"\n")
            file.flush()
            self._read = file.tell()
            self._known.add(token)


class PaidService:
    """Takes as many milliseconds as the asset has bytes, fails at times, and at times only seems to have failed."""

    def __init__(self, orders: Orders, crash: Crash) -> None:
        self._ledger = Ledger(Path(orders.folder) / "effects")
        self._share = orders.transient / 2
        self._draw = random.Random(orders.seed)
        self._crash = crash

    async def start(self, _feature: Feature, asset: Asset, token: str) -> str:
        """Have the effect once."""
        await asyncio.sleep(asset.size / 1000)
        if asset.key.startswith(BROKEN):
            raise Unprocessable("unreadable", "broken file")
        self._hiccup()
        self._crash.at("effect.before")
        self._ledger.pay(token, asset)
        self._crash.at("effect.after")
        self._hiccup()
        return f"job-of-{token}"

    def _hiccup(self) -> None:
        if self._draw.random() < self._share:
            raise Transient("it did not work this time")


class Bucket(FolderBucket):
    """A bucket to crash at."""

    def __init__(self, folder: Path, crash: Crash) -> None:
        super().__init__(folder)
        self._crash = crash

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object."""
        step = "intent" if key.startswith("_jobs/") else "store"
        self._crash.at(f"{step}.before")
        await super().put(key, content, content_type)
        self._crash.at(f"{step}.after")


class CrashingSender(Sender):
    """A sender to crash at, which for a bug only promises to send."""

    def __init__(self, cluster: KafkaSettings, crash: Crash, late: Callable[[str], bool]) -> None:
        super().__init__(kafka.producer(cluster))
        self._crash = crash
        self._late = late
        self._promised: list[asyncio.Task[None]] = []

    async def send(self, messages: Sequence[Message]) -> None:
        """Send messages and wait for the acknowledgement."""
        if not messages:
            return
        step = _step(messages[0].topic)
        self._crash.at(f"{step}.before")
        if self._late(step):
            self._promised.append(asyncio.create_task(self._some_day(messages)))
            return
        await super().send(messages)
        self._crash.at(f"{step}.after")

    async def _some_day(self, messages: Sequence[Message]) -> None:
        await asyncio.sleep(3600)
        await super().send(messages)


class Impatient(random.Random):
    """Draws short waits, and now and then one for the retry topic: tests have no time."""

    def uniform(self, a: float, b: float) -> float:
        """Draw the seconds to wait."""
        return FAR if self.random() < 0.4 else super().uniform(0, 0.02)


class HighestMark(Mark):
    """The bug of committing the highest finished offset, without a look at what is unfinished before it."""

    __slots__ = ("_highest",)

    def closed(self, offset: int) -> None:
        """Note the highest."""
        super().closed(offset)
        self._highest = max(offset, getattr(self, "_highest", offset))

    def committable(self) -> int | None:
        """Give the offset behind the highest finished one."""
        highest: int | None = getattr(self, "_highest", None)
        return self._position if highest is None else highest + 1


def stage_of(name: str, reads: str) -> Stage:
    """A stage that pays for every upload: for videos a job, for all else a call."""

    async def scan(media: MediaUploaded, services: Services) -> MediaScanned:
        token = job_token(name, media.asset, "scan")
        return _scanned(media.asset, await services.vision.start("labels", media.asset, token))

    async def start(media: MediaUploaded, token: str, services: Services) -> str:
        return await services.vision.start("labels", media.asset, token)

    async def finish(finished: Finished, services: Services) -> MediaScanned:
        return _scanned(finished.asset, finished.job.job_id)

    job = Job("test", "Start", start, finish, {"asset": {"key": [{"suffix": JOB_SUFFIX}]}})
    return Stage(name, (topics.Topic(reads, "uploads"),), topics.SCANNED, scan, job=job)


def build(orders: Orders) -> Hosted:
    """Wire the stage as the product does, with what stands around it."""
    crash = Crash(orders.crash_at, orders.crash_pass)
    cluster = KafkaSettings(bootstrap_servers=orders.bootstrap_servers)
    # Shorter than a user may set them, so that a dead worker is missed soon.
    settings = StreamSettings.model_construct(
        in_flight=orders.in_flight, buffer_bytes=1 << 22, drain_seconds=5.0, commit_seconds=0.2, session_seconds=2.5
    )
    results = Results(Bucket(Path(orders.folder) / "results", crash))
    service: Any = PaidService(orders, crash)
    services = Services(service, results, service, service, service)
    context = Context(codec.load(), results, services, draw=Impatient(orders.seed))
    late = {"ack early": lambda step: True, "dead letter not awaited": lambda step: bool(step == "letter")}
    sender = CrashingSender(cluster, crash, late.get(orders.bug, lambda step: False))
    hosted = worker.host(stage_of(orders.stage, orders.reads), context, sender, settings, cluster)
    _crash_at_commits(hosted, crash)
    return hosted


def plant(bug: str) -> None:
    """Bring in the bugs that are not the sender's."""
    if bug == "no head check":
        vars(lanes)["Mark"] = HighestMark
    elif bug == "order by arrival":
        vars(lanes)["lane_key"] = lambda record: (record.topic, record.partition, record.offset)
    elif bug == "drawn token":
        drawn = lambda stage, *_: f"{stage}-{uuid.uuid4().hex}{'0' * 8}"  # noqa: E731
        vars(runner)["job_token"] = globals()["job_token"] = drawn


async def main(orders: Orders) -> None:
    """Work until SIGTERM. Raises what ends a stage by itself."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    plant(orders.bug)
    await _cluster_there(orders.bootstrap_servers)
    hosted = build(orders)
    await hosted.app.start()
    while not stop.is_set():
        failure = hosted.lanes.failure() or hosted.app.crash_reason
        if failure is not None:
            raise failure
        await asyncio.sleep(0.05)
    await hosted.app.stop()


async def _cluster_there(bootstrap_servers: str) -> None:
    """Wait for the cluster, as the product's worker does before it begins."""
    admin = kafka.admin(KafkaSettings(bootstrap_servers=bootstrap_servers))
    while True:
        with suppress(KafkaException):
            await asyncio.to_thread(kafka.existing_topics, admin, 5)
            return
        await asyncio.sleep(0.2)


def _crash_at_commits(hosted: Hosted, crash: Crash) -> None:
    consumer: Any = vars(hosted.app.transport)["Consumer"]

    class Crashing(consumer):  # type: ignore[misc]
        async def _commit(self, offsets: Any) -> bool:
            crash.at("commit.before")
            done: bool = await super()._commit(offsets)
            crash.at("commit.after")
            return done

    vars(hosted.app.transport)["Consumer"] = Crashing


def _scanned(asset: Asset, job_id: str) -> MediaScanned:
    return MediaScanned(asset=asset, engine=job_id, content_type="image/jpeg", sha256="0" * 64)


def _step(topic: str) -> str:
    return "retry" if topic.endswith(".retry") else "letter" if topics.is_dead_letters(topic) else "send"


if __name__ == "__main__":
    logs.configure(json=True)
    uvloop.run(main(msgspec.json.decode(sys.argv[1], type=Orders)))

"""The inputs of a crash test: uploads of every kind, and completions of the jobs that they start."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from headrace.schemas.cloudevents import PREFIX, EventMetadata, Headers, timestamp
from headrace.schemas.ids import asset_key, named_id, root_id
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import Asset, Event, JobFinished, MediaUploaded
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import Codec, to_producer_record
from headrace.streams.engine.headers import original_headers
from tests.chaos.support.history import Input, Place
from tests.chaos.support.worker import JOB_SUFFIX
from tests.support.paid_service import BROKEN, EVENT, Effect

ASSETS = 200
NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
GARBAGE = b"no Avro at all"


@dataclass(frozen=True, slots=True)
class Offer:
    """A record to send, with the facts that the checker needs."""

    id: str
    about: str
    version: str
    message: ProducerRecord


def digest(key: bytes | None, value: bytes | None, headers: Headers) -> str:
    """Return a digest of the parts that a dead letter must keep unchanged."""
    return hashlib.sha256(repr((key, value, original_headers(headers))).encode()).hexdigest()


def upload(book: Codec, topic: str, asset: Asset, value: bytes | None = None) -> Offer:
    """Return an upload of one version; its size is the processing time in milliseconds."""
    event = MediaUploaded(asset=asset, event_name=EVENT, uploaded_at=NOW, region="us-east-1", origin="notification")
    sent = _message(book, event, root_id(asset, EVENT), asset_key(asset))
    return Offer(
        root_id(asset, EVENT),
        asset_key(asset),
        asset.sequencer,
        ProducerRecord(topic, sent.key, value or sent.value, sent.headers),
    )


def completion(book: Codec, effect: Effect) -> Offer:
    """Return the completion of the job behind an effect."""
    event = JobFinished(
        token=effect.token,
        service="test",
        operation="Start",
        job_id=f"job-of-{effect.token}",
        status="succeeded",
        finished_at=NOW,
    )
    identity = named_id("JobFinished", effect.token)
    sent = _message(book, event, identity, effect.token)
    return Offer(identity, asset_key(effect.asset), effect.asset.sequencer, sent)


def uploads(book: Codec, topic: str, seed: int) -> Iterator[Offer]:
    """Yield endless uploads: videos and others, some broken, undecodable, duplicated or late."""
    draw = random.Random(seed)
    newest = [0] * ASSETS
    while True:
        number = draw.randrange(ASSETS)
        chance = draw.random()
        steps = (2, 1) if chance < 0.03 else (1,)
        offers = [
            upload(book, topic, _asset(number, newest[number] + step, draw), GARBAGE if 0.03 <= chance < 0.04 else None)
            for step in steps
        ]
        newest[number] += max(steps)
        yield from offers
        if 0.04 <= chance < 0.06:
            yield from offers


class Feeder:
    """Send uploads at a rate, and completions of billed jobs. Records which inputs the broker accepted."""

    def __init__(self, cluster: KafkaSettings, ledger: Path, source: Iterator[Offer], rate: float) -> None:
        self.accepted: list[Input] = []
        self.failed: list[str] = []
        self._book = codec.load()
        self._producer = clients.producer(cluster)
        self._ledger = ledger
        self._source = source
        self._rate = rate
        self._uploaded = 0
        self._paid = 0
        self._draw = random.Random(0)
        self._uploading = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._feed, name="feeder", daemon=True)

    def start(self) -> None:
        """Start to send."""
        self._uploading.set()
        self._thread.start()

    def no_more_uploads(self) -> None:
        """Send completions only."""
        self._uploading.clear()

    def settled(self) -> bool:
        """Whether the broker has accepted every input."""
        return not self._uploading.is_set() and not len(self._producer) and self._paid == len(effects(self._ledger))

    def stop(self) -> None:
        """Stop sending and flush."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._producer.flush(30)

    def _feed(self) -> None:
        begun = time.monotonic()
        while not self._stop.is_set():
            due = int((time.monotonic() - begun) * self._rate) - self._uploaded if self._uploading.is_set() else 0
            for offer in islice(self._source, max(0, due)):
                self._put(offer)
                self._uploaded += 1
            self._complete()
            self._producer.poll(0.02)

    def _complete(self) -> None:
        paid = effects(self._ledger)
        for effect in paid[self._paid :]:
            if effect.asset.key.endswith(JOB_SUFFIX):
                for _ in range(1 + (self._draw.random() < 0.1)):
                    self._put(completion(self._book, effect))
        self._paid = len(paid)

    def _put(self, offer: Offer) -> None:
        sent = offer.message
        headers: Any = list(sent.headers)
        put_in = partial(self._on_delivery, offer)
        self._producer.produce(sent.topic, sent.value, sent.key, headers=headers, on_delivery=put_in)

    def _on_delivery(self, offer: Offer, error: Any, where: Any) -> None:
        if error is not None:
            self.failed.append(f"{offer.id}: {error}")
            return
        sent = offer.message
        place = Place(where.topic(), where.partition(), where.offset())
        key = (sent.key or b"").decode()
        self.accepted.append(
            Input(offer.id, key, place, offer.about, offer.version, digest(sent.key, sent.value, sent.headers))
        )


def effects(ledger: Path) -> list[Effect]:
    """Read the ledger, except a line that a crash has truncated."""
    lines = ledger.read_bytes().splitlines(keepends=True) if ledger.exists() else []
    return [msgspec.json.decode(line, type=Effect) for line in lines if line.endswith(b"\n")]


def _asset(number: int, version: int, draw: random.Random) -> Asset:
    name = f"{BROKEN if number % 33 == 7 else ''}{number:03}{JOB_SUFFIX if number % 4 == 0 else '.jpg'}"
    return Asset(
        bucket="media", key=name, version=f"v{version}", etag="e", size=draw.randint(1, 8), sequencer=f"{version:08X}"
    )


def _message(book: Codec, event: Event, identity: str, subject: str) -> ProducerRecord:
    return to_producer_record(
        event, EventMetadata(identity, "test", PREFIX + event.EVENT, timestamp(NOW), subject), book
    )

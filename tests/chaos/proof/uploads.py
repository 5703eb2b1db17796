"""The load of a proof: objects in S3, their notifications in SQS, and a bounded number of open uploads."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.sandbox.demo.pdf import pdf
from headrace.schemas.ids import root_id
from headrace.schemas.records import Asset
from tests.chaos.proof.facts import Facts
from tests.unit.connectors.webhook import sns_messages

BUCKET = "media"
EVENT = "ObjectCreated:Put"
BATCH = 10
"""Messages of one call of SQS."""
RECENT = 50
"""The number of newest assets of which a new version may be uploaded."""
SHARES = {"document.pdf": 0.2, "broken.jpg": 0.02, "picture.jpg": 0.78}
AGAIN = 0.15
"""The share of uploads that are new versions of a recent asset."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One version of an object."""

    root: str
    key: str
    version: int
    sample: str

    @property
    def asset(self) -> str:
        """The key of its records."""
        return f"{BUCKET}/{self.key}"


def samples(picture: bytes) -> dict[str, bytes]:
    """Return the contents by sample name. A broken picture lacks its second half."""
    return {
        "picture.jpg": picture,
        "broken.jpg": picture[: len(picture) // 2],
        "document.pdf": pdf("Name: Ada", "Total: 42"),
    }


def uploads(seed: int) -> Iterator[Upload]:
    """Yield endless uploads, most of them of new objects. Pure."""
    draw = random.Random(seed)
    recent: list[Upload] = []
    number = 0
    while True:
        if recent and draw.random() < AGAIN:
            index = draw.randrange(len(recent))
            last = recent[index]
            recent[index] = _upload(last.key, last.version + 1, last.sample)
            yield recent[index]
            continue
        sample = draw.choices(list(SHARES), list(SHARES.values()))[0]
        name, _, suffix = sample.partition(".")
        recent.append(_upload(f"{name}/{number:07}.{suffix}", 1, sample))
        number += 1
        yield recent[-1]
        del recent[:-RECENT]


def _upload(key: str, version: int, sample: str) -> Upload:
    id_ = f"v{version}"
    asset = Asset(bucket=BUCKET, key=key, version=id_, version_id=id_, etag="", size=0, sequencer=_sequencer(version))
    return Upload(root_id(asset, EVENT), key, version, sample)


@dataclass
class Open:
    """The uploads without a summary yet: when SQS accepted each. Thread-safe."""

    begun: dict[str, float] = field(default_factory=dict)
    """Seconds of the monotonic clock by root id."""
    newest: dict[str, Upload] = field(default_factory=dict)
    """The newest open upload of each asset."""
    finished: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, upload: Upload) -> None:
        """Add an accepted upload; an older version of its asset is superseded."""
        with self.lock:
            older = self.newest.get(upload.asset)
            if older is not None:
                self.begun.pop(older.root, None)
                self.finished += 1
            self.newest[upload.asset] = upload
            self.begun[upload.root] = time.monotonic()

    def finish(self, root: str, asset: str) -> float | None:
        """Remove an upload; return when it was accepted, None if it is not open."""
        with self.lock:
            at = self.begun.pop(root, None)
            if at is not None:
                self.finished += 1
                del self.newest[asset]
            return at

    def __len__(self) -> int:
        return len(self.begun)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The port of the object store, the client and the URL of the queue."""

    store_port: int
    sqs: Any
    queue_url: str


class Feeder:
    """Uploads while fewer than `most` uploads are open."""

    def __init__(self, endpoints: Endpoints, facts: Facts, picture: Path, seed: int, most: int) -> None:
        self.open = Open()
        self.sent = 0
        self.error: BaseException | None = None
        self._endpoints = endpoints
        self._facts = facts
        self._samples = samples(picture.read_bytes())
        self._source = uploads(seed)
        self._most = most
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    def start(self) -> None:
        """Start to upload."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current batch. Raises the error of the thread."""
        self._stop.set()
        self._thread.join()
        if self.error:
            raise self.error

    def mend(self, keys: list[str]) -> None:
        """Replace broken pictures by good ones."""
        for key in keys:
            self._put(key, self._samples["picture.jpg"])

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if len(self.open) >= self._most:
                    self._stop.wait(0.02)
                    continue
                self._send([next(self._source) for _ in range(BATCH)])
        except BaseException as error:
            self.error = error

    def _send(self, batch: list[Upload]) -> None:
        for each in batch:
            self._put(each.key, self._samples[each.sample])
        self._facts.add("uploads", [(each.root, each.asset, each.version, each.sample) for each in batch])
        for each in batch:
            self.open.add(each)
        entries = [
            {
                "Id": str(number),
                "MessageBody": sns_messages.notification(_record(each, len(self._samples[each.sample]))),
            }
            for number, each in enumerate(batch)
        ]
        answer: Mapping[str, Any] = self._endpoints.sqs.send_message_batch(
            QueueUrl=self._endpoints.queue_url, Entries=entries
        )
        assert not answer.get("Failed"), answer
        self.sent += len(batch)

    def _put(self, key: str, content: bytes) -> None:
        """Put an object; try again while the store is unavailable."""
        while True:
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self._endpoints.store_port, timeout=30)
                connection.request("PUT", f"/{BUCKET}/{key}", content)
                if connection.getresponse().status == 200:
                    connection.close()
                    return
            time.sleep(0.1)


def _record(upload: Upload, size: int) -> dict[str, Any]:
    version = upload.version
    return sns_messages.record(upload.key, versionId=f"v{version}", sequencer=_sequencer(version), size=size)


def _sequencer(version: int) -> str:
    return f"{version:016X}"

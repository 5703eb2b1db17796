"""A searchable corpus: events and stored results, written as the fold and the indexer write them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, func, insert, select, update

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.kafka.entry import LogEntry
from headrace.console.search.indexer import Indexer
from headrace.console.search.request import SearchPage, SearchRequest
from headrace.console.search.result_reader import ResultMissingError
from headrace.console.search.search import search
from headrace.console.views.asset_tables import assets, stage_states, text_sources, versions
from headrace.console.views.stored_text import to_stored
from headrace.console.views.text_source import text_of
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import (
    Asset,
    Event,
    Label,
    MediaLabelled,
    MediaThumbnailed,
    MediaTranscribed,
    MediaUploaded,
    Picture,
    Pointer,
)
from tests.support.records import NOW, asset

BUCKET = "results"


def pointer(content: bytes, key: str = "result.json") -> Pointer:
    digest = hashlib.sha256(content).hexdigest()
    return Pointer(bucket=BUCKET, key=key, size=len(content), sha256=digest, content_type="application/json")


def transcript(*spoken: tuple[float, str], confidence: float = 0.9) -> bytes:
    """Return an answer of Transcribe; a word ends 0.3 s after its start, punctuation is a token of its own."""
    items: list[dict[str, Any]] = []
    for at, content in spoken:
        mark = content in ".,?!"
        item: dict[str, Any] = {"type": "punctuation" if mark else "pronunciation"}
        item["alternatives"] = [{"content": content, "confidence": "0.0" if mark else str(confidence)}]
        items.append(item if mark else item | {"start_time": str(at), "end_time": str(at + 0.3)})
    return json.dumps({"results": {"transcripts": [], "items": items}}).encode()


def sentence(text: str, begin: float = 0.0, step: float = 0.5) -> bytes:
    """Return an answer of Transcribe with one word every `step` seconds."""
    tokens = text.replace(".", " .").replace(",", " ,").split()
    return transcript(*((begin + number * step, token) for number, token in enumerate(tokens)))


def transcribed(of: Asset, content: bytes, language: str = "en-US", excerpt: str = "") -> MediaTranscribed:
    return MediaTranscribed(asset=of, language=language, excerpt=excerpt, words=1, result=pointer(content), charges=())


def labelled(of: Asset, *labels: Label) -> MediaLabelled:
    """Return labels without a stored result."""
    return MediaLabelled(asset=of, labels=labels, label_count=len(labels), model="1", result=pointer(b"{}"), charges=())


@dataclass
class MemoryResults:
    """Stored results by digest. `reads` counts the reads of each pointer; `error` is raised by every read."""

    contents: dict[str, bytes] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    error: Exception | None = None

    def read(self, wanted: Pointer) -> bytes:
        self.reads.append(wanted.sha256)
        if self.error:
            raise self.error
        if wanted.sha256 not in self.contents:
            raise ResultMissingError(wanted.key)
        return self.contents[wanted.sha256]


class Corpus:
    """Writes events and results, indexes them and searches."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.results = MemoryResults()
        self.indexer = Indexer(engine.connect, engine.begin, self.results)

    def upload(
        self, key: str, kind: str = "video", at: float = 0.0, sequencer: str = "0A", bucket: str = "media"
    ) -> Asset:
        """Add a version of an object, the newest one so far."""
        made = asset(key=key, sequencer=sequencer, bucket=bucket)
        with self.engine.begin() as connection:
            known = connection.scalar(select(assets.c.id).where(assets.c.key == to_stored(key)))
            row = {"newest_order": sequencer, "newest_version": made.version, "kind": kind, "uploaded_at": at}
            if known is None:
                known = (connection.scalar(select(func.max(assets.c.id))) or 0) + 1
                new = {"id": known, "bucket": made.bucket, "key": to_stored(key), "state": "completed", "size": 1}
                connection.execute(insert(assets).values(new | row | {"versions": 1, "usd_nanos": 0, "updated": 0.0}))
            else:
                connection.execute(update(assets).where(assets.c.id == known).values(row))
            number = (connection.scalar(select(func.max(versions.c.id))) or 0) + 1
            new = {"id": number, "asset_id": known, "sequencer_order": sequencer, "version": made.version}
            more = {"sequencer": sequencer, "etag": "", "size": 1, "kind": kind, "uploaded_at": at}
            connection.execute(insert(versions).values(new | more))
        return made

    def add(self, event: Event, stage: str, content: bytes | None = None, event_id: str = "e1") -> None:
        """Queue the text of an event, as the fold does. `content` is its stored result."""
        of: Asset = event.asset  # type: ignore[union-attr]
        row = text_of(
            LogEntry(ConsumerRecord("t", 0, 0, 0.0, b"", b""), None, event),
            AssetEvent(0.0, "", id=event_id, stage=stage),
        )
        assert row is not None
        _, variant, (event_type, id_, data, at) = row
        if content is not None:
            self.results.contents[hashlib.sha256(content).hexdigest()] = content
        with self.engine.begin() as connection:
            version = connection.execute(
                select(versions.c.id, versions.c.asset_id)
                .join(assets, assets.c.id == versions.c.asset_id)
                .where(assets.c.key == to_stored(of.key), versions.c.sequencer_order == of.sequencer)
            ).one()
            new = {"event_type": event_type, "event_id": id_, "event": data, "state": "pending"}
            same = (text_sources.c.version_id == version.id, text_sources.c.stage == stage)
            known = connection.scalar(select(text_sources.c.id).where(*same, text_sources.c.variant == variant))
            if known is not None:
                connection.execute(update(text_sources).where(text_sources.c.id == known).values(new))
                return
            new |= {"asset_id": version.asset_id, "version_id": version.id, "stage": stage, "variant": variant}
            new["occurred_at"] = at
            connection.execute(insert(text_sources).values(new))

    def done(self, of: Asset, stage: str, location: str = "s3://results/x", status: str = "done") -> None:
        """Set the state of a stage."""
        with self.engine.begin() as connection:
            id_ = connection.scalar(
                select(versions.c.id)
                .join(assets, assets.c.id == versions.c.asset_id)
                .where(assets.c.key == to_stored(of.key), versions.c.sequencer_order == of.sequencer)
            )
            row = {"version_id": id_, "stage": stage, "status": status, "location": location, "at": 0.0}
            texts = {"event_id": "", "cause": "", "summary": "", "topic": ""}
            connection.execute(insert(stage_states).values(row | texts | {"usd_nanos": 0, "partition": 0, "offset": 0}))

    def speech(self, key: str, text: str, language: str = "en-US", **more: Any) -> Asset:
        """Add a video with a transcript."""
        of = self.upload(key, **more)
        content = sentence(text)
        self.add(transcribed(of, content, language), "transcript", content)
        return of

    def name(self, of: Asset) -> None:
        """Queue the name of an object."""
        self.add(MediaUploaded(asset=of, event_name="x", uploaded_at=NOW, region="r", origin="notification"), "")

    def picture(self, of: Asset, *times: float) -> None:
        """Queue pictures."""
        pictures = tuple(
            Picture(location=pointer(b"", f"{at:g}.jpg"), width=1, height=1, at_seconds=at) for at in times
        )
        self.add(MediaThumbnailed(asset=of, pictures=pictures), "thumbnails")

    def index(self) -> int:
        """Index everything that is queued; return the number of sources."""
        count = 0
        while done := self.indexer.step():
            count += done
        return count

    def search(self, text: str = "", **options: Any) -> SearchPage:
        with self.engine.connect() as connection:
            return search(connection, SearchRequest(text, **options))

    def keys(self, text: str = "", **options: Any) -> list[str]:
        """Return the keys that a search finds."""
        return [each.key for each in self.search(text, **options).assets]

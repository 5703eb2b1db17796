"""Measure search by meaning beside an exact comparison of all vectors: recall and time: `python -m bench.nearest`.

Vectors are those of the local stand-in for the model, of made-up sentences with the word frequencies of natural
language. Each asset has one passage, so that the order of assets is that of passages.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, insert

from bench.harness import report
from headrace.console.search import nearest
from headrace.console.search.request import LikeFilter, SearchRequest
from headrace.console.search.search import search
from headrace.console.views.locations import SqliteLocation
from headrace.console.views.tables import assets, passage_bits, passage_vectors, passages, text_sources, versions
from headrace.sandbox.ai.bedrock.titan import embed
from headrace.sandbox.fill.words import WordSource
from headrace.streams.passages.vectors import cosine, pack_vector, sign_bits, unpack_vector

BEST = 10
RECALL_GOAL = 0.95
BATCH = 2_000
RESCORED = (250, 500, nearest.RESCORED)


@dataclass(frozen=True, slots=True)
class MeasuredDimensions:
    """The figures of one number of dimensions: mean recall of the 10 best, and median times in milliseconds.

    `recall` is by the number of vectors that are compared exactly.
    """

    dimensions: int
    vectors: int
    queries: int
    recall: dict[int, float]
    search_ms: float
    exact_ms: float


def rows(vectors: list[bytes], model: str) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """Yield the rows of each table."""
    ids = range(1, len(vectors) + 1)
    state = {"state": "completed", "size": 1, "versions": 1, "usd_nanos": 0, "updated": 0.0, "kind": "video"}
    named = {"newest_order": "0A", "newest_version": "v"}
    yield assets, [{"id": id_, "bucket": "media", "key": f"{id_:08}.mp4", **named, **state} for id_ in ids]
    of = {"sequencer_order": "0A", "version": "v", "sequencer": "0A", "etag": "", "size": 1}
    yield versions, [{"id": id_, "asset_id": id_, **of} for id_ in ids]
    source = {"stage": "embedding", "variant": "", "event_type": "", "event_id": "", "occurred_at": 0.0}
    yield text_sources, [{"id": id_, "asset_id": id_, "version_id": id_, "state": "indexed", **source} for id_ in ids]
    text = {"kind": "vector", "name": "transcript", "category": model, "text": "", "language": "en"}
    yield passages, [{"id": id_, "source_id": id_, "version_id": id_, **text} for id_ in ids]
    yield (
        passage_bits,
        [
            {"passage_id": id_, "version_id": id_, "model": model, "bits": sign_bits(vector)}
            for id_, vector in zip(ids, vectors, strict=True)
        ],
    )
    yield passage_vectors, [{"passage_id": id_, "vector": each} for id_, each in zip(ids, vectors, strict=True)]


def fill(connection: Connection, vectors: list[bytes], model: str) -> None:
    """Insert assets with one passage each."""
    for table, found in rows(vectors, model):
        for begin in range(0, len(found), BATCH):
            connection.execute(insert(table), found[begin : begin + BATCH])


def exact(vectors: list[tuple[float, ...]], wanted: tuple[float, ...]) -> tuple[set[str], float]:
    """Return the keys of the best assets, and the milliseconds of comparing all."""
    began = time.perf_counter()
    scored = sorted(((-cosine(each, wanted), number) for number, each in enumerate(vectors, 1)))[:BEST]
    return {f"{number:08}.mp4" for _, number in scored}, (time.perf_counter() - began) * 1000


def measure(connection: Connection, like: LikeFilter, wanted: set[str], rescored: int) -> tuple[float, float]:
    """Return the share of the wanted assets that a search finds, and its milliseconds."""
    nearest.RESCORED = rescored
    began = time.perf_counter()
    found = search(connection, SearchRequest(like=like, limit=BEST)).assets
    taken = (time.perf_counter() - began) * 1000
    return len(wanted & {each.key for each in found}) / len(wanted), taken


def measured(dimensions: int, count: int, queries: int, folder: Path) -> MeasuredDimensions:
    """Fill a database and search in it."""
    source, random_ = WordSource(7), random.Random(dimensions)
    vectors = [pack_vector(embed(source.sentence(random_), dimensions)) for _ in range(count)]
    unpacked = [unpack_vector(each) for each in vectors]
    engine = SqliteLocation(folder).create_next()
    with engine.begin() as connection:
        fill(connection, vectors, "model")
    recall: dict[int, list[float]] = {rescored: [] for rescored in RESCORED}
    times, exact_times = [], []
    with engine.connect().execution_options(reader=True) as connection:
        for _ in range(queries):
            asked = pack_vector(embed(source.sentence(random_), dimensions))
            wanted, taken = exact(unpacked, unpack_vector(asked))
            exact_times.append(taken)
            for rescored in RESCORED:
                share, taken = measure(connection, LikeFilter("model", asked), wanted, rescored)
                recall[rescored].append(share)
            times.append(taken)
    engine.dispose()
    return MeasuredDimensions(
        dimensions,
        count,
        queries,
        {rescored: round(statistics.mean(shares), 4) for rescored, shares in recall.items()},
        round(statistics.median(times), 1),
        round(statistics.median(exact_times), 1),
    )


def main(
    count: Annotated[int, typer.Option(help="Vectors.")] = 20_000,
    queries: Annotated[int, typer.Option(help="Searches.")] = 10,
) -> None:
    """Write the figures of each number of dimensions to bench/results/nearest.json."""
    found = []
    for dimensions in (256, 512, 1024):
        with tempfile.TemporaryDirectory() as folder:
            found.append(measured(dimensions, count, queries, Path(folder)))
        print(found[-1])
    print(report.write(report.result("nearest", [asdict(each) for each in found], ("sqlalchemy",))))
    if min(each.recall[RESCORED[-1]] for each in found) < RECALL_GOAL:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)

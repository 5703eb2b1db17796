"""Measure the views with made-up assets: projection, and queries at two sizes in one run: `python -m bench.views`.

The log is generated in the process, so that the figures are those of decoding, folding and the database, without
Kafka. Times of generation do not count. Queries are those of the commands, in-process.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any
from zlib import crc32

import typer
from sqlalchemy import Connection, Engine, select

from bench.harness import report
from headrace.console.dlq.letter import LetterFilter
from headrace.console.kafka.entry import open_record
from headrace.console.search.background import index_all
from headrace.console.search.request import SearchRequest
from headrace.console.search.result_reader import ResultMissingError
from headrace.console.search.search import search
from headrace.console.views.asset_filter import SearchScope
from headrace.console.views.fold import Fold
from headrace.console.views.locations import SqliteLocation
from headrace.console.views.log_source import Poll
from headrace.console.views.projector import Projector
from headrace.console.views.queries import asset_list, letters
from headrace.console.views.queries.history import ViewAssets
from headrace.console.views.queries.operations import spent_nanos
from headrace.console.views.tables import assets, dead_letters
from headrace.console.views.text_tables import passages
from headrace.sandbox.fill.history import FillPlan, HistorySource
from headrace.sandbox.fill.results import ResultSource
from headrace.sandbox.fill.send import records
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Pointer
from headrace.schemas.runtime.gc_tuning import reduce_gc_frequency
from headrace.schemas.serde import codec

BATCH = 5000
QUERIES = 200
RATE_GOAL = 20_000
P95_GOAL_MS = 100.0
GROWTH_GOAL = 1.5


@dataclass(frozen=True, slots=True)
class MeasuredSize:
    """The figures of one size: events/s, seconds, bytes of the file, and the p95 of each query in milliseconds.

    `cpu_rate` and `p95_cpu_ms` are in CPU time, which depends less on what else runs on the machine.
    """

    assets: int
    events: int
    rate: float
    cpu_rate: float
    seconds: float
    file_bytes: int
    p95_ms: dict[str, float]
    p95_cpu_ms: dict[str, float]


class GeneratedLog:
    """Records of made-up assets, generated as they are read. `seconds` and `cpu_seconds` are those of generation."""

    def __init__(self, plan: FillPlan) -> None:
        self._records = self._generate(plan)
        self._pending = True
        self.seconds = self.cpu_seconds = 0.0

    def poll(self, _: float) -> Poll:
        """Return the next records."""
        began, cpu = time.perf_counter(), time.process_time()
        found = [record for _, record in zip(range(BATCH), self._records, strict=False)]
        self.seconds += time.perf_counter() - began
        self.cpu_seconds += time.process_time() - cpu
        self._pending = bool(found)
        return Poll(found, {}, {})

    def seek(self) -> None:
        """Continue: only one projector reads."""

    def caught_up(self) -> bool:
        """Whether everything was read."""
        return not self._pending

    def _generate(self, plan: FillPlan) -> Iterator[ConsumerRecord]:
        source, encoder = HistorySource(plan, ResultSource(plan.seed)), codec.load()
        offsets: Counter[tuple[str, int]] = Counter()
        for number in range(plan.assets):
            for sent in records(source, number, encoder):
                place = (sent.topic, crc32(sent.key or b"") % topics.PARTITIONS)
                yield ConsumerRecord(*place, offsets[place], 1_770_000_000.0, sent.key, sent.value, sent.headers)
                offsets[place] += 1


def main(
    sizes: Annotated[str, typer.Option(help="Numbers of assets.")] = "20000,200000",
    quick: Annotated[bool, typer.Option(help="Measure a tenth of the sizes and write no result.")] = False,
) -> None:
    """Measure, print the figures and write the result. Exit code 1 if a target is missed."""
    counts = [int(size) // (10 if quick else 1) for size in sizes.split(",")]
    measured = [measure(count) for count in counts]
    for each in measured:
        size = f"{each.file_bytes / 1e6:,.0f} MB"
        print(
            f"{each.assets:,} assets: {each.events:,} events, {each.rate:,.0f} events/s,"
            f" {each.cpu_rate:,.0f} per CPU second, {size}"
        )
        for name, p95 in each.p95_ms.items():
            print(f"  {name}: p95 {p95:.1f} ms, {each.p95_cpu_ms[name]:.1f} ms of CPU time")
    if not quick:
        report.write(report.result("views", [asdict(each) for each in measured], ("sqlalchemy",)))
    if missed := list(_missed(measured)):
        raise SystemExit("missed: " + "; ".join(missed))


def measure(count: int) -> MeasuredSize:
    """Fold the log of some assets into SQLite, and query it."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        engine = SqliteLocation(Path(folder)).create_next()
        log, decoder = GeneratedLog(FillPlan(count)), codec.load()
        projector = Projector(engine, log, lambda record: open_record(record, decoder), Fold({}))
        reduce_gc_frequency()
        began, cpu = time.perf_counter(), time.process_time()
        while projector.step(0):
            pass
        seconds = time.perf_counter() - began - log.seconds
        cpu_seconds = time.process_time() - cpu - log.cpu_seconds
        size = sum(file.stat().st_size for file in Path(folder).glob("views-*"))
        index_all(engine, lambda _: None, NoResults())
        p95, p95_cpu = queries(engine)
        engine.dispose()
    rates = (projector.records / seconds, projector.records / cpu_seconds)
    return MeasuredSize(count, projector.records, *rates, seconds, size, p95, p95_cpu)


class NoResults:
    """A results bucket without results: the text of each event is indexed instead."""

    def read(self, pointer: Pointer) -> bytes:
        """Find nothing."""
        raise ResultMissingError(pointer.key)


def queries(engine: Engine) -> tuple[dict[str, float], dict[str, float]]:
    """Return the p95 of the query of each command in milliseconds of time and of CPU time."""
    draw = random.Random(0)

    @contextmanager
    def connect() -> Iterator[Connection]:
        with engine.connect().execution_options(reader=True) as connection:
            yield connection

    def once(ask: Callable[[Connection], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with connect() as connection:
                return ask(connection)

        return run

    with connect() as connection:
        names = [f"{bucket}/{key}" for bucket, key in connection.execute(select(assets.c.bucket, assets.c.key))]
        words = [name.partition(" ")[0] for [name] in connection.execute(select(passages.c.name).distinct()) if name]
        failed = list(connection.scalars(select(dead_letters.c.topic).distinct()))
    history = ViewAssets(connect)
    video = SearchScope(kind="video")
    asked: dict[str, Callable[[], Any]] = {
        "trace": lambda: history.versions(history.find(draw.choice(names))[0]),
        "assets show": once(lambda connection: asset_list.one(connection, draw.choice(names))),
        "search": once(lambda connection: search(connection, SearchRequest(text=draw.choice(words), assets=video))),
        "dlq list": once(lambda connection: letters.page(connection, failed, LetterFilter(), False)),
        "cost by day": once(lambda connection: spent_nanos(connection, "day")),
    }
    measured = {name: _p95(ask) for name, ask in asked.items()}
    return {name: wall for name, (wall, _) in measured.items()}, {name: cpu for name, (_, cpu) in measured.items()}


def _p95(ask: Callable[[], Any]) -> tuple[float, float]:
    times, cpu_times = [], []
    for _ in range(QUERIES):
        began, cpu = time.perf_counter(), time.process_time()
        ask()
        times.append((time.perf_counter() - began) * 1000)
        cpu_times.append((time.process_time() - cpu) * 1000)
    return statistics.quantiles(times, n=20)[-1], statistics.quantiles(cpu_times, n=20)[-1]


def _missed(measured: list[MeasuredSize]) -> Iterator[str]:
    """Yield the targets that were missed."""
    for each in measured:
        if each.rate < RATE_GOAL:
            yield f"{each.rate:,.0f} events/s with {each.assets:,} assets, target {RATE_GOAL:,}"
        for name, p95 in each.p95_ms.items():
            if p95 > P95_GOAL_MS:
                yield f"{name} takes {p95:.0f} ms with {each.assets:,} assets, target {P95_GOAL_MS:.0f} ms"
    smallest, largest = measured[0], measured[-1]
    for name, p95 in largest.p95_ms.items():
        if p95 > max(1.0, smallest.p95_ms[name] * GROWTH_GOAL):
            yield f"{name} takes {p95 / smallest.p95_ms[name]:.1f} times as long with {largest.assets:,} assets"


if __name__ == "__main__":
    typer.run(main)

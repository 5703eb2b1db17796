"""Compare the codec with bare fastavro: `python -m bench.codec [--json]`. Exit code 1 below 1.2 times its speed.

Both process the same record in the same process, alternately: fastavro between a dict and the datum, the codec between
a record and the framed bytes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from typing import Annotated, Any

import fastavro
import msgspec
import typer
from rich.console import Console
from rich.table import Table

from bench.harness import report
from bench.harness.report import Spread
from headrace.schemas.records import Asset, Charge, Event, Label, MediaLabelled, MediaUploaded, Pointer
from headrace.schemas.serde import catalog, codec

PROMISED = 1.2
REPETITIONS = 1001
SECONDS_EACH = 0.0005

ASSET = Asset(
    bucket="headrace-media",
    key="holidays/2026/beach at dawn.mp4",
    version="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
    version_id="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
    etag="d41d8cd98f00b204e9800998ecf8427e",
    size=123_456_789,
    sequencer="0055AED6DCD90281E5",
)
UPLOADED = MediaUploaded(
    asset=ASSET,
    event_name="ObjectCreated:Put",
    uploaded_at=datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC),
    region="us-east-1",
    origin="notification",
)
LABELLED = MediaLabelled(
    asset=ASSET,
    labels=tuple(
        Label(name=f"Label {rank}", confidence=99.5 - rank, parent="Nature" if rank % 2 else None) for rank in range(20)
    ),
    label_count=20,
    model="3.0",
    result=Pointer(
        bucket="headrace-results",
        key="headrace-media%2Fholidays%2F2026/0055AED6DCD90281E5/labels@1.answer.json",
        size=12_345,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        content_type="application/json",
    ),
    charges=(Charge(service="rekognition", operation="DetectLabels", units=1.0, unit="image", usd=0.001),),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. Times in microseconds per record; `ratio` is the speed relative to bare fastavro."""

    record: str
    work: str
    bytes: int
    bare: Spread
    ours: Spread
    ratio: Spread

    @property
    def kept(self) -> bool:
        """Whether the target is met."""
        return self.ratio.median >= PROMISED


def measure(repetitions: int = REPETITIONS) -> list[Row]:
    """Compare writing and reading of a small and of a large event."""
    return [row for event in (UPLOADED, LABELLED) for row in _rows(event, repetitions)]


def main(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Measure, write the result to bench/results, and print it."""
    rows = measure()
    found = report.result("codec", [asdict(row) for row in rows], ("fastavro", "msgspec"))
    report.write(found)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _print(rows)
    raise typer.Exit(0 if all(row.kept for row in rows) else 1)


def _rows(event: Event, repetitions: int) -> list[Row]:
    avro = codec.load()
    schema = fastavro.parse_schema(catalog.latest(catalog.versions())[event.EVENT].schema)
    datum = msgspec.to_builtins(event, builtin_types=(datetime,))
    data = avro.encode(event)
    body = data[codec.HEADER :]

    def bare_write() -> bytes:
        out = BytesIO()
        fastavro.schemaless_writer(out, schema, datum)
        return out.getvalue()

    def bare_read() -> Any:
        return fastavro.schemaless_reader(BytesIO(body), schema, None)

    if bare_write() != body or msgspec.convert(bare_read(), type(event)) != event or avro.decode(data) != event:
        raise AssertionError("fastavro and the codec differ")
    writes = _compare(bare_write, partial(avro.encode, event), repetitions)
    reads = _compare(bare_read, partial(avro.decode, data), repetitions)
    return [Row(event.EVENT, "write", len(data), *writes), Row(event.EVENT, "read", len(data), *reads)]


def _compare(bare: Callable[[], Any], ours: Callable[[], Any], repetitions: int) -> tuple[Spread, Spread, Spread]:
    """Time both alternately, each first as often as second, so that load on the machine affects both."""
    calls = max(1, int(SECONDS_EACH / _seconds(bare, 200)))
    pairs = []
    for repetition in range(repetitions):
        if repetition % 2:
            second = _seconds(ours, calls)
            first = _seconds(bare, calls)
        else:
            first = _seconds(bare, calls)
            second = _seconds(ours, calls)
        pairs.append((first * 1e6, second * 1e6))
    ratios = [bare_us / ours_us for bare_us, ours_us in pairs]
    return report.spread([pair[0] for pair in pairs]), report.spread([pair[1] for pair in pairs]), report.spread(ratios)


def _seconds(work: Callable[[], Any], calls: int) -> float:
    begun = time.process_time()  # which stands still while another process has the core
    for _ in range(calls):
        work()
    return (time.process_time() - begun) / calls


def _print(rows: list[Row]) -> None:
    where = report.machine()
    table = Table("record", "work", "bytes", "bare µs", "ours µs", "ratio (quartiles)", "promise", box=None)
    for row in rows:
        times = f"{row.bare.median:.2f}", f"{row.ours.median:.2f}"
        table.add_row(row.record, row.work, str(row.bytes), *times, str(row.ratio), "kept" if row.kept else "broken")
    console = Console()
    console.print(f"{where.cpu}, {where.cores} cores, {where.python}: median of {REPETITIONS}, promised {PROMISED}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)

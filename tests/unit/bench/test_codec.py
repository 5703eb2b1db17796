"""The codec benchmark."""

from __future__ import annotations

from bench import codec
from bench.harness.report import Spread
from headrace.schemas.records import MediaLabelled, MediaUploaded


def test_measures_writes_and_reads_of_both_events() -> None:
    rows = codec.measure(repetitions=2)

    assert [(row.record, row.work) for row in rows] == [
        (event.EVENT, work) for event in (MediaUploaded, MediaLabelled) for work in ("write", "read")
    ]
    assert all(row.ratio.median > 0 for row in rows)


def test_large_event_has_twenty_labels() -> None:
    assert len(codec.LABELLED.labels) == 20


def test_target_is_met_at_the_promised_ratio() -> None:
    def row(ratio: float) -> codec.Row:
        spread = Spread(ratio, ratio, ratio, 1)
        return codec.Row("x", "read", 1, bare=spread, ours=spread, ratio=spread)

    assert row(codec.PROMISED).kept
    assert not row(codec.PROMISED - 0.01).kept

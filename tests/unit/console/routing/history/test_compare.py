"""Rules are compared on every record of the log, also after an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.routing.history import compare, tally
from headrace.console.routing.history.pairs import RulePair, pair_rules
from headrace.console.routing.history.report import HistoryReport, build_report
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.routing.rule import Rule, read_text
from tests.support import golden
from tests.support.records import NOW, asset, raw, received, uploaded
from tests.unit.console.web.pages.fake_cluster import FakeCluster

AT = NOW.timestamp()
TOPIC = "media.uploaded"


class Log(FakeCluster):
    """Records of one topic; the earliest offsets may have expired."""

    low = 0

    def spans(self, names: Any, since: float | None = None) -> dict[TopicAndPartition, OffsetRange]:
        return {place: OffsetRange(self.low, span.high) for place, span in super().spans(names).items()}

    def times(self, offsets: dict[TopicAndPartition, int]) -> dict[TopicAndPartition, float]:
        return {(each.topic, each.partition): each.timestamp for each in reversed(self.records)}

    def read(self, spans: Any, values: bool = False) -> Any:
        for records in super().read(spans, values):
            yield from ([each] for each in records)  # batches of one


def log_of(*records: ConsumerRecord) -> Log:
    return Log([msgspec.structs.replace(each, offset=at, timestamp=AT) for at, each in enumerate(records)])


def rule(name: str, pattern: str, target: str = 'sns = "arn:a"', head: str = "") -> Rule:
    return read_text(name, f'{head}reads = ["{TOPIC}"]\npattern = {pattern}\n[target]\n{target}\n', ["sns"])


def prefix(text: str, more: str = "") -> str:
    return f'{{ detail = {{ asset = {{ key = [{{ prefix = "{text}" }}]{more} }} }} }}'


def compared(log: Log, pairs: Sequence[RulePair], path: Path) -> HistoryReport:
    comparison = compare.start(log, "r", pairs, [TOPIC], AT - 60)  # type: ignore[arg-type]
    assert compare.run(log, pairs, comparison, path, lambda _: None, lambda: False)  # type: ignore[arg-type]
    return build_report(log, pairs, comparison)  # type: ignore[arg-type]


def keys(*names: str, size: int = 10) -> list[ConsumerRecord]:
    return [received(uploaded(asset(name, size=size))) for name in names]


def test_counts_gained_lost_and_kept_records(tmp_path: Path) -> None:
    pairs = pair_rules([rule("a", prefix("x/"))], [rule("a", prefix("x/1"))], False)
    found = compared(log_of(*keys("x/1", "x/2", "y", "x/11")), pairs, tmp_path / "s").rules[0]
    assert (found.gained, found.lost, found.kept, found.changed) == (0, 1, 2, 0)
    [lost] = found.examples["lost"]
    assert (lost.place, lost.key) == (f"{TOPIC}/0/1", "media/x/2")
    assert 'detail.asset.key: expected [{"prefix":"x/1"}], got "x/2"' in lost.why
    back = compared(
        log_of(*keys("x/1", "x/2")),
        pair_rules([rule("a", prefix("x/1"))], [rule("a", prefix("x/"))], False),
        tmp_path / "s",
    )
    assert (back.rules[0].gained, back.rules[0].lost, back.rules[0].kept) == (1, 0, 1)
    assert '"x/2"' in str(back.rules[0].examples["gained"][0].after)


def test_near_misses_are_counted_by_the_path_that_does_not_match(tmp_path: Path) -> None:
    large = ', size = [{ numeric = [">", 50] }]'
    records = [*keys("x/1", "x/2", "y"), *keys("y/1", size=99), *keys("x/3", size=99)]
    found = compared(log_of(*records), pair_rules([], [rule("a", prefix("x/", large))], False), tmp_path / "s").rules[0]
    assert {each.path: each.records for each in found.near_misses} == {"detail.asset.size": 2, "detail.asset.key": 1}
    assert "(1 of 2 clauses match)" in found.near_misses[0].examples[0].why
    assert found.gained == 1


@pytest.mark.parametrize(
    ("target", "changed"),
    [
        ("""sns = "arn:a"\ninput = { paths = { k = "$.detail.asset.size" }, template = '"<k>"' }""", 1),
        ("""sns = "arn:b"\ninput = { paths = { k = "$.detail.asset.key" }, template = '"<k>"' }""", 2),
        ("""sns = "arn:a"\ninput = { paths = { k = "$.detail.asset.key" }, template = '"<k>"' }""", 0),
    ],
)
def test_payloads_are_compared(tmp_path: Path, target: str, changed: int) -> None:
    before = """sns = "arn:a"\ninput = { paths = { k = "$.detail.asset.key" }, template = '"<k>"' }"""
    pairs = pair_rules([rule("a", prefix(""), before)], [rule("a", prefix(""), target, "rate = 1\n")], False)
    found = compared(log_of(*keys("10", "other")), pairs, tmp_path / "s").rules[0]
    assert (found.kept, found.changed, len(found.examples["changed"])) == (2, changed, changed)


def test_a_whole_event_is_no_changed_payload_because_of_the_version_of_its_rule(tmp_path: Path) -> None:
    whole = """sns = "arn:a"\ninput = { template = '<aws.events.event.json>' }"""
    pairs = pair_rules([rule("a", prefix("x"))], [rule("a", prefix("x"), whole)], False)
    assert pairs[0].payload == "compare"
    assert compared(log_of(*keys("x")), pairs, tmp_path / "s").rules[0].changed == 0


def test_near_misses_of_alternatives_miss_one_of_them(tmp_path: Path) -> None:
    either = '{ "$or" = [{ source = ["no"], "detail-type" = ["MediaUploaded"] }, { source = ["no"], id = ["no"] }] }'
    found = compared(log_of(*keys("x")), pair_rules([], [rule("a", either)], False), tmp_path / "s").rules[0]
    assert {each.path: each.records for each in found.near_misses} == {"source": 1}
    assert set(rule("a", '{ "$or" = [{ a = [1], b = [1] }, { c = [1] }] }').matcher.relaxed()) == {"a", "b"}


def test_disabled_and_removed_rules_lose_their_records(tmp_path: Path) -> None:
    active = [rule("a", prefix("x")), rule("b", prefix("y"))]
    pairs = pair_rules(active, [rule("a", prefix("x"), head="enabled = false\n")], True)
    found = {each.name: each for each in compared(log_of(*keys("x", "y")), pairs, tmp_path / "s").rules}
    assert (found["a"].lost, found["b"].lost) == (1, 1)
    assert (found["a"].examples["lost"][0].why, found["b"].state) == ("the candidate is disabled", "removed")


def test_shadow_rule_is_evaluated(tmp_path: Path) -> None:
    pairs = pair_rules([], [rule("a", prefix("x"), head='enabled = "shadow"\n')], False)
    found = compared(log_of(*keys("x", "y")), pairs, tmp_path / "s").rules[0]
    assert (found.state, found.gained) == ("shadow", 1)


def test_undecodable_records_are_counted_and_shown(tmp_path: Path) -> None:
    good = keys("x")
    log = log_of(*good, raw(b"junk", good[0].headers), raw(good[0].value, ()), raw(None, good[0].headers))
    topic = compared(log, pair_rules([], [rule("a", prefix("x"))], False), tmp_path / "s").topics[0]
    assert (topic.records, topic.undecodable, len(topic.undecodable_records)) == (4, 3, 3)
    assert topic.reason.startswith("no value")


def test_records_of_several_schema_versions_are_compared(tmp_path: Path) -> None:
    headers = keys("x")[0].headers
    files = [*golden.FOLDER.glob("MediaProbed.v*.json"), *golden.FOLDER.glob("MediaReady.v*.json")]
    records = [raw(bytes.fromhex(msgspec.json.decode(file.read_bytes())["bytes"]), headers) for file in files]
    both = '{ "detail-type" = ["MediaProbed", "MediaReady"] }'
    assert compared(log_of(*records), pair_rules([], [rule("a", both)], False), tmp_path / "s").rules[0].gained == 4


def test_says_where_the_history_begins(tmp_path: Path) -> None:
    log, pairs = log_of(*keys("x", "y")), pair_rules([], [rule("a", prefix("x"))], False)
    assert compared(log, pairs, tmp_path / "s").topics[0].complete
    log.low = 1
    [topic] = compared(log, pairs, tmp_path / "s").topics
    assert (topic.complete, topic.begins) == (False, "2026-03-14T15:09:26.000Z")
    assert not compared(Log(), pairs, tmp_path / "s").topics[0].exists


def test_records_before_the_begin_are_left_out(tmp_path: Path) -> None:
    log = Log(
        [msgspec.structs.replace(each, offset=at, timestamp=AT - 61 + at) for at, each in enumerate(keys("x", "x"))]
    )
    assert compared(log, pair_rules([], [rule("a", prefix("x"))], False), tmp_path / "s").rules[0].gained == 1


def test_interrupted_comparison_continues_and_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    log = log_of(*keys(*(f"x/{number}" for number in range(9))), raw(b"junk"))
    pairs = pair_rules([rule("a", prefix("x/"))], [rule("a", prefix("x/1"))], False)
    expected, path = compared(log, pairs, tmp_path / "whole"), tmp_path / "state.json"
    comparison = compare.start(log, "r", pairs, [TOPIC], AT - 60)  # type: ignore[arg-type]
    runs = 0
    while not compare.run(log, pairs, comparison, path, lambda _: None, lambda: True):  # type: ignore[arg-type]
        runs += 1
        assert runs <= 10, "a run compares records again"
        stored = tally.load(path, "r")
        assert stored is not None
        comparison = stored
    assert runs == 10
    assert asdict(build_report(log, pairs, comparison)) == asdict(expected)  # type: ignore[arg-type]
    assert path.stat().st_mode & 0o77 == 0


def test_state_of_other_rules_or_no_state_is_not_used(tmp_path: Path) -> None:
    pairs = pair_rules([], [rule("a", prefix("x"))], False)
    other = pair_rules([], [rule("a", prefix("y"))], False)
    requests = {compare.request_of(each, "kafka:1", "-7d", [TOPIC]) for each in (pairs, other)}
    assert len(requests) == 2
    path = tmp_path / "state.json"
    path.write_text("{")
    assert tally.load(path, "r") is None
    assert tally.load(tmp_path / "absent", "r") is None
    tally.save(path, compare.start(log_of(), "r", pairs, [TOPIC], AT))  # type: ignore[arg-type]
    assert tally.load(path, "another") is None

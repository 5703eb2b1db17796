"""Recent events that match a pattern, and the history of rules."""

from __future__ import annotations

import msgspec
import pytest

from headrace.console.routing.apply import plan_rule
from headrace.console.routing.recent_events import recent_events, try_pattern
from headrace.console.routing.rule_history import active_texts, rule_history
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.routing.rule import InvalidRuleError
from headrace.streams.routing.rule_table import RuleChange
from headrace.streams.rules import Pattern
from tests.support import records
from tests.support.records import NOW
from tests.unit.console.asset_history import entry
from tests.unit.console.views.queries.test_history import at_offsets
from tests.unit.console.web.pages.fake_cluster import FakeCluster

TEXT = 'reads = ["media.completed"]\n[target]\ntopic = "aws.events"\n'


def change(offset: int, name: str, text: str | None) -> ConsumerRecord:
    value = msgspec.json.encode(RuleChange(name, text, "ann", "2026-03-14T15:09:26Z"))
    return ConsumerRecord(topics.RULES.name, 0, offset, NOW.timestamp(), name.encode(), value, ())


def test_finds_matches_and_near_misses() -> None:
    cat, dog = records.asset(size=10), records.asset("photos/dog.jpg", size=99)
    uploads = at_offsets([entry(records.uploaded(cat)), entry(records.uploaded(dog), 1)])
    events = recent_events(FakeCluster([each.record for each in uploads]), ["media.uploaded"], NOW.timestamp() - 60)  # type: ignore[arg-type]
    size = {"asset": {"size": [{"numeric": [">", 50]}]}}
    result = try_pattern(Pattern({"detail-type": ["MediaUploaded"], "detail": size}), events)
    assert [event.document["detail"]["asset"]["key"] for event in result.matches] == ["photos/dog.jpg"]
    [(event, miss)] = result.near
    assert event.document["detail"]["asset"]["key"] == "photos/cat.jpg"
    assert miss.path == "detail.asset.size"


def test_older_events_and_missing_topics_are_left_out() -> None:
    old = at_offsets([entry(records.uploaded())])
    assert recent_events(FakeCluster([each.record for each in old]), ["media.uploaded"], NOW.timestamp() + 60) == []  # type: ignore[arg-type]
    assert recent_events(FakeCluster(), ["media.uploaded"], 0.0) == []  # type: ignore[arg-type]


def test_history_is_newest_first_and_skips_invalid_records() -> None:
    junk = ConsumerRecord(topics.RULES.name, 0, 2, NOW.timestamp(), b"a", b"junk", ())
    log = FakeCluster([change(0, "a", "one"), change(1, "b", "x"), junk, change(3, "a", "two"), change(4, "b", None)])
    assert [version.text for version in rule_history(log, "a")] == ["two", "one"]  # type: ignore[arg-type]
    assert active_texts(log) == {"a": "two"}  # type: ignore[arg-type]


@pytest.mark.parametrize(("active", "expected"), [({}, "new"), ({"a": "x"}, "changed"), ({"a": TEXT}, "same")])
def test_plans_one_rule(active: dict[str, str], expected: str) -> None:
    plan = plan_rule("a", TEXT, active)
    assert plan.changes == {"a": expected}
    assert plan.changed_rules() == ([] if expected == "same" else ["a"])


def test_plans_the_removal_of_a_rule_and_rejects_an_invalid_one() -> None:
    assert plan_rule("a", None, {"a": TEXT}).changed_rules() == ["a"]
    with pytest.raises(InvalidRuleError):
        plan_rule("a", "reads = 1", {})

"""The plan counts every key, and spools the objects that are sent."""

from __future__ import annotations

from tempfile import TemporaryFile

from headrace.console.reconcile.comparison import ComparedKey
from headrace.console.reconcile.plan import EXAMPLES, ObjectSpool, planned
from tests.unit.console.reconcile.test_comparison import listed


def test_plan_counts_each_result_and_keeps_some_examples() -> None:
    compared = [ComparedKey(f"{number}", "unaccepted", listed(f"{number}", size=3)) for number in range(9)]
    with TemporaryFile() as file:
        *_, plan = planned([*compared, ComparedKey("x", "gone"), ComparedKey("y", "accepted")], ObjectSpool(file))
    assert plan.counts == {"unaccepted": 9, "gone": 1, "accepted": 1}
    assert plan.size == 27
    assert plan.examples == {"unaccepted": [f"{number}" for number in range(EXAMPLES)], "unfinished": [], "gone": ["x"]}


def test_spool_returns_the_unaccepted_objects_in_order() -> None:
    new, changed = listed("a\n\x00é", size=1), listed("b", version_id="v1")
    with TemporaryFile() as file:
        spool = ObjectSpool(file)
        compared = [
            ComparedKey("a\n\x00é", "unaccepted", new),
            ComparedKey("b", "unaccepted", changed),
            ComparedKey("c", "recent", listed("c")),
        ]
        assert len(list(planned(compared, spool))) == 3
        assert list(spool) == [new, changed]
        assert list(spool) == [new, changed]

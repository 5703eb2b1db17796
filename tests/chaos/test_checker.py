"""The checker of the crash tests names every broken guarantee and accepts valid histories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.support.checker import Balance, anomalies, balance
from tests.chaos.support.history import Delayed, Effect, Glimpse, History, Input, Letter, Output, Place

IN, OUT, RETRY, DEAD = ("in", 0), ("out", 0), ("retry", 0), ("dead", 0)


def at(where: tuple[str, int], offset: int) -> Place:
    return Place(*where, offset)


def taken(name: str, offset: int, key: str = "k", version: str = "", digest: str = "") -> Input:
    return Input(name, key, at(IN, offset), key, version or str(offset), digest)


def result(cause: str, offset: int, name: str = "") -> Output:
    return Output(cause, name or f"of-{cause}", at(OUT, offset))


def delayed(cause: str, offset: int) -> Delayed:
    return Delayed(cause, at(RETRY, offset))


def letter(cause: str, offset: int = 0, digest: str = "") -> Letter:
    return Letter(cause, at(DEAD, offset), digest)


def glimpse(committed: int, results: int = 99, retries: int = 0, superseded: int = 99) -> Glimpse:
    return Glimpse({IN: committed, RETRY: retries}, {OUT: results, RETRY: 99, DEAD: 99}, superseded)


CLEAN = History(
    inputs=(taken("a", 0), taken("b", 1), taken("c", 2), taken("d", 3), taken("e", 4, key="other")),
    # `a` steps aside, `b` passes it, and `a` is then overtaken; `d` is re-emitted after a crash.
    outputs=(result("b", 0), result("d", 1), result("d", 2), result("e", 3)),
    delayed=(delayed("a", 0), delayed("a", 1)),
    letters=(letter("c"),),
    superseded=("a",),
    effects=(Effect("b", "t-b"), Effect("d", "t-d"), Effect("e", "t-e")),
    glimpses=(glimpse(1, results=0), glimpse(2, results=1, retries=1), glimpse(5, retries=2)),
)


def names(history: History) -> set[str]:
    return {each.name for each in anomalies(history)}


def test_valid_history_has_no_violations() -> None:
    assert anomalies(CLEAN) == []


def test_every_input_is_counted_once() -> None:
    assert balance(CLEAN) == Balance(done=3, retrying=0, dead_lettered=1, superseded=1, lost=0)


def test_unconsumed_retry_is_an_outcome() -> None:
    waiting = History((taken("a", 0),), delayed=(delayed("a", 7),), glimpses=(glimpse(1, retries=7),))
    assert anomalies(waiting) == []
    assert balance(waiting).retrying == 1


def test_upload_ends_with_its_job() -> None:
    inputs = (taken("a", 0), Input("finished", "token", Place("jobs", 0, 0), "k", "1"))
    history = History(inputs, outputs=(Output("finished", "r", at(OUT, 0), root="a"),), glimpses=(glimpse(1),))
    assert anomalies(history) == []
    assert balance(history).done == 2


def test_input_without_an_outcome_is_lost() -> None:
    history = replace(CLEAN, outputs=[each for each in CLEAN.outputs if each.cause != "b"], effects=(), glimpses=())
    assert names(history) == {"lost input"}
    assert balance(history).lost == 1


def test_consumed_retry_without_an_outcome_is_lost() -> None:
    history = History((taken("a", 0),), delayed=(delayed("a", 0),), glimpses=(glimpse(1), glimpse(1, retries=1)))
    assert names(history) == {"lost input", "commit past unfinished"}


def test_result_and_dead_letter_are_two_outcomes() -> None:
    assert names(replace(CLEAN, letters=(letter("c"), letter("b", 1)))) == {"two endings"}


def test_different_results_are_two_outcomes() -> None:
    assert names(replace(CLEAN, outputs=(*CLEAN.outputs, result("e", 4, name="another")))) == {"two endings"}


def test_repeated_result_is_one_outcome() -> None:
    assert names(replace(CLEAN, outputs=(*CLEAN.outputs, result("b", 4), result("e", 5)))) == set()


def test_detects_results_out_of_key_order() -> None:
    history = History((taken("a", 0), taken("b", 1)), outputs=(result("b", 0), result("a", 1)))
    assert names(history) == {"key order broken"}


def test_records_of_different_keys_have_no_order() -> None:
    history = History((taken("a", 0), taken("b", 1, key="other")), outputs=(result("b", 0), result("a", 1)))
    assert names(history) == set()


def test_deferred_record_may_be_overtaken() -> None:
    inputs = (taken("a", 0), taken("b", 1))
    history = History(inputs, outputs=(result("b", 0), result("a", 1)), delayed=(delayed("a", 0),))
    assert names(history) == set()


def test_repeated_input_has_the_order_of_its_first_arrival() -> None:
    inputs = (taken("a", 0), taken("b", 1), taken("a", 2))
    assert names(History(inputs, outputs=(result("a", 0), result("b", 1)))) == set()


def test_detects_two_effects_of_one_input() -> None:
    assert names(replace(CLEAN, effects=(Effect("b", "t-1"), Effect("b", "t-2")))) == {"effect done twice"}


@pytest.mark.parametrize(
    "history",
    [
        replace(CLEAN, outputs=(*CLEAN.outputs, result("unknown", 9))),
        replace(CLEAN, letters=(*CLEAN.letters, letter("unknown", 1))),
        replace(CLEAN, delayed=(*CLEAN.delayed, delayed("unknown", 9))),
        replace(CLEAN, effects=(Effect("unknown", "t"),)),
        replace(CLEAN, superseded=("a", "unknown")),
    ],
    ids=["result", "letter", "retry", "effect", "superseded"],
)
def test_detects_output_without_an_input(history: History) -> None:
    assert names(history) == {"output without cause"}


@pytest.mark.parametrize(
    "early",
    [
        glimpse(2, results=0),
        Glimpse({IN: 1, RETRY: 1}, {OUT: 0, RETRY: 1}),
        glimpse(3, results=1, retries=2, superseded=0),
    ],
    ids=["before its result", "before it was put off again", "before it was given up"],
)
def test_detects_a_commit_past_an_unfinished_record(early: Glimpse) -> None:
    unsettled = replace(CLEAN, delayed=(delayed("a", 0), delayed("a", 1)), glimpses=(early, CLEAN.glimpses[-1]))
    assert names(unsettled) == {"commit past unfinished"}


def test_detects_a_committed_offset_that_goes_back() -> None:
    assert names(replace(CLEAN, glimpses=(*CLEAN.glimpses, glimpse(4, retries=2)))) == {"commit went back"}


@pytest.mark.parametrize(
    "inputs",
    [
        (taken("a", 0, version="1"), taken("b", 1, version="2")),
        (taken("a", 1, version="2"), taken("b", 0, version="1")),
        (taken("a", 1, version="1"), taken("b", 0, version="2", key="other")),
    ],
    ids=["the newer one came later", "the other is older", "the other is about something else"],
)
def test_superseded_requires_an_earlier_newer_version(inputs: tuple[Input, ...]) -> None:
    assert names(History(inputs, outputs=(result("b", 0),), superseded=("a",))) == {"superseded by nothing"}


def test_late_older_version_is_superseded() -> None:
    inputs = (taken("a", 1, version="1"), taken("b", 0, version="2"))
    assert names(History(inputs, outputs=(result("b", 0),), superseded=("a",))) == set()


def test_records_on_different_partitions_may_overtake_each_other() -> None:
    completion = Input("a", "token", Place("jobs", 0, 0), "k", "1")
    history = History((completion, taken("b", 1, version="2")), outputs=(result("b", 0),), superseded=("a",))
    assert names(history) == set()


def test_frozen_worker_may_finish_a_superseded_record() -> None:
    inputs = (taken("a", 1, version="1"), taken("b", 0, version="2"))
    history = History(inputs, outputs=(result("b", 0), result("a", 1)), superseded=("a",))
    assert names(history) == set()
    assert balance(history).done == 2


def test_dead_letter_must_equal_its_original() -> None:
    history = History((taken("a", 0, digest="x"),), letters=(letter("a", digest="y"),))
    assert names(history) == {"dead letter altered"}
    assert names(replace(history, letters=(letter("a", digest="x"),))) == set()

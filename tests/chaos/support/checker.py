"""Find anomalies in the history of a run: its inputs, its records in Kafka and its billed calls. Pure.

Anomalies have names, as in Jepsen (https://jepsen.io/consistency/phenomena).

    lost input               accepted, but not done, retrying, dead-lettered or superseded
    two endings              done and dead-lettered, or done with two different results
    key order broken         a result before that of an earlier record of its key, without a retry
    effect done twice        one input, two billed calls
    output without cause     a result, retry, dead letter or effect without an input
    commit past unfinished   an offset committed while an earlier record had no outcome in Kafka
    commit went back         a committed offset below an earlier one
    superseded by nothing    superseded without a newer version
    dead letter altered      a dead letter that differs from its original record

Done and superseded may both occur: a frozen worker can finish a record that another has superseded. Then the result
counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from tests.chaos.support.history import (
    Delayed,
    Effect,
    Glimpse,
    History,
    Input,
    Letter,
    Output,
    Place,
    TopicPartition,
)


class Anomaly(NamedTuple):
    """A broken guarantee and its evidence."""

    name: str
    what: str


class Balance(NamedTuple):
    """Inputs per outcome; the sum is the number of inputs."""

    done: int
    retrying: int
    dead_lettered: int
    superseded: int
    lost: int


def anomalies(history: History) -> list[Anomaly]:
    """Return every anomaly of a history."""
    checks = (_lost, _two_endings, _order, _effects, _causes, _commits, _back, _overtaken, _letters)
    return [anomaly for check in checks for anomaly in check(history)]


def balance(history: History) -> Balance:
    """Count the outcomes. Each input counts once, by its strongest outcome."""
    endings = _endings(history)
    counted = dict.fromkeys(Balance._fields, 0)
    for cause in {each.id for each in history.inputs}:
        counted[endings.get(cause, "lost")] += 1
    return Balance(**counted)


def _endings(history: History) -> dict[str, str]:
    committed = history.glimpses[-1].committed if history.glimpses else {}
    waiting = {each.cause for each in history.delayed if each.place.offset >= committed.get(each.place.where, 0)}
    return {
        **dict.fromkeys(history.superseded, "superseded"),
        **dict.fromkeys(waiting, "retrying"),
        **{cause: "done" for each in history.outputs for cause in (each.cause, each.root)},
        **{each.cause: "dead_lettered" for each in history.letters},
    }


def _lost(history: History) -> Iterator[Anomaly]:
    endings = _endings(history)
    for each in history.inputs:
        if each.id not in endings:
            yield Anomaly("lost input", f"{each.id} at {_at(each.place)}")


def _two_endings(history: History) -> Iterator[Anomaly]:
    results: dict[str, set[str]] = defaultdict(set)
    for output in history.outputs:
        results[output.cause].add(output.id)
    for cause, ids in results.items():
        if len(ids) > 1:
            yield Anomaly("two endings", f"{cause} has the results {', '.join(sorted(ids))}")
    for cause in sorted({letter.cause for letter in history.letters} & results.keys()):
        yield Anomaly("two endings", f"{cause} is done and dead-lettered")


def _order(history: History) -> Iterator[Anomaly]:
    """Check that the first results of a key follow the order of its inputs.

    Unless the stage is ordered, a retried record may be overtaken.
    """
    aside = set() if history.ordered else {each.cause for each in history.delayed}
    inputs = {each.id: each for each in reversed(history.inputs) if each.id not in aside}
    lines: dict[tuple[str, TopicPartition, TopicPartition], dict[str, Input]] = defaultdict(dict)
    for output in sorted(history.outputs, key=lambda each: each.place):
        cause = inputs.get(output.cause)
        if cause is not None:
            lines[cause.key, cause.place.where, output.place.where].setdefault(cause.id, cause)
    for line in lines.values():
        for before, after in pairwise(line.values()):
            if before.place.offset > after.place.offset:
                yield Anomaly("key order broken", f"{before.key}: {_at(before.place)} before {_at(after.place)}")


def _effects(history: History) -> Iterator[Anomaly]:
    tokens: dict[str, list[str]] = defaultdict(list)
    for effect in history.effects:
        tokens[effect.cause].append(effect.token)
    for cause, used in tokens.items():
        if len(used) > 1:
            yield Anomaly("effect done twice", f"{cause} under {', '.join(used)}")


def _causes(history: History) -> Iterator[Anomaly]:
    known = {each.id for each in history.inputs}
    records: tuple[Output | Delayed | Letter | Effect, ...] = (
        *history.outputs,
        *history.delayed,
        *history.letters,
        *history.effects,
    )
    for record in records:
        if record.cause not in known:
            yield Anomaly("output without cause", f"{record}")


def _commits(history: History) -> Iterator[Anomaly]:
    """Check that every record below a committed offset had an outcome or a newer retry at that time."""
    left = [(each.id, each.place) for each in history.inputs] + [(each.cause, each.place) for each in history.delayed]
    for glimpse in history.glimpses:
        passed = [each for each in left if each[1].offset < glimpse.committed.get(each[1].where, 0)]
        left = [each for each in left if each[1].offset >= glimpse.committed.get(each[1].where, 0)]
        ended, retried = _known(history, glimpse)
        for cause, place in passed:
            if cause not in ended and retried.get(cause, place) == place:
                yield Anomaly("commit past unfinished", f"{cause} at {_at(place)}")


def _known(history: History, glimpse: Glimpse) -> tuple[set[str], dict[str, Place]]:
    """Return the inputs with an outcome at that time, and the last retry record of each input."""
    ended = {each.cause for each in history.letters if _seen(each.place, glimpse)}
    ended.update(cause for each in history.outputs if _seen(each.place, glimpse) for cause in (each.cause, each.root))
    ended.update(history.superseded[: glimpse.superseded])
    seen = sorted((each.place, each.cause) for each in history.delayed if _seen(each.place, glimpse))
    return ended, {cause: place for place, cause in seen}


def _back(history: History) -> Iterator[Anomaly]:
    for before, after in pairwise(history.glimpses):
        for where, offset in before.committed.items():
            if after.committed.get(where, offset) < offset:
                yield Anomaly("commit went back", f"{where[0]}/{where[1]} from {offset} to {after.committed[where]}")


def _overtaken(history: History) -> Iterator[Anomaly]:
    """Check that a higher version arrived earlier, or could have overtaken the record."""
    aside = {each.cause for each in history.delayed}
    inputs = {each.id: each for each in reversed(history.inputs)}
    versions: dict[str, list[Input]] = defaultdict(list)
    for each in history.inputs:
        versions[each.about].append(each)
    for cause in _only_superseded(history):
        given_up = inputs.get(cause)
        if given_up is None:
            yield Anomaly("output without cause", f"{cause} was superseded")
        elif not any(_overtakes(each, given_up, given_up.id in aside) for each in versions[given_up.about]):
            yield Anomaly("superseded by nothing", f"{cause} at {_at(given_up.place)}")


def _only_superseded(history: History) -> Iterable[str]:
    endings = _endings(history)
    return sorted({cause for cause in history.superseded if endings[cause] == "superseded"})


def _overtakes(other: Input, given_up: Input, stood_aside: bool) -> bool:
    passable = stood_aside or other.place.where != given_up.place.where
    return other.version > given_up.version and (passable or other.place.offset < given_up.place.offset)


def _letters(history: History) -> Iterator[Anomaly]:
    digests = {each.id: each.digest for each in history.inputs}
    for letter in history.letters:
        if letter.digest != digests.get(letter.cause, letter.digest):
            yield Anomaly("dead letter altered", f"{letter.cause} at {_at(letter.place)}")


def _seen(place: Place, glimpse: Glimpse) -> bool:
    return place.offset < glimpse.ends.get(place.where, 0)


def _at(place: Place) -> str:
    return "/".join(map(str, place))

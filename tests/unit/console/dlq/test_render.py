"""Text output of dead letters, truncated to the terminal width."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from headrace.console.dlq import detail, render, serialize
from headrace.console.dlq.dispositions import decide
from headrace.console.dlq.letter import short_ids
from headrace.console.dlq.listing import LetterPage, ListedLetter
from headrace.console.dlq.stats import LetterCounter, total
from headrace.console.kafka.entry import open_record
from headrace.console.kafka.letter_id import letter_id
from headrace.console.terminal.screen import Console
from tests.support import records
from tests.support.records import CODEC, NOW
from tests.unit.console.asset_history import entry, letter
from tests.unit.console.dlq.letters import AT, a_letter, failed


def printed(show: Callable[[Console], None], width: int = 1000) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width, highlight=False))
    return out.getvalue()


def page_of(page: LetterPage, width: int = 1000) -> str:
    fields = serialize.page(page)
    return printed(lambda out: render.page(fields, short_ids(each["id"] for each in fields["letters"]), out), width)


def found(event: str, offset: int, **changes: Any) -> ListedLetter:
    record = failed(event, offset, **changes)
    return ListedLetter(letter_id(record), record)


def test_each_letter_is_one_line() -> None:
    one = found("a", 0, why="moov atom not found")
    head, row = page_of(LetterPage((one,))).splitlines()
    assert head.split() == ["id", "code", "key", "failed", "attempts", "reason"]
    assert one.id[: len("probe-") + 12] in row
    assert all(part in row for part in ("timeout", "media/photos/cat.jpg", " 8 ", "moov atom not found"))


def test_lines_fit_the_terminal_width() -> None:
    output = page_of(LetterPage((found("a", 0, why="word " * 100),)), width=100)
    assert max(map(len, output.splitlines())) <= 100
    assert len(output.splitlines()) == 2


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (LetterPage(()), "no dead letters match"),
        (LetterPage((), more=1), "1 more letter:"),
        (LetterPage((), more=2000), "2,000 more letters:"),
        (LetterPage((), more=2000, exact=False), "up to 2,000 more:"),
        (LetterPage((), hidden=3), "3 resolved letters not shown: add --all"),
    ],
)
def test_list_names_omitted_letters(page: LetterPage, expected: str) -> None:
    assert expected in page_of(page)


def test_resolved_letter_is_marked() -> None:
    one = found("a", 0)
    decided = decide(one.id, "wont-fix", "old", "ann", NOW)
    assert "[wont-fix: old] took 300 s" in page_of(LetterPage((ListedLetter(one.id, one.record, decided),)))


def test_show_prints_every_field() -> None:
    dead = letter(entry(records.uploaded()), "probe")
    fields = detail.describe(ListedLetter(letter_id(dead.record), dead.record), dead, 3, [])
    output = printed(lambda out: render.letter(fields, None, out))
    for part in (
        letter_id(dead.record),
        "unreadable: no moov atom",
        "probe.dlq/0/0 (3 records of this dead letter)",
        "media.uploaded/0/0, written ",
        "content-type",
        "record (MediaUploaded, ",
        '"key": "photos/cat.jpg"',
        f"headrace replay redrive {letter_id(dead.record)}",
    ):
        assert part in output


def test_bridge_letter_names_the_next_command() -> None:
    record = a_letter(topic="bridge.dlq", value=b"\xff")
    fields = detail.describe(ListedLetter(letter_id(record), record), open_record(record, CODEC), 1, [])
    output = printed(lambda out: render.letter(fields, None, out))
    assert "00000000  ff" in output
    assert "send the message again" in output


def stats_of(*letters: Any) -> str:
    tally = LetterCounter({})
    tally.take(list(letters))
    return printed(lambda out: render.stats(serialize.stats(total([tally.found()]), AT + 60), out))


def test_stats_print_counts_groups_and_new_reasons() -> None:
    text = stats_of(*(failed(f"e{number}", number) for number in range(-100_000, -99_990)), failed("b", 1, why="junk"))
    assert "11 open letters, 0 resolved, 11 records" in text
    assert "2 groups of similar reasons, 1 new in 24 hours" in text
    old, new = text.splitlines()[-2:]
    assert ("took <n> s" in old, " new " in old) == (True, False)
    assert ("junk" in new, " new " in new) == (True, True)


def test_rare_new_reasons_are_printed() -> None:
    words = [f"{one}{other}" for one in "abcdefghij" for other in "abcde"]
    common = [failed(f"{word}{number}", -100_000 + number, why=word) for word in words for number in range(2)]
    assert "rare" in stats_of(*common, failed("x", 1, why="rare"))


def test_chart_shows_the_last_hours_only() -> None:
    output = stats_of(*(failed(f"e{number}", number * 3600) for number in range(30)))
    assert output.count("█") > 24
    assert "before" in output


def test_stats_without_letters() -> None:
    assert stats_of().splitlines() == ["0 open letters, 0 resolved, 0 records"]


@pytest.mark.parametrize("value", ["yesterday", ""])
def test_invalid_timestamp_is_printed_unchanged(value: str) -> None:
    assert render.local(value) == (value or "?")

"""Which of many wildcards a text matches, without trying each: only those one of whose literals is there are tried.

Every wildcard is filed under one thing that a matching text must have: how it begins, how it ends, or four characters
in a row. Of these the one is taken that the fewest others share.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streams.rules.texts import Glob

GRAM = 4


class Mark(NamedTuple):
    """What a text must have: `kind` is `begins`, `ends` or `holds`. Cheap kinds come first where the choice is free."""

    kind: str
    text: str


class Substrings:
    """Masks of wildcards."""

    __slots__ = ("_always", "_begins", "_ends", "_grams")

    def __init__(self, masks: Mapping[str, int]) -> None:
        globs = {text: Glob(text) for text in masks}
        shared = Counter(mark for glob in globs.values() for mark in set(_marks(glob)))
        filed: dict[str, dict[int, dict[str, list[tuple[Glob, int]]]]] = {
            kind: defaultdict(lambda: defaultdict(list)) for kind in ("begins", "ends", "holds")
        }
        self._always: list[tuple[Glob, int]] = []
        for text, glob in globs.items():
            mark = min(_marks(glob), key=lambda each: (shared[each], -len(each.text)), default=None)
            if mark is None:
                self._always.append((glob, masks[text]))
            else:
                filed[mark.kind][len(mark.text)][mark.text].append((glob, masks[text]))
        self._begins, self._ends, self._grams = (
            [(length, dict(texts)) for length, texts in sorted(filed[kind].items())]
            for kind in ("begins", "ends", "holds")
        )

    def at(self, value: str) -> int:
        """Give the mask of all wildcards that match a text."""
        mask = 0
        for glob, bits in self._candidates(value):
            if mask & bits != bits and glob.matches(value):
                mask |= bits
        return mask

    def _candidates(self, value: str) -> Iterator[tuple[Glob, int]]:
        yield from self._always
        for length, texts in self._begins:
            yield from texts.get(value[:length], ())
        end = len(value)
        for length, texts in self._ends:
            if length <= end:
                yield from texts.get(value[end - length :], ())
        for length, texts in self._grams:
            grams = {value[at : at + length] for at in range(end - length + 1)}
            for gram in grams & texts.keys():
                yield from texts[gram]


def _marks(glob: Glob) -> Iterator[Mark]:
    first, last = glob.literals[0], glob.literals[-1]
    if first:
        yield Mark("begins", first)
    if last:
        yield Mark("ends", last)
    for literal in glob.literals:
        for at in range(max(1, len(literal) - GRAM + 1)) if literal else ():
            yield Mark("holds", literal[at : at + GRAM])

"""Which of many wildcards a text matches, without trying each: only those one of whose literals is there are tried.

Every wildcard is filed under one thing that a matching text must have: how it begins, how it ends, or a piece. Of these
the one is taken that the fewest others share. Pieces that begin with a sign, as `/00001/` does, are looked for where
that sign is in the text; others, of a few lengths, everywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from headrace.streams.rules.text_matching import Glob

LONGEST = 12
LENGTHS = (8, 4, 2, 1)
"""Pieces that are looked for everywhere have one of these lengths, so that a text is not cut in too many ways."""


class Trigram(NamedTuple):
    """What a text must have: `kind` is `begins`, `ends`, a sign with which the piece begins, or empty for any piece."""

    kind: str
    text: str


CompiledWildcard = tuple[int, Callable[[str], bool]]
"""A wildcard's number, and whether it matches."""

IndexedWildcard = dict[str, dict[int, dict[str, list[CompiledWildcard]]]]
"""By kind of mark and by its length, what is filed under its text."""


class WildcardIndex:
    """Masks of wildcards. `at` numbers all that match a text."""

    __slots__ = ("_masks", "at")

    def __init__(self, masks: Mapping[str, int]) -> None:
        self._masks = list(masks.values())
        globs = [Glob(text) for text in masks]
        shared = Counter(mark for glob in globs for mark in set(_marks(glob)))
        filed: IndexedWildcard = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        always: list[CompiledWildcard] = []
        for number, glob in enumerate(globs):
            mark = min(_marks(glob), key=lambda each: (shared[each], not each.kind, -len(each.text)), default=None)
            under = always if mark is None else filed[mark.kind][len(mark.text)][mark.text]
            under.append((number, glob.matches))
        self.at: Callable[[str], tuple[int, ...]] = _compiled(filed, always)

    def mask(self, found: tuple[int, ...]) -> int:
        """Give the mask of the wildcards that match."""
        mask = 0
        for number in found:
            mask |= self._masks[number]
        return mask


def _compiled(filed: IndexedWildcard, always: list[CompiledWildcard]) -> Callable[[str], tuple[int, ...]]:
    """Write and compile the function that looks for every mark in a text, and tries what is filed under those found.

    For `*/00001/*` and `a*` it is this:

        def at(value):
            found = [*always]
            found += find0(value[:1], ())
            at = value.find(sign1)
            while at >= 0:
                found += find2(value[at : at + 7], ())
                at = value.find(sign1, at + 1)
            return tried(found, value) if found else ()
    """
    names: dict[str, Any] = {"always": always, "tried": _tried}
    lines = ["def at(value):", "    found = [*always]"]

    def name(thing: Any) -> str:
        names[f"x{len(names)}"] = thing
        return f"x{len(names) - 1}"

    for kind, lengths in filed.items():
        finds = [(length, name(dict(texts).get)) for length, texts in sorted(lengths.items())]
        if kind in ("begins", "ends"):
            for length, find in finds:
                cut = f"value[:{length}]" if kind == "begins" else f"value[-{length}:]"
                lines.append(f"    found += {find}({cut}, ())")
        elif kind:
            sign = name(kind)
            lines += [f"    at = value.find({sign})", "    while at >= 0:"]
            lines += [f"        found += {find}(value[at : at + {length}], ())" for length, find in finds]
            lines.append(f"        at = value.find({sign}, at + 1)")
        else:
            for length, find in finds:
                lines.append(
                    f"    for piece in {{value[at : at + {length}] for at in range(len(value) - {length - 1})}}:"
                )
                lines.append(f"        found += {find}(piece, ())")
    exec("\n".join([*lines, "    return tried(found, value) if found else ()"]), names)
    at: Callable[[str], tuple[int, ...]] = names["at"]
    return at


def _tried(found: list[CompiledWildcard], value: str) -> tuple[int, ...]:
    if len(found) == 1:
        [(number, matches)] = found
        return (number,) if matches(value) else ()
    return tuple([number for number, matches in dict(found).items() if matches(value)])  # a mark may be there twice


def _marks(glob: Glob) -> Iterator[Trigram]:
    if glob.first:
        yield Trigram("begins", glob.first)
    if glob.last:
        yield Trigram("ends", glob.last)
    for literal in glob.literals:
        yield from _signed(literal)
        length = next((each for each in LENGTHS if each <= len(literal)), 0)
        for at in range(len(literal) - length + 1) if length else ():
            yield Trigram("", literal[at : at + length])


def _signed(literal: str) -> Iterable[Trigram]:
    """Give the pieces of a literal that begin with a sign and go on."""
    return (
        Trigram(char, literal[at : at + LONGEST])
        for at, char in enumerate(literal)
        if not char.isalnum() and at + 1 < len(literal)
    )

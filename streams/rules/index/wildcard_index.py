"""Find the wildcard expressions that match a string by an index of their literals.

Each expression is indexed under one anchor that every matching string contains: its prefix, its suffix or a piece of a
literal. The anchor that the fewest other expressions share is used. Pieces that start with a punctuation character,
such as `/00001/`, are searched only after that character; other pieces have one of a few lengths and are searched at
every position.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from headrace.streams.rules.text_matching import Glob

MAX_ANCHOR_LENGTH = 12
PIECE_LENGTHS = (8, 4, 2, 1)
"""Lengths of pieces that are searched at every position."""


class Anchor(NamedTuple):
    """A required substring. `kind` is `begins`, `ends`, the punctuation character it starts with, or empty."""

    kind: str
    text: str


CompiledWildcard = tuple[int, Callable[[str], bool]]
"""The number of an expression and its match function."""

WildcardsByAnchor = dict[str, dict[int, dict[str, list[CompiledWildcard]]]]
"""Expressions by kind, length and text of their anchor."""


class WildcardIndex:
    """Index of wildcard expressions. `match` returns the numbers of those that match a string."""

    __slots__ = ("_masks", "match")

    def __init__(self, masks: Mapping[str, int]) -> None:
        self._masks = list(masks.values())
        globs = [Glob(text) for text in masks]
        usage = Counter(anchor for glob in globs for anchor in set(_anchors(glob)))
        indexed: WildcardsByAnchor = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        always: list[CompiledWildcard] = []
        for number, glob in enumerate(globs):
            anchor = min(_anchors(glob), key=lambda each: (usage[each], not each.kind, -len(each.text)), default=None)
            entries = always if anchor is None else indexed[anchor.kind][len(anchor.text)][anchor.text]
            entries.append((number, glob.matches))
        self.match: Callable[[str], tuple[int, ...]] = _compile_match(indexed, always)

    def mask(self, matched: tuple[int, ...]) -> int:
        """Return the mask of the matched expressions."""
        mask = 0
        for number in matched:
            mask |= self._masks[number]
        return mask


def _compile_match(indexed: WildcardsByAnchor, always: list[CompiledWildcard]) -> Callable[[str], tuple[int, ...]]:
    """Generate the function that searches a string for every anchor and evaluates the expressions found.

    For `*/00001/*` and `a*` the source is:

        def match(value):
            candidates = [*always]
            candidates += find0(value[:1], ())
            at = value.find(sign1)
            while at >= 0:
                candidates += find2(value[at : at + 7], ())
                at = value.find(sign1, at + 1)
            return matching(candidates, value) if candidates else ()
    """
    names: dict[str, Any] = {"always": always, "matching": _matching}
    lines = ["def match(value):", "    candidates = [*always]"]

    def name(value: Any) -> str:
        names[f"x{len(names)}"] = value
        return f"x{len(names) - 1}"

    for kind, lengths in indexed.items():
        finds = [(length, name(dict(texts).get)) for length, texts in sorted(lengths.items())]
        if kind in ("begins", "ends"):
            for length, find in finds:
                cut = f"value[:{length}]" if kind == "begins" else f"value[-{length}:]"
                lines.append(f"    candidates += {find}({cut}, ())")
        elif kind:
            sign = name(kind)
            lines += [f"    at = value.find({sign})", "    while at >= 0:"]
            lines += [f"        candidates += {find}(value[at : at + {length}], ())" for length, find in finds]
            lines.append(f"        at = value.find({sign}, at + 1)")
        else:
            for length, find in finds:
                lines.append(
                    f"    for piece in {{value[at : at + {length}] for at in range(len(value) - {length - 1})}}:"
                )
                lines.append(f"        candidates += {find}(piece, ())")
    exec("\n".join([*lines, "    return matching(candidates, value) if candidates else ()"]), names)
    match: Callable[[str], tuple[int, ...]] = names["match"]
    return match


def _matching(candidates: list[CompiledWildcard], value: str) -> tuple[int, ...]:
    if len(candidates) == 1:
        [(number, matches)] = candidates
        return (number,) if matches(value) else ()
    distinct = dict(candidates)  # an anchor may occur twice
    return tuple([number for number, matches in distinct.items() if matches(value)])


def _anchors(glob: Glob) -> Iterator[Anchor]:
    if glob.first:
        yield Anchor("begins", glob.first)
    if glob.last:
        yield Anchor("ends", glob.last)
    for literal in glob.literals:
        yield from _punctuated_anchors(literal)
        length = next((each for each in PIECE_LENGTHS if each <= len(literal)), 0)
        for at in range(len(literal) - length + 1) if length else ():
            yield Anchor("", literal[at : at + length])


def _punctuated_anchors(literal: str) -> Iterable[Anchor]:
    """Return the pieces of a literal that start with a punctuation character and continue after it."""
    return (
        Anchor(char, literal[at : at + MAX_ANCHOR_LENGTH])
        for at, char in enumerate(literal)
        if not char.isalnum() and at + 1 < len(literal)
    )

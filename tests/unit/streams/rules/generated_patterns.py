"""Hypothesis strategies for patterns and events: small, so that they match often, with edge cases."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "a.b", "c"])
TEXTS = st.sampled_from(["", "a", "A", "ab", "aB", "b", "a*b", "a\\b", "10.0.0.1", "::1", "1", "null"])
NUMBERS = st.sampled_from([0, 1, 1.0, -1, 1.5, 100, 9007199254740992])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
WILD = st.sampled_from(["*", "a*", "*b", "a*b", "*a*", "a\\*b", "a\\\\b", ""])


def _numeric(draw: Any) -> list[Any]:
    low, high = draw(NUMBERS), draw(NUMBERS)
    if low < high and draw(st.booleans()):
        return [draw(st.sampled_from([">", ">="])), low, draw(st.sampled_from(["<", "<="])), high]
    return [draw(st.sampled_from(["=", "<", "<=", ">", ">="])), low]


_FULL = TEXTS.filter(bool)
_OPERATORS = st.one_of(
    st.builds(lambda text: {"prefix": text}, TEXTS),
    st.builds(lambda text: {"suffix": text}, TEXTS),
    st.builds(lambda text: {"prefix": {"equals-ignore-case": text}}, TEXTS),
    st.builds(lambda text: {"suffix": {"equals-ignore-case": text}}, TEXTS),
    st.builds(lambda text: {"equals-ignore-case": text}, TEXTS),
    st.builds(lambda text: {"wildcard": text}, WILD),
    st.builds(lambda expected: {"exists": expected}, st.booleans()),
    st.builds(lambda block: {"cidr": block}, st.sampled_from(["10.0.0.0/24", "10.0.0.9/8", "::/64"])),
    st.builds(lambda values: {"anything-but": values}, st.one_of(TEXTS, NUMBERS)),
    st.builds(lambda values: {"anything-but": values}, st.lists(TEXTS, min_size=1, max_size=2)),
    st.builds(lambda name, texts: {"anything-but": {name: texts}}, st.sampled_from(["prefix", "suffix"]), _FULL),
    st.builds(lambda texts: {"anything-but": {"wildcard": texts}}, st.lists(WILD, min_size=1, max_size=2)),
    st.composite(_numeric)().map(lambda bounds: {"numeric": bounds}),
)
_ALTERNATIVES = st.lists(st.one_of(SCALARS, _OPERATORS), min_size=1, max_size=2)
_FIELDS = st.recursive(_ALTERNATIVES, lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=2), max_leaves=4)
_PLAIN = st.dictionaries(NAMES, _FIELDS, min_size=1, max_size=2)

PATTERNS = st.one_of(
    _PLAIN,
    st.builds(lambda rest, branches: {**rest, "$or": branches}, _PLAIN, st.lists(_PLAIN, min_size=2, max_size=2)),
)
"""Valid patterns."""

EVENTS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=2)),
        max_leaves=6,
    ),
    max_size=3,
)

JSON: Any = st.recursive(
    st.one_of(SCALARS, st.just({"exists": True}), st.just({"wildcard": "**"}), st.just({"numeric": [">"]})),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["a", "$or", "prefix", "suffix", "anything-but", "numeric", "cidr", "equals-ignore-case"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=10,
)
"""Arbitrary JSON in place of a pattern."""

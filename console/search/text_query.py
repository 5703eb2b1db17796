"""Parse the text of a search into terms, and write them for FTS5 and for PostgreSQL. Pure; safe for any input.

    words           every word, in any inflection: `countries` finds `country`
    "a phrase"      these words in this order
    begin*          words that begin so
    -word           not this word
    a OR b          either

Everything else is a separator. Terms have only a-z, 0-9 and _, so no operator of a database can be among them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from headrace.console.search.analysis import STEM_LANGUAGES, stem_term, word_term
from headrace.streams.passages.words import words

MOST_TERMS = 32
LONGEST_QUERY = 1_000

_TOKEN = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


class InvalidQueryError(ValueError):
    """The text cannot be searched for. The message says why."""


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A word, a phrase or a prefix: one of `alternatives`, each a sequence of terms."""

    alternatives: tuple[tuple[str, ...], ...]
    prefix: bool = False
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class TextQuery:
    """All groups must match, each by one of its terms; no excluded term may match."""

    groups: tuple[tuple[QueryTerm, ...], ...]
    excluded: tuple[QueryTerm, ...] = ()

    @property
    def terms(self) -> tuple[QueryTerm, ...]:
        """Return the terms that may match."""
        return tuple(term for group in self.groups for term in group)


def parse_query(text: str, languages: Collection[str] = ()) -> TextQuery:
    """Parse a search text. `languages` limits the stems, by default those of every language.

    Raises:
        InvalidQueryError: the text has no word, only excluded words, or too many words.
    """
    if len(text) > LONGEST_QUERY:
        raise InvalidQueryError(f"the search text has {len(text):,} characters; at most {LONGEST_QUERY:,} are possible")
    groups: list[list[QueryTerm]] = []
    excluded: list[QueryTerm] = []
    join = False
    for match in _TOKEN.finditer(text):
        if match["word"] == "OR" and groups:
            join = True
            continue
        term = _term(match, languages)
        if term is None:
            continue
        if term.excluded:
            excluded.append(term)
        elif join:
            groups[-1].append(term)
        else:
            groups.append([term])
        join = False
    count = sum(map(len, groups)) + len(excluded)
    if count > MOST_TERMS:
        raise InvalidQueryError(f"the search text has {count} words; at most {MOST_TERMS} are possible")
    if not groups:
        why = "only excluded words: add a word to search for" if excluded else "no word: letters or digits are needed"
        raise InvalidQueryError(f"the search text has {why}")
    return TextQuery(tuple(map(tuple, groups)), tuple(excluded))


def to_fts5(query: TextQuery) -> str:
    """Write a query for SQLite. Source: SQLite FTS5, "Full-text Query Syntax"."""
    required = " AND ".join(f"({' OR '.join(map(_fts5, group))})" for group in query.groups)
    excluded = " OR ".join(map(_fts5, query.excluded))
    return f"({required}) NOT ({excluded})" if excluded else required


def to_tsquery(query: TextQuery) -> str:
    """Write a query for PostgreSQL. Source: PostgreSQL, "Text Search Types: tsquery"."""
    required = [f"({' | '.join(map(_tsquery, group))})" for group in query.groups]
    return " & ".join([*required, *(f"!({_tsquery(term)})" for term in query.excluded)])


def _term(match: re.Match[str], languages: Collection[str]) -> QueryTerm | None:
    written = match["phrase"] if match["phrase"] is not None else match["word"]
    found = [word.text for word in words(written)]
    if not found:
        return None
    excluded, exact = match["minus"] is not None, tuple(map(word_term, found))
    prefix = match["word"] is not None and written.endswith("*")
    if match["phrase"] is not None or prefix or len(found) > 1:
        return QueryTerm((exact,), prefix, excluded)
    stems = {stem_term(found[0], language) for language in languages or STEM_LANGUAGES} - {""}
    return QueryTerm((exact, *((stem,) for stem in sorted(stems))), excluded=excluded)


def _fts5(term: QueryTerm) -> str:
    star = " *" if term.prefix else ""
    return f"({' OR '.join(chr(34) + ' '.join(each) + chr(34) + star for each in term.alternatives)})"


def _tsquery(term: QueryTerm) -> str:
    return f"({' | '.join(_tsquery_phrase(each, term.prefix) for each in term.alternatives)})"


def _tsquery_phrase(sequence: tuple[str, ...], prefix: bool) -> str:
    quoted = [f"'{each}'" for each in sequence]
    return f"({' <-> '.join(quoted)}{':*' if prefix else ''})"

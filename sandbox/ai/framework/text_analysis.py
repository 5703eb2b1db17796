"""Text analysis with word lists and patterns: language, sentiment, entities and key phrases."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_STOP_WORDS = {
    "en": "a an and are as at be been but by can do for from had has have he her his i if in is it its my no not of on "
    "or our she so that the their them then there they this to us was we were what which who will with would you your",
    "de": "aber als am an auch auf aus bei bin bis das dass dem den der des die du ein eine einem einen einer es für "
    "hat ich ihr im in ist ja kann mit nach nicht noch nur oder sich sie sind so und uns von vor war was wenn wir zu",
    "fr": "au aux avec ce cette dans de des du elle en est et il ils je la le les leur lui ma mais me même mon ne nous "
    "on ou par pas pour qu que qui sa se ses son sont sur ta te tu un une vous c d j l n s y été",
    "es": "a al como con de del el ella en entre es esta este esto ha hay la las le lo los más me mi muy no nos o para "
    "pero por que qué se sea si sin sobre son su sus te tiene un una y ya yo",
    "it": "a ai al alla anche che chi ci come con da dal dei del della di e è gli ha ho i il in io la le lei lo loro "
    "ma mi ne nel non o per più quando se si sono su tu un una vi",
    "pt": "a ao aos as com como da das de do dos e ela ele em entre era essa esse está eu foi há isso já mais mas me "
    "muito na não nas no nos o os ou para pela pelo por que quem se sem ser seu são também te um uma você",
}
STOP_WORDS = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}

_GOOD_WORDS = (
    "beautiful best better brave bright celebrate clean easy enjoy excellent fast free freedom friend friendly fun "
    "glad good grateful great happy help hope joy kind like love lovely nice peace perfect pleasant pleased proud safe "
    "smile strong success thank thanks win wonderful"
)
_BAD_WORDS = (
    "afraid angry awful bad bitter broken corrupt cruel damage danger dead death die dirty enemy evil fail failed fear "
    "failure fight hate horrible hurt ill kill lose lost mistake no pain poor problem sad slow sorry terrible threat "
    "ugly unhappy war weak worse worst wrong"
)
_GOOD, _BAD = (frozenset(listed.split()) for listed in (_GOOD_WORDS, _BAD_WORDS))

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_NAME = re.compile(r"(?<![.!?…]\s)(?<!^)(?<![\w'’])[A-ZÀ-Þ][\w'’-]+(?:\s+[A-ZÀ-Þ][\w'’-]+)*")
_DATE = re.compile(
    r"\b(?:\d{1,2}\s+)?(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r"(?:\s+\d{1,2})?(?:,?\s+\d{4})?\b|\b\d{4}-\d{2}-\d{2}\b|\b(?:1[5-9]|20)\d{2}\b"
)
_QUANTITY = re.compile(r"\b\d+(?:[.,]\d+)*\s?(?:%|percent|million|billion|thousand|km|kg|m|cm|hours|minutes|years)\b")
_PHRASE_BREAK = re.compile(r"[^\w\s'’-]+|\n")


@dataclass(frozen=True, slots=True)
class TextMatch:
    """A span of a text; `score` from 0 to 1."""

    kind: str
    text: str
    score: float
    begin: int
    end: int


def languages(text: str) -> list[tuple[str, float]]:
    """Return languages and shares by frequent words, most likely first; English if there are none."""
    tokens = [word.lower() for word in _WORD.findall(text)]
    counts = {language: sum(word in words for word in tokens) for language, words in STOP_WORDS.items()}
    whole = sum(counts.values())
    if not whole:
        return [("en", 0.5)]
    return sorted(((code, count / whole) for code, count in counts.items() if count), key=lambda each: -each[1])


def sentiment(text: str) -> dict[str, float]:
    """Return the shares of Positive, Negative, Neutral and Mixed, by two word lists."""
    tokens = Counter(word.lower() for word in _WORD.findall(text))
    good, bad = (sum(count for word, count in tokens.items() if word in words) for words in (_GOOD, _BAD))
    weight = 1.0 + good + bad
    mixed = min(good, bad)
    return {
        "Positive": (good - mixed / 2) / weight,
        "Negative": (bad - mixed / 2) / weight,
        "Neutral": 1.0 / weight,
        "Mixed": mixed / weight,
    }


def entities(text: str) -> list[TextMatch]:
    """Return dates, amounts, and capitalised words inside sentences as entities."""
    found = [
        TextMatch(kind, match[0], score, match.start(), match.end())
        for kind, pattern, score in (("DATE", _DATE, 0.9), ("QUANTITY", _QUANTITY, 0.9), ("OTHER", _NAME, 0.6))
        for match in pattern.finditer(text)
    ]
    return _without_overlaps(found)


def key_phrases(text: str) -> list[TextMatch]:
    """Return runs of at most four words between stop words and punctuation; longer runs score higher."""
    stops = STOP_WORDS[languages(text)[0][0]]
    found: list[TextMatch] = []
    at = 0
    for gap in [*_PHRASE_BREAK.finditer(text), None]:
        end = gap.start() if gap else len(text)
        found += _phrases(text, at, end, stops)
        at = gap.end() if gap else end
    return found


def _phrases(text: str, begin: int, end: int, stops: frozenset[str]) -> Iterator[TextMatch]:
    run: list[re.Match[str]] = []
    for word in [*_WORD.finditer(text, begin, end), None]:
        if word is not None and word[0].lower() not in stops and len(run) < 4:
            run.append(word)
            continue
        if run:
            first, last = run[0].start(), run[-1].end()
            yield TextMatch("", text[first:last], min(0.99, 0.5 + 0.15 * len(run)), first, last)
        run = [word] if word is not None and word[0].lower() not in stops else []


def _without_overlaps(found: list[TextMatch]) -> list[TextMatch]:
    """Remove overlaps with a lower score; in the order of the text."""
    kept: list[TextMatch] = []
    for one in sorted(found, key=lambda each: (-each.score, each.begin)):
        if all(one.end <= other.begin or one.begin >= other.end for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda each: each.begin)

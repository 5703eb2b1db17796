"""Rank assets by their matching passages. Pure; the same for both databases.

Each source, such as a transcript, contributes its BM25 weight: more matching passages count more, a longer text counts
less. Detections are ranked by their confidence. Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework:
BM25 and Beyond".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from headrace.console.search.candidates import Candidate
from headrace.console.search.weights import WEIGHTS

K1, B = 1.2, 0.75
AVERAGE_WORDS = 200
"""A fixed average length: a score does not change while other assets are indexed."""


@dataclass(frozen=True, slots=True)
class RankedAsset:
    """An asset version with its score and its matching passages, best first."""

    score: float
    bucket: str
    key: str
    version: int
    passages: tuple[Candidate, ...]

    @property
    def order(self) -> tuple[float, str, str]:
        """Return the sort key: best score first, then by name."""
        return (-self.score, self.bucket, self.key)


def rank(found: Iterable[Candidate], by_text: bool) -> list[RankedAsset]:
    """Return the assets of passages, best first."""
    groups: defaultdict[int, list[Candidate]] = defaultdict(list)
    for candidate in found:
        groups[candidate.version].append(candidate)
    ranked = []
    for version, members in groups.items():
        members.sort(key=_moment_order)
        score = _text_score(members) if by_text else max((each.confidence or 0.0) / 100 for each in members)
        ranked.append(RankedAsset(round(score, 6), members[0].bucket, members[0].key, version, tuple(members)))
    return sorted(ranked, key=lambda asset: asset.order)


def rank_by_similarity(found: Iterable[Candidate]) -> list[RankedAsset]:
    """Return the assets of passages, that with the most similar passage first."""
    groups: defaultdict[int, list[Candidate]] = defaultdict(list)
    for candidate in sorted(found, key=lambda each: (-(each.similarity or 0.0), each.id)):
        groups[candidate.version].append(candidate)
    ranked = [
        RankedAsset(members[0].similarity or 0.0, members[0].bucket, members[0].key, version, tuple(members))
        for version, members in groups.items()
    ]
    return sorted(ranked, key=lambda asset: asset.order)


def _text_score(members: list[Candidate]) -> float:
    sources: defaultdict[int, list[Candidate]] = defaultdict(list)
    for each in members:
        sources[each.source].append(each)
    score = 0.0
    for passages in sources.values():
        count, first = len(passages), passages[0]
        length = 1 - B + B * first.words / AVERAGE_WORDS
        score += WEIGHTS[first.kind] * count * (K1 + 1) / (count + K1 * length)
    return score


def _moment_order(candidate: Candidate) -> tuple[float, str, float, int, int]:
    """Order the passages of an asset: by kind, then by time, page and position."""
    weight = WEIGHTS.get(candidate.kind, 0.0)
    return (-weight, candidate.kind, candidate.start or 0.0, candidate.page or 0, candidate.id)

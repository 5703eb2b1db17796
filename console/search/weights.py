"""The weight of each kind of passage in a text search."""

from __future__ import annotations

from headrace.streams.passages.passage import PassageKind

WEIGHTS: dict[PassageKind, float] = {
    "name": 3.0,
    "transcript": 2.0,
    "page": 2.0,
    "summary": 1.5,
    "description": 1.5,
    "chapter": 1.5,
    "translation": 1.5,
    "text-in-video": 1.5,
    "celebrity": 1.5,
    "label": 1.0,
    "entity": 1.0,
    "moderation": 1.0,
    "fault": 1.0,
}
"""The kinds that a text search reads, with their weight. All other kinds serve filters and links only."""

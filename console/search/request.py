"""What a search asks for, and what it returns."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field, replace

import msgspec

from headrace.console.views.asset_filter import SearchScope
from headrace.schemas.parsing import parse_struct
from headrace.streams.passages.passage import PassageKind

LARGEST_PAGE = 100


class InvalidSearchError(ValueError):
    """The search cannot be run. The message says why, and what to change."""


@dataclass(frozen=True, slots=True)
class DetectionFilter:
    """A detection that an asset must have. An empty name matches every detection of the kind.

    `names` are the ids of the faces of a person; a search fills them in.
    """

    kind: PassageKind
    name: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LikeFilter:
    """A vector to compare passages with, packed, and its model. The asset that it was made of is not returned."""

    model: str
    vector: bytes
    bucket: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search: its text or vector, the detections that each asset must have, and the filters of assets.

    With `like`, assets with a passage of a similar meaning are returned, nearest first.
    `kinds` limits where the text is searched. `min_confidence` is from 0 to 100.
    """

    text: str = ""
    like: LikeFilter | None = None
    detections: tuple[DetectionFilter, ...] = ()
    kinds: tuple[PassageKind, ...] = ()
    min_confidence: float | None = None
    language: str = ""
    assets: SearchScope = field(default_factory=SearchScope)
    limit: int = 20
    after: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where an asset matches. `seconds` is the time in the media. `matches` are ranges of characters of the excerpt.

    `similarity` is the cosine of a passage and the vector of the search, from -1 to 1.
    """

    kind: str
    stage: str
    excerpt: str
    matches: tuple[tuple[int, int], ...] = ()
    seconds: float | None = None
    end_seconds: float | None = None
    page: int | None = None
    confidence: float | None = None
    similarity: float | None = None
    result: str | None = None
    thumbnail: str | None = None


@dataclass(frozen=True, slots=True)
class AssetMatch:
    """An asset that matches, with its best moments. `matches` is the number of all its matching passages."""

    bucket: str
    key: str
    version: str
    kind: str | None
    score: float
    matches: int
    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Assets, best first. `next` continues the search. Not `complete` if older matches were not ranked."""

    assets: tuple[AssetMatch, ...]
    next: str | None
    complete: bool


class PagePosition(msgspec.Struct, frozen=True, array_like=True):
    """The last asset of a page, the newest passage at the time of the first page, and the search it belongs to."""

    score: float
    bucket: str
    key: str
    newest: int
    search: str


def encode_position(position: PagePosition) -> str:
    """Return the token of a position."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode()


def decode_position(request: SearchRequest) -> PagePosition | None:
    """Return the position of a request; None on the first page.

    Raises:
        InvalidSearchError: the token is invalid, or belongs to another search.
    """
    if not request.after:
        return None
    try:
        position = parse_struct(base64.urlsafe_b64decode(request.after), PagePosition)
    except (binascii.Error, ValueError) as error:
        raise InvalidSearchError("--after is invalid: use the token that the previous page printed") from error
    if position.search != search_digest(request):
        raise InvalidSearchError("--after belongs to another search: repeat the text and the filters of that search")
    return position


def search_digest(request: SearchRequest) -> str:
    """Return a digest of a search without its page."""
    return hashlib.sha256(msgspec.json.encode(replace(request, after="", limit=0))).hexdigest()[:16]

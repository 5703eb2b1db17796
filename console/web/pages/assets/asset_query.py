"""The filters of the page of assets, from the query of its address. Their names are those of `headrace search`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from headrace.console.errors import CommandError
from headrace.console.search.request import DetectionFilter, SearchRequest
from headrace.console.terminal.timespec import parse_time
from headrace.console.views.asset_filter import SearchScope
from headrace.console.views.queries.asset_list import AssetFilter, ListedKind, ListedState
from headrace.console.web.request import FormData
from headrace.schemas.parsing import InvalidValueError, parse_float
from headrace.streams.passages.passage import PassageKind

KINDS: tuple[ListedKind, ...] = get_args(ListedKind)
STATES: tuple[ListedState, ...] = get_args(ListedState)
NamedKind = Literal["label", "celebrity", "person", "entity", "pii", "moderation", "fault"]
NAMED: tuple[NamedKind, ...] = get_args(NamedKind)
PAGE = 30
"""Assets of a page."""


@dataclass(frozen=True, slots=True)
class AssetQuery:
    """What the page of assets shows. Several names are separated by commas. Empty fields do not filter."""

    q: str = ""
    state: str = ""
    kind: str = ""
    bucket: str = ""
    prefix: str = ""
    since: str = ""
    until: str = ""
    has: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    label: str = ""
    celebrity: str = ""
    person: str = ""
    entity: str = ""
    pii: str = ""
    moderation: str = ""
    fault: str = ""
    face: str = ""
    text_in_video: str = ""
    min_confidence: str = ""
    language: str = ""

    @property
    def is_search(self) -> bool:
        """Whether the query looks into the content of assets."""
        return bool(self.q.strip() or self.detections())

    def given(self) -> dict[str, Any]:
        """Return the filters that are set."""
        return {name: value for name, value in asdict(self).items() if value}

    def filters(self) -> dict[str, Any]:
        """Return the filters that are set, without the text."""
        return {name: value for name, value in self.given().items() if name != "q"}

    def detections(self) -> tuple[DetectionFilter, ...]:
        """Return the detections that an asset must have."""
        named: Sequence[tuple[PassageKind, str]] = [(kind, getattr(self, kind)) for kind in NAMED]
        found = [DetectionFilter(kind, name) for kind, names in named for name in _names(names)]
        found += [DetectionFilter("face")] if self.face else []
        found += [DetectionFilter("text-in-video")] if self.text_in_video else []
        return tuple(found)

    def list_filter(self, now: float) -> AssetFilter:
        """Return the filter of a list. Raises `CommandError` for an invalid value."""
        self._check()
        return AssetFilter(
            bucket=self.bucket or None,
            prefix=self.prefix or None,
            kind=self.kind or None,  # type: ignore[arg-type]
            state=self.state or None,  # type: ignore[arg-type]
            has=self.has,
            missing=self.missing,
            failed=self.failed,
            since=_time(self.since, now),
            until=_time(self.until, now),
        )

    def search_request(self, now: float, after: str) -> SearchRequest:
        """Return the request of a search. Raises `CommandError` for an invalid value."""
        self._check()
        scope = SearchScope(
            bucket=self.bucket,
            prefix=self.prefix,
            kind=self.kind,
            state=self.state,
            since=_time(self.since, now),
            until=_time(self.until, now),
            has=self.has,
            missing=self.missing,
            failed=self.failed,
        )
        return SearchRequest(
            text=self.q,
            detections=self.detections(),
            kinds=("text-in-video",) if self.text_in_video else (),
            min_confidence=_confidence(self.min_confidence),
            language=self.language,
            assets=scope,
            limit=PAGE,
            after=after,
        )

    def _check(self) -> None:
        if self.kind and self.kind not in KINDS:
            raise CommandError(f"kind {self.kind}: use one of {', '.join(KINDS)}")
        if self.state and self.state not in STATES:
            raise CommandError(f"state {self.state}: use one of {', '.join(STATES)}")


def from_parameters(parameters: FormData) -> AssetQuery:
    """Read a query from the parameters of an address; unknown ones are ignored."""
    lists = {name: tuple(filter(None, parameters.getlist(name))) for name in ("has", "missing", "failed")}
    texts = {name: parameters.get(name, "") for name in AssetQuery.__dataclass_fields__ if name not in lists}
    values: Mapping[str, Any] = {**texts, **lists}
    return AssetQuery(**values)


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _time(text: str, now: float) -> float | None:
    return parse_time(text, now) if text else None


def _confidence(text: str) -> float | None:
    if not text:
        return None
    try:
        return parse_float(text, 0, 100)
    except InvalidValueError as error:
        raise CommandError(f"the confidence is {error}: a number from 0 to 100") from None

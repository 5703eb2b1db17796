"""The page of assets: a search as one types, or a list by filters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from headrace.console.assets.asset_event import usd_of
from headrace.console.errors import CommandError
from headrace.console.search.request import AssetMatch, InvalidSearchError, Moment, SearchPage
from headrace.console.search.search import search
from headrace.console.views.queries import asset_detail, asset_list
from headrace.console.views.queries.asset_list import ListedAsset
from headrace.console.web.pages.assets.asset_query import KINDS, PAGE, STATES, AssetQuery, from_parameters
from headrace.console.web.rendering import address
from headrace.console.web.request import ConsoleRequest


@dataclass(frozen=True, slots=True)
class ExcerptPart:
    """A part of an excerpt, and whether it matches the search."""

    text: str
    matches: bool


@dataclass(frozen=True, slots=True)
class ShownMoment:
    """A moment of an asset, with its excerpt in parts."""

    kind: str
    seconds: float | None
    page: int | None
    confidence: float | None
    parts: tuple[ExcerptPart, ...]


@dataclass(frozen=True, slots=True)
class ShownAsset:
    """An asset of the page. `matches` is the number of all matching passages; 0 without a search."""

    asset: ListedAsset
    has_thumbnail: bool
    moments: tuple[ShownMoment, ...] = ()
    matches: int = 0

    @property
    def usd(self) -> float:
        """The cost of all versions in US dollars."""
        return usd_of(self.asset.usd_nanos)

    def stages(self, status: str) -> list[str]:
        """Name the stages with a status."""
        return [name for name, each in self.asset.stages.items() if each == status]


@dataclass(frozen=True, slots=True)
class AssetsPage:
    """Assets in order. `next` continues the list. Not `complete` if older matches were not ranked."""

    rows: tuple[ShownAsset, ...]
    next: str | None
    complete: bool = True


def show(request: ConsoleRequest) -> Response:
    """Show assets; for htmx only their list."""
    query = from_parameters(request.query)
    values: dict[str, Any] = {"query": query, "page": _page(request, query), "after": request.query.get("after", "")}
    if request.is_partial:
        response = request.render("_assets.html", **values)
        response.headers["HX-Replace-Url"] = address("/assets", **query.given())
        return response
    stages = [stage.name for stage in request.services.stages()]
    return request.render("assets.html", stages=stages, kinds=KINDS, states=STATES, **values)


def list_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return a page of assets as `headrace assets list --json` prints it."""
    query = from_parameters(request.query)
    if query.is_search:
        raise CommandError("/api/assets lists assets by their state; /api/search looks into their content")
    _check_stages(request, query)
    with request.services.connect() as connection:
        page = asset_list.page(connection, query.list_filter(request.services.now()), PAGE, _after(request) or None)
    return {"assets": [asset_list.listed_json(each) for each in page.assets], "next": page.next}


def search_json(request: ConsoleRequest) -> SearchPage:
    """Return a page of matches as `headrace search --json` prints it."""
    query = from_parameters(request.query)
    _check_stages(request, query)
    return _search(request, query)


def _page(request: ConsoleRequest, query: AssetQuery) -> AssetsPage:
    _check_stages(request, query)
    if not query.is_search:
        after = _after(request) or None
        with request.services.connect() as connection:
            page = asset_list.page(connection, query.list_filter(request.services.now()), PAGE, after)
        return AssetsPage(_rows(request, page.assets, ()), page.next)
    found = _search(request, query)
    with request.services.connect() as connection:
        known = asset_list.named(connection, [(each.bucket, each.key) for each in found.assets])
    matched = [(known[name], each) for each in found.assets if (name := (each.bucket, each.key)) in known]
    rows = _rows(request, [asset for asset, _ in matched], [match for _, match in matched])
    return AssetsPage(rows, found.next, found.complete)


def _search(request: ConsoleRequest, query: AssetQuery) -> SearchPage:
    wanted = query.search_request(request.services.now(), _after(request))
    try:
        with request.services.connect() as connection:
            return search(connection, wanted)
    except InvalidSearchError as error:
        raise CommandError(str(error)) from error


def _rows(
    request: ConsoleRequest, assets: Sequence[ListedAsset], matches: Sequence[AssetMatch]
) -> tuple[ShownAsset, ...]:
    with request.services.connect() as connection:
        shown = asset_detail.with_thumbnails(connection, [(each.bucket, each.key) for each in assets])
    rows: Iterable[ShownAsset] = (ShownAsset(each, (each.bucket, each.key) in shown) for each in assets)
    if not matches:
        return tuple(rows)
    return tuple(
        ShownAsset(row.asset, row.has_thumbnail, tuple(map(_moment, match.moments)), match.matches)
        for row, match in zip(rows, matches, strict=True)
    )


def _moment(moment: Moment) -> ShownMoment:
    return ShownMoment(moment.kind, moment.seconds, moment.page, moment.confidence, tuple(_parts(moment)))


def _parts(moment: Moment) -> Iterable[ExcerptPart]:
    at = 0
    for begin, end in moment.matches:
        yield from (ExcerptPart(moment.excerpt[at:begin], False), ExcerptPart(moment.excerpt[begin:end], True))
        at = end
    yield ExcerptPart(moment.excerpt[at:], False)


def _after(request: ConsoleRequest) -> str:
    return request.query.get("after", "")


def _check_stages(request: ConsoleRequest, query: AssetQuery) -> None:
    """Raise `CommandError` for a stage that the pipeline does not have."""
    named = {*query.has, *query.missing, *query.failed}
    known = [stage.name for stage in request.services.stages()] if named else []
    if unknown := sorted(named - set(known)):
        raise CommandError(f"there is no stage {unknown[0]}: it is one of {', '.join(known)}")

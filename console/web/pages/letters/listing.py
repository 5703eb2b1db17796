"""The page of dead letters: groups of similar reasons, and the newest letters of a filter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from headrace.console.dlq import serialize
from headrace.console.dlq.reports import LetterReports
from headrace.console.dlq.stats import LetterGroup, LetterStats
from headrace.console.views.queries.history import ViewAssets
from headrace.console.views.queries.letter_source import ViewLetters
from headrace.console.web.pages.letters.filters import LetterQuery, from_parameters
from headrace.console.web.request import ConsoleRequest
from headrace.console.web.services import ConsoleServices

GROUPS = 30
"""Groups of the page, the largest."""
HOURS = 48
"""Hours of the chart."""
_HOUR = "%Y-%m-%dT%H"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of dead letters, whether it is new, and its counts of the last 48 hours."""

    group: LetterGroup
    is_new: bool
    hours: tuple[int, ...]


def reports(services: ConsoleServices) -> LetterReports:
    """Return the service of dead letters, on the views."""
    names = [stage.name for stage in services.stages()]
    return LetterReports(ViewLetters(services.connect), ViewAssets(services.connect), services.cluster, names)


def show(request: ConsoleRequest) -> Response:
    """Show the groups and the newest letters; for htmx only the letters."""
    query = from_parameters(request.query)
    service, now = reports(request.services), request.services.now()
    page = service.list(query.letter_filter(now), resolved=bool(query.resolved))
    letters = [serialize.letter(each) for each in page.letters]
    values: dict[str, Any] = {"query": query, "page": page, "letters": letters}
    if request.is_partial:
        return request.render("_letters.html", **values)
    counted = service.stats()
    hours = recent_hours(now)
    return request.render(
        "letters.html",
        counted=counted,
        groups=[_row(group, counted, now, hours) for group in counted.groups[:GROUPS]],
        all_groups=len(counted.groups),
        new_groups=sum(counted.is_new(group, now) for group in counted.groups),
        hours=[counted.by_hour().get(hour, 0) for hour in hours],
        stages=service.stages,
        codes=list(counted.by("code")),
        **values,
    )


def list_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return dead letters as `headrace dlq list --json` prints them."""
    query = from_parameters(request.query)
    found = reports(request.services).list(query.letter_filter(request.services.now()), bool(query.resolved))
    return serialize.page(found)


def stats_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return the groups as `headrace dlq stats --json` prints them."""
    return serialize.stats(reports(request.services).stats(), request.services.now())


def recent_hours(now: float) -> list[str]:
    """Name the last 48 hours, oldest first, as the groups do."""
    last = datetime.fromtimestamp(now, UTC)
    return [(last - timedelta(hours=ago)).strftime(_HOUR) for ago in range(HOURS - 1, -1, -1)]


def _row(group: LetterGroup, counted: LetterStats, now: float, hours: list[str]) -> GroupRow:
    return GroupRow(group, counted.is_new(group, now), tuple(group.hours.get(hour, 0) for hour in hours))


def describe(query: LetterQuery) -> str:
    """Describe a filter in words."""
    return ", ".join(f"{name} {value}" for name, value in query.criteria().items()) or "all dead letters"

"""The routes of the pages of dead letters."""

from __future__ import annotations

from headrace.console.web.access.users import UserRole
from headrace.console.web.page import ApiOperation, ApiParameter, WebPage, WebRoute
from headrace.console.web.pages.letters import detail, listing

_FILTER = (
    ApiParameter("stage", "string", "Stage; bridge for messages from AWS."),
    ApiParameter("code", "string", "Error code."),
    ApiParameter("key", "string", "Asset key; may be a glob."),
    ApiParameter("since", "string", "Failed at or after: 2026-03-14T15:09Z, or -2h."),
    ApiParameter("until", "string", "Failed at or before."),
    ApiParameter("text", "string", "Text in the reason or the exception class."),
    ApiParameter("resolved", "string", "1: resolved ones too.", values=("1",)),
    ApiParameter("limit", "integer", "Maximum number, at most 1000."),
)

PAGE = WebPage(
    title="Dead letters",
    path="/letters",
    routes=(
        WebRoute("/letters", listing.show),
        WebRoute("/letters/one", detail.show),
        WebRoute("/letters/resolve", detail.resolve, method="POST", role=UserRole.OPERATOR),
        WebRoute("/letters/unresolve", detail.unresolve, method="POST", role=UserRole.OPERATOR),
    ),
    api=(
        ApiOperation("/api/letters", listing.list_json, "List dead letters", _FILTER, command="headrace dlq list"),
        ApiOperation("/api/letters/stats", listing.stats_json, "Group dead letters", command="headrace dlq stats"),
        ApiOperation(
            "/api/letter",
            detail.letter_json,
            "Show a dead letter",
            (ApiParameter("id", "string", "Its id, or the unique beginning of it.", required=True),),
            command="headrace dlq show",
        ),
    ),
)

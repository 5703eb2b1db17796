"""The routes of the pages of replays."""

from __future__ import annotations

from headrace.console.web.access.users import UserRole
from headrace.console.web.page import ApiOperation, WebPage, WebRoute
from headrace.console.web.pages.replays import listing, redrive, rewind

PAGE = WebPage(
    title="Replay",
    path="/replays",
    routes=(
        WebRoute("/replays", listing.show),
        WebRoute("/replays/one", listing.show_one),
        WebRoute("/replays/command", listing.command, method="POST", role=UserRole.OPERATOR),
        WebRoute("/replays/redrive", redrive.show),
        WebRoute("/replays/redrive", redrive.execute, method="POST", role=UserRole.OPERATOR),
        WebRoute("/replays/rewind", rewind.show),
        WebRoute("/replays/rewind", rewind.execute, method="POST", role=UserRole.OPERATOR),
        WebRoute("/replays/undo", rewind.show_undo),
        WebRoute("/replays/undo", rewind.undo, method="POST", role=UserRole.OPERATOR),
    ),
    api=(ApiOperation("/api/replays", listing.list_json, "List replays", command="headrace replay list"),),
)

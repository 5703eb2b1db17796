"""The routes of the pages of assets."""

from __future__ import annotations

from headrace.console.web.page import ApiOperation, ApiParameter, WebPage, WebRoute
from headrace.console.web.pages.assets import detail, listing, media
from headrace.console.web.pages.assets.asset_query import KINDS, NAMED, STATES

_SCOPE = (
    ApiParameter("bucket", "string", "Assets of this bucket."),
    ApiParameter("prefix", "string", "Assets whose key begins so."),
    ApiParameter("kind", "string", "Kind of media.", values=KINDS),
    ApiParameter("state", "string", "State of the newest version.", values=STATES),
    ApiParameter("since", "string", "Uploaded at or after: 2026-03-14T15:09Z, or -2h."),
    ApiParameter("until", "string", "Uploaded before."),
    ApiParameter("has", "string", "Stage with a result.", repeats=True),
    ApiParameter("missing", "string", "Stage without a result.", repeats=True),
    ApiParameter("failed", "string", "Stage with a dead letter.", repeats=True),
    ApiParameter("after", "string", "The token `next` of the page before."),
)
_CONTENT = (
    ApiParameter("q", "string", 'Words, "a phrase", begin*, -excluded, a OR b.'),
    *(ApiParameter(name, "string", f"Assets with this {name}; several are separated by commas.") for name in NAMED),
    ApiParameter("face", "string", "1: assets with a face.", values=("1",)),
    ApiParameter("text_in_video", "string", "1: search only text that is visible in the picture.", values=("1",)),
    ApiParameter("min_confidence", "number", "Minimum confidence, from 0 to 100."),
    ApiParameter("language", "string", "Language of the text, such as en or en-US."),
)
_NAME = (
    ApiParameter("bucket", "string", "Bucket.", required=True),
    ApiParameter("key", "string", "Key.", required=True),
)

PAGE = WebPage(
    title="Assets",
    path="/assets",
    routes=(
        WebRoute("/assets", listing.show),
        WebRoute("/assets/one", detail.show),
        WebRoute("/assets/seen", media.seen),
        WebRoute("/media/object", media.media),
        WebRoute("/media/result", media.result),
        WebRoute("/media/thumbnail", media.thumbnail),
        WebRoute("/media/captions", media.subtitles),
    ),
    api=(
        ApiOperation("/api/assets", listing.list_json, "List assets", _SCOPE, command="headrace assets list"),
        ApiOperation(
            "/api/search", listing.search_json, "Search assets", (*_CONTENT, *_SCOPE), command="headrace search"
        ),
        ApiOperation("/api/asset", detail.asset_json, "Trace an asset", _NAME, command="headrace trace"),
    ),
)

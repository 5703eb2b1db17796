"""Search for a word that is spoken in a sample file."""

from __future__ import annotations

import time
from collections.abc import Callable

from headrace.console.search.request import AssetMatch, SearchRequest
from headrace.console.search.search import search
from headrace.console.views.asset_filter import SearchScope
from headrace.console.views.database import Views, open_views
from headrace.sandbox.names import MEDIA_BUCKET

WORD, FILE = "country", "jfk.flac"
TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.2

OpenViews = Callable[[], Views | None]


def find_word(timeout: float = TIMEOUT_SECONDS, connect: OpenViews = open_views) -> AssetMatch | None:
    """Return where the word is spoken, as soon as the views have it; None after the timeout."""
    request = SearchRequest(WORD, kinds=("transcript",), assets=SearchScope(bucket=MEDIA_BUCKET, prefix=FILE))
    deadline = time.monotonic() + timeout
    while True:
        views = connect()
        if views is not None:
            with views.connect() as connection:
                page = search(connection, request)
            views.engine.dispose()
            if page.assets:
                return page.assets[0]
        if time.monotonic() >= deadline:
            return None
        time.sleep(POLL_SECONDS)

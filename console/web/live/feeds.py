"""The live feeds of all pages, as routes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.responses import Response, StreamingResponse

from headrace.console.web.live.broadcaster import Broadcaster
from headrace.console.web.page import LiveFeed, WebRoute
from headrace.console.web.request import ConsoleRequest
from headrace.console.web.services import ConsoleServices

MOST_VIEWERS = 1000


class LiveFeeds:
    """A broadcaster for each feed."""

    def __init__(self, feeds: Sequence[LiveFeed], services: ConsoleServices) -> None:
        self._broadcasters = {feed.path: Broadcaster(partial(feed.read, services), feed.seconds) for feed in feeds}

    @property
    def routes(self) -> tuple[WebRoute, ...]:
        """Return a route for each feed."""
        return tuple(WebRoute(path, partial(_stream, self, each)) for path, each in self._broadcasters.items())

    @property
    def viewers(self) -> int:
        """The number of viewers of all feeds."""
        return sum(each.viewers for each in self._broadcasters.values())

    async def close(self) -> None:
        """Stop reading all feeds."""
        for each in self._broadcasters.values():
            await each.close()


async def _stream(feeds: LiveFeeds, broadcaster: Broadcaster, request: ConsoleRequest) -> Response:
    if feeds.viewers >= MOST_VIEWERS:
        return Response("too many viewers", 503, {"retry-after": "10"}, "text/plain")
    headers = {"x-accel-buffering": "no"}  # nginx sends events at once
    return StreamingResponse(broadcaster.stream(), 200, headers, "text/event-stream")

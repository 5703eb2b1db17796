"""Serve the static files. An address with the digest of its content may be cached for good."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

FOREVER = "public, max-age=31536000, immutable"
CHECKED = "no-cache"


class VersionedFiles(StaticFiles):
    """The files of the console. Those without a digest in their address are checked on each use."""

    def file_response(self, *given: Any, **named: Any) -> Response:
        """Return a file with its caching."""
        response = super().file_response(*given, **named)
        scope = named.get("scope") or given[2]
        response.headers["cache-control"] = FOREVER if scope.get("query_string", b"").startswith(b"v=") else CHECKED
        return response

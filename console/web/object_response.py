"""Answer with an object of S3, or a range of it.

An uploader chooses the content type of an object. A browser gets pictures, audio and video as such; everything else is
a download, and never a document of the console's origin.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response, StreamingResponse

from headrace.console.media.objects import ObjectGoneError, ObjectName, RangeNotSatisfiableError
from headrace.console.web.failures import NotFoundError
from headrace.console.web.request import ConsoleRequest

SHOWN_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/bmp"})
"""Pictures that a browser may show. SVG is not among them: it may contain scripts."""
DOWNLOAD = "application/octet-stream"
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=3600",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


def send_object(request: ConsoleRequest, name: ObjectName) -> Response:
    """Send an object, or the range that the request wants.

    Raises:
        NotFoundError: it does not exist any more.
        UnavailableError: S3 does not answer.
    """
    try:
        part = request.services.objects.open(name, request.raw.headers.get("range", ""))
    except ObjectGoneError as error:
        raise NotFoundError(str(error)) from error
    except RangeNotSatisfiableError:
        return Response(status_code=416, headers=HEADERS)
    shown, more = safe_type(part.content_type, name.key)
    headers: Mapping[str, str] = {**HEADERS, **more, "Content-Length": str(part.length)}
    if part.content_range:
        headers = {**headers, "Content-Range": part.content_range}
    return StreamingResponse(part.chunks(), 206 if part.content_range else 200, headers, media_type=shown)


def safe_type(content_type: str, key: str) -> tuple[str, dict[str, str]]:
    """Return the type under which a browser gets an object, and headers that make all others a download."""
    main = content_type.partition(";")[0].strip().lower()
    if main in ("", DOWNLOAD, "binary/octet-stream"):
        main = _TYPES.get(key.rpartition(".")[2].lower(), "")
    if main in SHOWN_TYPES or main.startswith(("video/", "audio/")):
        return main, {}
    return DOWNLOAD, {"Content-Disposition": "attachment"}


_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
}
"""Types of objects that were uploaded without one."""

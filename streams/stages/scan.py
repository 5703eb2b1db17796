"""Scan a file for malware and detect its content type."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import MediaScanned, MediaUploaded
from headrace.streams.handlers import Transform
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import IS_FILE


async def scan(uploaded: MediaUploaded, services: Services) -> MediaScanned:
    """Return the content type and digest of the file.

    Raises:
        PermanentError: the content is harmful.
    """
    async with services.objects.fetched(uploaded.asset) as path:
        verdict = await services.scanner.scan(path, uploaded.asset.key)
    return MediaScanned(
        asset=uploaded.asset, engine=verdict.engine, content_type=verdict.content_type, sha256=verdict.sha256
    )


STAGE = Stage("scan", reads=(topics.UPLOADED,), writes=topics.SCANNED, when=IS_FILE, handler=Transform(scan))

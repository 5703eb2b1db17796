"""`streams.services.Scanner`: ClamAV where there is one, a check of the content by itself everywhere."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from headrace.streams.media import clamav, content_check
from headrace.streams.media.content_check import ScanVerdict


class ContentScanner:
    """Checks type against content, and asks a ClamAV daemon when its address is known."""

    def __init__(self, clamd_address: str) -> None:
        self._clamd = clamd_address

    async def scan(self, path: Path, name: str) -> ScanVerdict:
        """Describe harmless content. Raises `Unprocessable` for the other kind."""
        verdict = await asyncio.to_thread(content_check.check, path, name)
        if not self._clamd:
            return verdict
        return dataclasses.replace(verdict, engine=await clamav.scan(self._clamd, path))

"""`streams.services.Scanner`: the built-in content check, then ClamAV if it is configured."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from headrace.streams.media import clamav, content_check
from headrace.streams.media.content_check import ScanVerdict


class ContentScanner:
    """Checks the content, then scans it with a ClamAV daemon if `clamd_address` is set."""

    def __init__(self, clamd_address: str) -> None:
        self._clamd = clamd_address

    async def scan(self, path: Path, name: str) -> ScanVerdict:
        """Scan a file.

        Raises:
            PermanentError: The content is harmful or does not match its name.
        """
        verdict = await asyncio.to_thread(content_check.check, path, name)
        if not self._clamd:
            return verdict
        return dataclasses.replace(verdict, engine=await clamav.scan(self._clamd, path))

"""Viewers of a live page of the web console: connections that read server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any


class LiveViewer:
    """A connection to a stream. Counts what arrives, and has the newest data of each event."""

    def __init__(self) -> None:
        self.bytes = 0
        self.newest: dict[str, str] = {}
        self.changed = asyncio.Event()

    async def run(self, host: str, port: int, path: str) -> None:
        """Read until the task is cancelled."""
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        name, data = "", list[str]()
        try:
            while line := (await reader.readline()).decode():
                self.bytes += len(line)
                text = line.rstrip("\r\n")
                if text.startswith("event: "):
                    name, data = text[7:], []
                elif text.startswith("data: "):
                    data.append(text[6:])
                elif not text and name:
                    self.newest[name], name = "\n".join(data), ""
                    self.changed.set()
        finally:
            writer.close()

    def node(self, stage: str) -> str:
        """Return the text of a stage in the graph."""
        nodes: dict[str, Any] = json.loads(self.newest.get("nodes", "{}"))
        return str(nodes.get(stage, {}).get("text", ""))

    async def seconds_until(self, is_shown: Callable[[LiveViewer], bool], most: float) -> float:
        """Return the seconds until something is shown.

        Raises:
            TimeoutError: it is not shown within `most` seconds.
        """
        began = time.perf_counter()
        async with asyncio.timeout(most):
            while not is_shown(self):
                self.changed.clear()
                await self.changed.wait()
        return time.perf_counter() - began

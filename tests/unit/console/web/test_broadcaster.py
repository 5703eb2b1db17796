"""Live feeds: one reader for all viewers, changes only, outages, slow viewers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from headrace.console.errors import UnavailableError
from headrace.console.web.live.broadcaster import Broadcaster, encode_event


async def first(stream: object) -> bytes:
    return await asyncio.wait_for(anext(stream), 30)  # type: ignore[call-overload]


async def until(stream: object, text: bytes) -> bytes:
    """Read a stream until a text arrives, and return everything that was read."""
    read = b""
    while text not in read:
        read += await first(stream)
    return read


async def test_viewers_share_one_reader_and_get_changes() -> None:
    texts, reads = {"a": "1", "b": "2"}, []

    def read() -> Mapping[str, str]:
        reads.append(1)
        return dict(texts)

    broadcaster = Broadcaster(read, 0.01)
    one, two = broadcaster.stream(), broadcaster.stream()
    assert encode_event("a", "1") in await first(one)
    assert encode_event("b", "2") in await first(two)
    assert broadcaster.viewers == 2
    texts["a"] = "3"
    assert b"event: b" not in await until(one, encode_event("a", "3"))
    await until(two, encode_event("a", "3"))
    await one.aclose()  # type: ignore[attr-defined]
    await two.aclose()  # type: ignore[attr-defined]
    await broadcaster.close()
    assert broadcaster.viewers == 0


async def test_outage_is_an_event_and_ends() -> None:
    down = [True]

    def read() -> Mapping[str, str]:
        if down[0]:
            raise UnavailableError("locked")
        return {"a": "1"}

    broadcaster = Broadcaster(read, 0.01)
    stream = broadcaster.stream()
    assert await first(stream) == encode_event("problem", "locked")
    down[0] = False
    assert encode_event("problem", "") in await until(stream, encode_event("a", "1"))
    await broadcaster.close()


async def test_viewer_who_falls_behind_gets_the_newest_text() -> None:
    number = [0]

    def read() -> Mapping[str, str]:
        number[0] += 1
        return {"a": str(number[0])}

    broadcaster = Broadcaster(read, 0.001)
    stream = broadcaster.stream()
    await first(stream)
    while number[0] < 20:
        await asyncio.sleep(0.001)
    read_ = await first(stream)
    assert read_.count(b"event: a") == 1
    await broadcaster.close()


def test_text_with_lines_is_one_event() -> None:
    assert encode_event("a", "1\n2") == b"event: a\ndata: 1\ndata: 2\n\n"

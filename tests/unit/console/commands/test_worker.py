"""A worker process drains on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from headrace.console.commands.worker import loop_factory, until_signal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_sets_the_stop_event(number: signal.Signals) -> None:
    ended: list[object] = []

    async def work(plan: object, stop: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stop.wait(), 25)
        ended.append(plan)

    await until_signal(work, "the plan")
    assert ended == ["the plan"]
    assert asyncio.get_running_loop().remove_signal_handler(number) is False


def test_uses_uvloop_if_installed() -> None:
    factory = loop_factory()
    assert factory is not None
    loop = factory()
    loop.close()
    assert type(loop).__module__.startswith("uvloop")

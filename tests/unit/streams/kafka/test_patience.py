"""A client of aiokafka does not ask a cluster that is gone without a pause."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from headrace.streams.kafka import aiokafka_patches


class Client:
    """As much of aiokafka's client as is changed."""

    def __init__(self, answers: bool) -> None:
        self._answers = answers
        self.asked: list[Any] = []

    async def _metadata_update(self, *told: Any) -> bool:
        self.asked.append(told)
        return self._answers


@pytest.mark.parametrize(("answers", "pauses"), [(True, []), (False, [aiokafka_patches.PAUSE_SECONDS])])
async def test_a_client_waits_where_nobody_answered(
    answers: bool, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = Client(answers)
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(aiokafka_patches, "asyncio", SimpleNamespace(sleep=wait))
    aiokafka_patches.throttle_metadata_refresh(client)
    assert await client._metadata_update("cluster", ["topics"]) is answers
    assert client.asked == [("cluster", ["topics"])]
    assert waited == pauses

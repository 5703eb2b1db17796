"""Concurrent deliveries share a call, and each has its own result."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from headrace.connectors.sinks.base import error_from_aws_code
from headrace.connectors.sinks.batching import Batcher, BatchLimits, EntryErrors
from headrace.schemas.delivery import Delivery, DeliveryError


def delivery(name: str, size: int = 1) -> Delivery:
    return Delivery(id=name, key=name, body="a" * size, detail_type="t", source="s")


class Service:
    """Takes batches; `bad` names those that it does not take."""

    def __init__(self, *bad: str) -> None:
        self.calls: list[list[str]] = []
        self.bad = bad
        self.down: Exception | None = None

    def call(self, batch: Sequence[Delivery]) -> EntryErrors:
        self.calls.append([each.id for each in batch])
        if self.down:
            raise self.down
        return [DeliveryError("permanent", "bad", each.id) if each.id in self.bad else None for each in batch]


async def test_concurrent_deliveries_share_calls_up_to_the_entry_limit() -> None:
    service = Service()
    batches = Batcher(service.call, BatchLimits(10, 1000))
    await asyncio.gather(*(batches.deliver(delivery(str(n))) for n in range(25)))
    assert [len(call) for call in service.calls] == [10, 10, 5]
    assert sorted(itertools.chain(*service.calls), key=int) == [str(n) for n in range(25)]


async def test_call_respects_the_byte_limit() -> None:
    service = Service()
    batches = Batcher(service.call, BatchLimits(10, 100))
    await asyncio.gather(*(batches.deliver(delivery(str(n), 40)) for n in range(5)))
    assert [len(call) for call in service.calls] == [2, 2, 1]


async def test_oversized_delivery_does_not_affect_others() -> None:
    service = Service()
    batches = Batcher(service.call, BatchLimits(10, 100))
    ended = await asyncio.gather(
        batches.deliver(delivery("a", 101)), batches.deliver(delivery("b", 9)), return_exceptions=True
    )
    assert isinstance(ended[0], DeliveryError)
    assert (ended[0].code, ended[1], service.calls) == ("too_large", None, [["b"]])


async def test_each_delivery_has_its_own_result() -> None:
    batches = Batcher(Service("1").call, BatchLimits(10, 1000))
    ended = await asyncio.gather(*(batches.deliver(delivery(str(n))) for n in range(3)), return_exceptions=True)
    assert [ended[0], ended[2]] == [None, None]
    assert isinstance(ended[1], DeliveryError)


@pytest.mark.parametrize("failure", [DeliveryError("outage", "", "unreachable"), RuntimeError("a bug")])
async def test_failed_call_fails_all_its_deliveries(failure: Exception) -> None:
    service = Service()
    service.down = failure
    batches = Batcher(service.call, BatchLimits(10, 1000))
    ended = await asyncio.gather(*(batches.deliver(delivery(str(n))) for n in range(3)), return_exceptions=True)
    assert ended == [failure] * 3


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("", "outage"),
        ("ExpiredToken", "outage"),
        ("ThrottlingException", "throttled"),
        ("ServiceQuotaExceededException", "throttled"),
        ("InternalFailure", "transient"),
        ("AWS.SimpleQueueService.NonExistentQueue", "permanent"),
        ("AccessDenied", "permanent"),
    ],
)
def test_error_code_selects_the_failure_kind(code: str, kind: str) -> None:
    assert error_from_aws_code(code, "why").kind == kind

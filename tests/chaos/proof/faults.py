"""Inject one fault into a site: `inject` starts and ends it, and keeps the other processes running meanwhile."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.chaos.proof.object_store import CONTROL
from tests.chaos.proof.schedule import Fault
from tests.chaos.proof.site import ProofSite
from tests.support import stepped_clock

TEND_SECONDS = 0.1

STORE_TROUBLES: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "unavailable": {"mode": "unavailable"},
        "slow": {"mode": "slow", "seconds": 0.5},
        "failing": {"mode": "failing", "share": 0.3},
    }
)
AI_FAULTS: Mapping[str, tuple[dict[str, Any], ...]] = MappingProxyType(
    {
        "throttled": ({"kind": "throttle", "share": 0.5},),
        "failing": ({"kind": "error_500", "share": 0.3}, {"kind": "error_after_effect", "share": 0.2}),
        "losing completions": ({"kind": "lost_completion", "share": 0.5},),
        "repeating completions": (
            {"kind": "duplicate_completion", "share": 0.5},
            {"kind": "late_completion", "share": 0.3, "seconds": 2.0},
        ),
    }
)


def inject(site: ProofSite, fault: Fault, release: Path | None) -> None:
    """Start a fault, wait for its duration, and end it."""
    match fault.kind.split():
        case ["kill", "broker"]:
            site.broker.kill(0)
            pause(site, fault.seconds)
            site.broker.start()
        case ["kill", _]:
            site.supervisor.parts[fault.target].kill()
        case _:
            with _DURING[fault.kind](site, fault, release):
                pause(site, fault.seconds)


def pause(site: ProofSite, seconds: float) -> None:
    """Wait, and start ended processes again."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        site.supervisor.tend()
        time.sleep(min(TEND_SECONDS, left))


@contextmanager
def _frozen(site: ProofSite, fault: Fault, _: Path | None) -> Iterator[None]:
    part = site.supervisor.parts[fault.target]
    part.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        part.signal(signal.SIGCONT)


@contextmanager
def _partitioned(site: ProofSite, fault: Fault, _: Path | None) -> Iterator[None]:
    network = site.network
    begin, end = (network.down, network.up) if fault.target == "closed" else (network.stall, network.flow)
    begin()
    try:
        yield
    finally:
        end()


@contextmanager
def _store_trouble(site: ProofSite, fault: Fault, _: Path | None) -> Iterator[None]:
    set_store_trouble(site, STORE_TROUBLES[fault.target])
    try:
        yield
    finally:
        set_store_trouble(site, {})


@contextmanager
def _ai_trouble(site: ProofSite, fault: Fault, _: Path | None) -> Iterator[None]:
    for each in AI_FAULTS[fault.target]:
        site.ai_fault({"operation": "*", **each})
    try:
        yield
    finally:
        site.ai_fault(None)


@contextmanager
def _disk_full(site: ProofSite, fault: Fault, _: Path | None) -> Iterator[None]:
    site.disks[fault.target].fill()
    try:
        yield
    finally:
        site.disks[fault.target].empty()


@contextmanager
def _clock_stepped(site: ProofSite, fault: Fault, _: Path | None) -> Iterator[None]:
    clock = site.supervisor.parts[fault.target].clock
    stepped_clock.step(clock, fault.step)
    try:
        yield
    finally:
        stepped_clock.step(clock, 0.0)


@contextmanager
def _registry_down(site: ProofSite, _fault: Fault, _: Path | None) -> Iterator[None]:
    site.registry.down()
    try:
        yield
    finally:
        site.registry.up()


@contextmanager
def _other_release(site: ProofSite, fault: Fault, release: Path | None) -> Iterator[None]:
    """Replace a worker by one of the previous release, and afterwards by the current one, as an upgrade does."""
    part = site.supervisor.parts[fault.target]
    part.run_release(release)
    try:
        yield
    finally:
        part.run_release(None)


def set_store_trouble(site: ProofSite, trouble: Mapping[str, Any]) -> None:
    """Set the fault of the object store; an empty one ends it."""
    url = f"http://127.0.0.1:{site.endpoints.store_port}{CONTROL}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    direct.open(urllib.request.Request(url, json.dumps(trouble).encode(), method="PUT"), timeout=30).close()


_DURING: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "freeze": _frozen,
        "partition": _partitioned,
        "S3": _store_trouble,
        "AI": _ai_trouble,
        "disk full": _disk_full,
        "clock step": _clock_stepped,
        "registry down": _registry_down,
        "rolling upgrade": _other_release,
    }
)

"""The report of a smoke test, without account ids, names of resources and secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from headrace.console.assets.projection import AssetVersion
from headrace.sandbox.smoke.config import EXCLUDED
from headrace.sandbox.smoke.price import SmokePrice
from headrace.schemas.redaction import redact

_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_ACCESS_KEY = re.compile(r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b")


@dataclass(frozen=True, slots=True)
class SmokeReport:
    """The outcome of each stage by sample file, the price, and what could not be deleted."""

    region: str
    ceiling: float
    price: SmokePrice
    seconds: float
    versions: Mapping[str, AssetVersion]
    left: Sequence[str]
    names: Mapping[str, str]
    """The names of resources, and what replaces each in the report."""

    @property
    def failures(self) -> list[str]:
        """Return a line for each dead letter, unfinished file and resource that is left."""
        lines = []
        for name, each in self.versions.items():
            lines += [f"{name}: {letter.stage}: {letter.code}: {letter.reason}" for letter in each.letters]
            lines += [] if each.state == "completed" else [f"{name}: not completed"]
        lines += [f"not deleted: {each}" for each in self.left]
        return [self.shareable(line) for line in lines]

    def shareable(self, text: str) -> str:
        """Return a text without account ids, access keys, secrets and names of resources."""
        for name in sorted(self.names, key=len, reverse=True):
            text = text.replace(name, self.names[name]) if name else text
        return _ACCESS_KEY.sub("ACCESS-KEY", _ACCOUNT.sub("ACCOUNT", redact(text)))


def as_text(report: SmokeReport) -> str:
    """Return the report as JSON."""
    document = {
        "headrace": version("headrace"),
        "botocore": version("botocore"),
        "region": report.region,
        "seconds": round(report.seconds, 1),
        "ceiling_usd": report.ceiling,
        "estimated_usd": round(report.price.usd, 4),
        "usd": round(sum(each.usd for each in report.versions.values()), 6),
        "not_run": EXCLUDED,
        "files": {name: _file(each) for name, each in report.versions.items()},
        "failures": report.failures,
    }
    return report.shareable(json.dumps(document, indent=2)) + "\n"


def _file(version: AssetVersion) -> dict[str, Any]:
    stages = {
        stage: {
            "outcome": fact.letter.code if fact.letter else fact.status,
            "usd": fact.usd_nanos / 1e9,
            **({"reason": fact.letter.reason} if fact.letter else {}),
        }
        for stage, fact in sorted(version.stages.items())
    }
    return {"state": version.state, "stages": stages}

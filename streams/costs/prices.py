"""What paid calls cost: AWS's list prices by region from `streams/costs/prices.toml`, or those of a file of the
user's."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import msgspec

from headrace.schemas.records import Charge
from headrace.schemas.settings import SettingsError

FALLBACK = "us-east-1"
"""The region whose prices stand in for those of one that the table does not have."""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars for one unit: an image, a minute, a page, a character."""

    unit: str
    usd: float


PriceTable = Mapping[tuple[str, str], Price]


def price_of(service: str, operation: str) -> Price | None:
    """Give the price of a call; None for one that costs nothing."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or FALLBACK
    return table(region, os.environ.get("HEADRACE_PRICES", "")).get((service, operation))


def charge(service: str, operation: str, units: float) -> Charge:
    """Price one call. Raises KeyError for a call that has no price."""
    price = price_of(service, operation)
    if price is None:
        raise KeyError((service, operation))
    return Charge(service=service, operation=operation, units=units, unit=price.unit, usd=round(units * price.usd, 6))


def operation_of(method: str) -> str:
    """Give the API's name of an operation for the SDK's: `DetectLabels` for `detect_labels`."""
    return "".join(part.capitalize() for part in method.split("_"))


@lru_cache(8)
def table(region: str, own: str) -> PriceTable:
    """Read the prices of a region, those of a file of the user's first. Raises `SettingsError` for a bad file."""
    text = files("headrace.streams.costs").joinpath("prices.toml").read_text("utf-8")
    shipped = _read(tomllib.loads(text), "prices.toml")
    found = {**shipped[FALLBACK], **shipped.get(region, {})}
    if own:
        try:
            theirs = _read(tomllib.loads(Path(own).read_text("utf-8")), own)
        except (OSError, ValueError) as error:
            raise SettingsError(f"HEADRACE_PRICES: {error}") from error
        found |= theirs.get(region, {})
    return found


def _read(text: Mapping[str, object], name: str) -> dict[str, dict[tuple[str, str], Price]]:
    regions = {region: services for region, services in text.items() if region != "dated"}
    try:
        read = msgspec.convert(regions, dict[str, dict[str, dict[str, Price]]])
    except msgspec.ValidationError as error:
        raise ValueError(
            f"{name}: {error}: prices are written as [region.service] Operation = {{ unit, usd }}"
        ) from None
    return {
        region: {
            (service, operation): price for service, prices in services.items() for operation, price in prices.items()
        }
        for region, services in read.items()
    }

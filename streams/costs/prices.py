"""Prices of AWS calls by region, from `prices.toml` and from the file named by HEADRACE_PRICES."""

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
"""The region whose prices apply where a region has none."""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars for one unit: an image, a minute, a page, a character."""

    unit: str
    usd: float


PriceTable = Mapping[tuple[str, str], Price]


def price_of(service: str, operation: str) -> Price | None:
    """Return the price of a call; None if it is free."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or FALLBACK
    return table(region, os.environ.get("HEADRACE_PRICES", "")).get((service, operation))


def charge(service: str, operation: str, units: float) -> Charge:
    """Return the charge for one call.

    Raises:
        KeyError: The call has no price.
    """
    price = price_of(service, operation)
    if price is None:
        raise KeyError((service, operation))
    return Charge(service=service, operation=operation, units=units, unit=price.unit, usd=round(units * price.usd, 6))


def operation_of(method: str) -> str:
    """Return the API name of an SDK method: `DetectLabels` for `detect_labels`."""
    return "".join(part.capitalize() for part in method.split("_"))


@lru_cache(8)
def table(region: str, custom: str) -> PriceTable:
    """Return the prices of a region; those of the custom file take precedence.

    Raises:
        SettingsError: The custom file cannot be read or is invalid.
    """
    text = files("headrace.streams.costs").joinpath("prices.toml").read_text("utf-8")
    shipped = _read(tomllib.loads(text), "prices.toml")
    prices = {**shipped[FALLBACK], **shipped.get(region, {})}
    if custom:
        try:
            custom_prices = _read(tomllib.loads(Path(custom).read_text("utf-8")), custom)
        except (OSError, ValueError) as error:
            raise SettingsError(f"HEADRACE_PRICES: {error}") from error
        prices |= custom_prices.get(region, {})
    return prices


def _read(text: Mapping[str, object], name: str) -> dict[str, dict[tuple[str, str], Price]]:
    regions = {region: services for region, services in text.items() if region != "dated"}
    try:
        parsed = msgspec.convert(regions, dict[str, dict[str, dict[str, Price]]])
    except msgspec.ValidationError as error:
        raise ValueError(
            f"{name}: {error}: prices are written as [region.service] Operation = {{ unit, usd }}"
        ) from None
    return {
        region: {
            (service, operation): price for service, prices in services.items() for operation, price in prices.items()
        }
        for region, services in parsed.items()
    }

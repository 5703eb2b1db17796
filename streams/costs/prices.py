"""Prices of AWS calls by region, from `prices.toml` and from the file named by HEADRACE_PRICES."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

import msgspec

from headrace.schemas.parsing import read_toml
from headrace.schemas.records import Charge
from headrace.schemas.settings import SettingsError, load
from headrace.streams.errors import PermanentError
from headrace.streams.settings import PriceSettings

DECIMALS = 9
"""Costs are rounded to nano-US-dollars: a call of a model for short texts costs less than a millionth of a dollar."""
MAX_UNITS = 1e9
"""Units of one call: minutes, pages, characters or thousands of tokens."""
FALLBACK = "us-east-1"
"""The region whose prices apply where a region has none."""


MINIMUM_SECONDS: Mapping[str, float] = {"transcribe": 15.0, "mediaconvert": 10.0}
"""The shortest media that a service bills, by service. Sources: the price pages of Transcribe and MediaConvert."""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """US dollars for one unit: an image, a minute, a page, a character."""

    unit: str
    usd: float


PriceTable = Mapping[tuple[str, str], Price]
"""The price of each service and operation."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of one region. Loaded once, then passed to whatever meters or estimates calls."""

    prices: PriceTable
    region: str = FALLBACK

    def price_of(self, service: str, operation: str) -> Price | None:
        """Return the price of a call; None if it is free."""
        return self.prices.get((service, operation))

    def charge(self, service: str, operation: str, units: float) -> Charge:
        """Return the charge for one call.

        Raises:
            KeyError: The call has no price.
            PermanentError: `invalid_answer`: no call has this number of units, which a service returned.
        """
        if not 0 <= units <= MAX_UNITS:
            raise PermanentError("invalid_answer", f"{service} {operation}: not from 0 to {MAX_UNITS:,.0f} units")
        price = self.prices[service, operation]
        usd = round(units * price.usd, DECIMALS)
        return Charge(service=service, operation=operation, units=units, unit=price.unit, usd=usd)


def billed_minutes(service: str, seconds: float) -> float:
    """Return the minutes that a service bills for media of `seconds` seconds."""
    return max(seconds, MINIMUM_SECONDS.get(service, 0.0)) / 60


def load_price_list() -> PriceList:
    """Read the price list of the environment: its region and the file of HEADRACE_PRICES.

    Raises:
        SettingsError: The file cannot be read or is invalid.
    """
    settings = load(PriceSettings)
    return read_price_list(settings.region, settings.prices)


def read_price_list(region: str, path: str = "") -> PriceList:
    """Return the list prices of a region; those of the TOML file at `path` take precedence.

    Raises:
        SettingsError: The file cannot be read or is invalid.
    """
    text = files("headrace.streams.costs").joinpath("prices.toml").read_text("utf-8")
    shipped = _read(tomllib.loads(text))
    prices = {**shipped[FALLBACK], **shipped.get(region, {})}
    if path:
        try:
            custom_prices = _read(read_toml(path))
        except OSError as error:
            raise SettingsError(f"HEADRACE_PRICES: {path}: {error.strerror}") from error
        except ValueError as error:
            raise SettingsError(f"HEADRACE_PRICES: {path}: {error}") from error
        prices |= custom_prices.get(region, {})
    return PriceList(MappingProxyType(prices), region)


def operation_of(method: str) -> str:
    """Return the API name of an SDK method: `DetectLabels` for `detect_labels`."""
    return "".join(part.capitalize() for part in method.split("_"))


def _read(text: Mapping[str, object]) -> dict[str, dict[tuple[str, str], Price]]:
    regions = {region: services for region, services in text.items() if region != "dated"}
    try:
        parsed = msgspec.convert(regions, dict[str, dict[str, dict[str, Price]]])
    except msgspec.ValidationError as error:
        raise ValueError(f"{error}: prices are written as [region.service] Operation = {{ unit, usd }}") from None
    return {
        region: {
            (service, operation): price for service, prices in services.items() for operation, price in prices.items()
        }
        for region, services in parsed.items()
    }

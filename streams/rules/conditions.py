"""Conditions of the pattern language. `holds` returns whether a value meets the condition.

Values are JSON values: strings, numbers, booleans and null. Numbers compare as numbers (100 equals 100.0). A boolean
never equals a number.
Source: Amazon EventBridge User Guide, "Comparison operators for use in event patterns".
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from headrace.streams.rules.text_matching import AnyCase, Glob

Scalar = str | int | float | bool | None
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Exactly:
    """Matches an equal value."""

    value: Scalar

    def holds(self, value: Scalar) -> bool:
        """Return whether the value is equal; true does not equal 1."""
        return same(value, self.value)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Matches strings that start with a prefix."""

    text: str

    def holds(self, value: Scalar) -> bool:
        """Return whether the value starts with the prefix."""
        return isinstance(value, str) and value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Suffix:
    """Matches strings that end with a suffix."""

    text: str

    def holds(self, value: Scalar) -> bool:
        """Return whether the value ends with the suffix."""
        return isinstance(value, str) and value.endswith(self.text)


@dataclass(frozen=True, slots=True)
class IgnoringCase:
    """Matches a whole string, a prefix or a suffix without regard to case."""

    where: Literal["equals", "prefix", "suffix"]
    text: str
    any_case: AnyCase = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "any_case", AnyCase(self.text))

    def holds(self, value: Scalar) -> bool:
        """Return whether the value matches."""
        if not isinstance(value, str):
            return False
        if self.where == "equals":
            return self.any_case.equals(value)
        return self.any_case.begins(value) if self.where == "prefix" else self.any_case.ends(value)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Matches strings against a wildcard expression.

    Raises:
        ValueError: The expression is invalid.
    """

    text: str
    glob: Glob = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "glob", Glob(self.text))

    def holds(self, value: Scalar) -> bool:
        """Return whether the value matches the expression."""
        return isinstance(value, str) and self.glob.matches(value)


@dataclass(frozen=True, slots=True)
class Numeric:
    """Matches numbers in an interval. Bounds may be infinite; `low_open` and `high_open` exclude a bound."""

    low: float
    low_open: bool
    high: float
    high_open: bool

    def holds(self, value: Scalar) -> bool:
        """Return whether the value is a number in the interval."""
        if not is_comparable(value):
            return False
        assert isinstance(value, int | float)
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)


@dataclass(frozen=True)
class Cidr:
    """Matches IP addresses in a CIDR block; other strings do not match."""

    block: str

    @cached_property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """Parse the block; host bits may be set.

        Raises:
            ValueError: The text is not a CIDR block.
        """
        return ipaddress.ip_network(self.block, strict=False)

    def holds(self, value: Scalar) -> bool:
        """Return whether the value is an address in the block."""
        address = address_of(value)
        return address is not None and address.version == self.network.version and address in self.network


@dataclass(frozen=True, slots=True)
class Exists:
    """Matches a present or a missing field. Null counts as present, an object or an empty list as missing."""

    expected: bool

    def holds(self, value: Scalar) -> bool:
        """Return whether a present value matches."""
        return self.expected


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """Matches present values that meet none of the other conditions."""

    others: tuple[Exactly | Prefix | Suffix | IgnoringCase | Wildcard, ...]

    def holds(self, value: Scalar) -> bool:
        """Return whether the value meets none of the other conditions."""
        return not any(other.holds(value) for other in self.others)


Condition = Exactly | Prefix | Suffix | IgnoringCase | Wildcard | Numeric | Cidr | Exists | AnythingBut


def same(one: Scalar, other: Scalar) -> bool:
    """Return whether two JSON values are equal: 1 equals 1.0, but not true."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


EXACT = 2**53
"""Largest integer up to which a double represents every integer."""


def is_comparable(value: Any) -> bool:
    """Return whether a value is a finite number that a double represents exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    try:
        return -EXACT <= value <= EXACT or Decimal(repr(float(value))) == value
    except OverflowError:
        return False


def address_of(value: Scalar) -> IpAddress | None:
    """Parse an IP address; None for other values."""
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None

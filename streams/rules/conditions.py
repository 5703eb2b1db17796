"""What a pattern can ask of one value. Each condition is a value itself, and says by `holds` whether it is met.

Values are JSON's: texts, numbers, true, false, null. Numbers compare as numbers (100 is 100.0), and never with true.
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
    """The value itself."""

    value: Scalar

    def holds(self, value: Scalar) -> bool:
        """Whether the value is the one. True is no 1."""
        return same(value, self.value)


@dataclass(frozen=True, slots=True)
class Prefix:
    """A text that begins so."""

    text: str

    def holds(self, value: Scalar) -> bool:
        """Whether the value begins with the text."""
        return isinstance(value, str) and value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Suffix:
    """A text that ends so."""

    text: str

    def holds(self, value: Scalar) -> bool:
        """Whether the value ends in the text."""
        return isinstance(value, str) and value.endswith(self.text)


@dataclass(frozen=True, slots=True)
class IgnoringCase:
    """A text that is, begins or ends so, whatever the case of its letters."""

    where: Literal["equals", "prefix", "suffix"]
    text: str
    any_case: AnyCase = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "any_case", AnyCase(self.text))

    def holds(self, value: Scalar) -> bool:
        """Whether the value is, begins or ends so."""
        if not isinstance(value, str):
            return False
        if self.where == "equals":
            return self.any_case.equals(value)
        return self.any_case.begins(value) if self.where == "prefix" else self.any_case.ends(value)


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text of this form. Raises ValueError, in words, for what is no form."""

    text: str
    glob: Glob = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "glob", Glob(self.text))

    def holds(self, value: Scalar) -> bool:
        """Whether the value is of the form."""
        return isinstance(value, str) and self.glob.matches(value)


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number within bounds, both of which may be infinite; `low_open` and `high_open` leave a bound itself out."""

    low: float
    low_open: bool
    high: float
    high_open: bool

    def holds(self, value: Scalar) -> bool:
        """Whether the value is a number within the bounds."""
        if not is_comparable(value):
            return False
        assert isinstance(value, int | float)
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)


@dataclass(frozen=True)
class Cidr:
    """An IP address within a block. What is no address is simply not in it."""

    block: str

    @cached_property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The block; bits of the host may be set. Raises ValueError for what is none."""
        return ipaddress.ip_network(self.block, strict=False)

    def holds(self, value: Scalar) -> bool:
        """Whether the value is an address in the block."""
        address = address_of(value)
        return address is not None and address.version == self.network.version and address in self.network


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether there is a value at all; null is one, an object or an empty list is none."""

    wanted: bool

    def holds(self, value: Scalar) -> bool:
        """Whether a value that is there is what was asked for."""
        return self.wanted


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """A value that is there and meets none of the others."""

    others: tuple[Exactly | Prefix | Suffix | IgnoringCase | Wildcard, ...]

    def holds(self, value: Scalar) -> bool:
        """Whether the value is something else."""
        return not any(other.holds(value) for other in self.others)


Condition = Exactly | Prefix | Suffix | IgnoringCase | Wildcard | Numeric | Cidr | Exists | AnythingBut


def same(one: Scalar, other: Scalar) -> bool:
    """Whether two values are the same to JSON: 1 is 1.0, and true is neither."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


EXACT = 2**53
"""Up to here a double holds every whole number."""


def is_comparable(value: Any) -> bool:
    """Whether a value is a number that is written as the nearest double would be, and so can be compared."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    try:
        return -EXACT <= value <= EXACT or Decimal(repr(float(value))) == value
    except OverflowError:
        return False


def address_of(value: Scalar) -> IpAddress | None:
    """Read an IP address; None for everything else."""
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None

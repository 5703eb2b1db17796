"""Format the numbers of a forecast, which range over twelve orders of magnitude, in few characters."""

from __future__ import annotations

_UNITS = ("", "k", "M", "G", "T", "P")


def short(number: float, unit: str = "") -> str:
    """Format a number with three digits and a decimal prefix: `0.12`, `11.6`, `1.2M`.

    >>> short(1_234_567), short(0.0116), short(999.9), short(52e9, "B")
    ('1.23M', '0.0116', '1k', '52GB')
    """
    amount, place = number, 0
    while abs(amount) >= 999.5 and place < len(_UNITS) - 1:
        amount, place = amount / 1000, place + 1
    digits = f"{amount:.3g}" if abs(amount) < 999.5 else f"{amount:.0f}"
    return f"{digits}{_UNITS[place]}{unit}"


def usd(amount: float) -> str:
    """Format an amount of US dollars: cents below 1,000, whole dollars above.

    >>> usd(0.0004), usd(12.5), usd(1_234_567.8)
    ('$0.0004', '$12.50', '$1,234,568')
    """
    if abs(amount) >= 1_000:
        return f"${amount:,.0f}"
    return f"${amount:.2f}" if amount >= 0.01 or not amount else f"${amount:.2g}"

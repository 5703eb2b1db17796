"""Find personal data by pattern and checksum."""

from __future__ import annotations

import re
from collections.abc import Callable

from headrace.sandbox.ai.framework.text_analysis import TextMatch

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("EMAIL", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")),
    ("URL", re.compile(r"\bhttps?://[^\s<>\"']+")),
    ("IP_ADDRESS", re.compile(r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b")),
    ("INTERNATIONAL_BANK_ACCOUNT_NUMBER", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")),
    ("CREDIT_DEBIT_NUMBER", re.compile(r"\b\d(?:[ -]?\d){12,18}\b")),
    ("SSN", re.compile(r"\b(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b")),
    ("PHONE", re.compile(r"(?<![\w.])\+?\d{1,3}[ -]?\(?\d{2,4}\)?(?:[ -]\d{2,4}){2,3}\b")),
)


def find(text: str) -> list[TextMatch]:
    """Return all personal data with a valid checksum, in the order of the text."""
    matches: list[TextMatch] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            free = all(match.end() <= other.begin or match.start() >= other.end for other in matches)
            if free and _CHECKS.get(kind, _no_check)(match[0]):
                matches.append(TextMatch(kind, match[0], 0.95, match.start(), match.end()))
    return sorted(matches, key=lambda match: match.begin)


def is_luhn(number: str) -> bool:
    """Return whether the last digit is the check digit of a payment card. Source: ISO/IEC 7812-1."""
    digits = [int(digit) for digit in number if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(number: str) -> bool:
    """Return whether the check digits of a bank account are valid. Source: ISO 13616."""
    plain = number.replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _no_check(_: str) -> bool:
    return True


_CHECKS: dict[str, Callable[[str], bool]] = {
    "CREDIT_DEBIT_NUMBER": is_luhn,
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER": is_iban,
}

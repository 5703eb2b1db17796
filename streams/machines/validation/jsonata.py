"""JSONata expressions in strings: `{% $states.input.name %}`."""

from __future__ import annotations


def is_expression(value: str) -> bool:
    """Return whether a string is an expression. A string with other text around the delimiters is literal."""
    return value.startswith("{%") and value.endswith("%}") and len(value) >= 4

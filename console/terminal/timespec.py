"""Parse timestamps and durations."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from headrace.console.errors import CommandError

_DURATION = re.compile("-(?=[0-9])" + "".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in "wdhms"))


def parse_time(text: str, now: float) -> float:
    """Parse a time to seconds since 1970: ISO 8601, local without a zone, or `-2h` for two hours ago.

    Durations use the units w, d, h, m and s: `-90m`, `-1d12h`.

    Raises:
        CommandError: it is neither.
    """
    duration = _DURATION.fullmatch(text)
    if duration:
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in duration.groups())
        try:
            return now - timedelta(days, seconds, 0, 0, minutes, hours, weeks).total_seconds()
        except OverflowError:
            raise CommandError(f"{text} is too long ago") from None
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise CommandError(
            f"{text!r} is no time: give 2026-03-14, 2026-03-14T15:09, 2026-03-14T15:09Z or -2h"
        ) from None

"""Events of the history, in the types and with the details of AWS.

Details have the field names of AWS's `<type>EventDetails`. Payloads are values; the API of AWS has them as JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from headrace.streams.machines.json_types import Json


class HistoryEvent(Struct, frozen=True, gc=False):
    """An event. `previous` is the id of the event before it in the same branch, 0 for the first."""

    id: int
    previous: int
    at: datetime
    type: str
    details: Mapping[str, Json]

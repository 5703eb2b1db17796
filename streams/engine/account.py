"""Count the outcomes of the records of one partition. The count is stored with each committed offset.

Every offset below the committed one is in exactly one count: committed - start = done + superseded + shadowed +
dead_lettered + retried + lost + absent. `headrace audit` checks this, so a record without an outcome cannot disappear.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headrace.schemas.parsing import InvalidValueError, parse_struct

OutcomeCount = Literal["done", "superseded", "shadowed", "dead_lettered", "retried"]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

LATEST_TIME = 253_402_300_799.0
"""31 December 9999 in seconds since 1970. Producers may send any timestamp."""


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcomes below a committed offset, from offset `start` on.

    `shadowed` are records that a shadow rule matched: done, without a delivery. `lost` are records that the broker
    deleted before the stage read them. `absent` are offsets that never held a record: transaction markers and compacted
    records. `before` are records that were finished before counting began. `time` is the broker timestamp of the newest
    finished record in seconds; 0 if there is none.
    """

    start: Count = 0
    done: Count = 0
    superseded: Count = 0
    shadowed: Count = 0
    dead_lettered: Count = 0
    retried: Count = 0
    lost: Count = 0
    absent: Count = 0
    before: Count = 0
    time: Annotated[float, msgspec.Meta(ge=0, le=LATEST_TIME)] = 0.0

    @property
    def finished(self) -> int:
        """The number of records with an outcome."""
        return self.before + self._counted

    def unaccounted(self, committed: int) -> int:
        """Return the offsets below a committed one that are in no count. Negative if some are counted twice."""
        return committed - self.start - self._counted - self.lost - self.absent

    @property
    def _counted(self) -> int:
        return self.done + self.superseded + self.shadowed + self.dead_lettered + self.retried

    def plus(self, time: float = 0.0, **counts: int) -> Account:
        """Return the account with more records. `time` is the broker timestamp of the newest one."""
        added = {name: getattr(self, name) + number for name, number in counts.items()}
        return msgspec.structs.replace(self, time=min(max(self.time, time), LATEST_TIME), **added)


END = "\0"
"""The end of the metadata. confluent-kafka reads a copy without a terminator until it finds one, see decision 30."""


def to_metadata(account: Account) -> str:
    """Encode an account as the metadata of a committed offset: at most a few hundred bytes."""
    return msgspec.json.encode(account).decode() + END


def from_metadata(metadata: str) -> Account | None:
    """Decode the metadata of a committed offset; None if it is not an account, as after a reset of offsets."""
    try:
        return parse_struct(metadata.removesuffix(END), Account)
    except InvalidValueError:
        return None

"""Order the versions of an object whose store sends events without a sequencer.

Such an event gets a sequencer from its time. For a created object, one HEAD request corrects it, because events may
have equal times, or times in another order than the writes. Decision 46 explains the rules.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs

from headrace.connectors.aws.object_head import HeadObject, ObjectHead
from headrace.connectors.events.decoding import EPOCH
from headrace.connectors.events.results import EventWithMetadata, Ignored, ParseResult
from headrace.schemas.ids import SEQUENCER_WIDTH
from headrace.schemas.records import MediaUploaded

TIME_DIGITS = 12
_ZEROS = "0" * (SEQUENCER_WIDTH - TIME_DIGITS)
_MILLISECOND = timedelta(milliseconds=1)
_BY_TIME = re.compile(f"{_ZEROS}[0-9A-F]{{{TIME_DIGITS}}}")


def time_sequencer(when: datetime) -> str:
    """Return a sequencer that sorts before every sequencer of S3, and by time among its kind.

    S3's own have 16 to 20 digits and are never all zero. The time in milliseconds comes behind 20 zeros.
    """
    return _sequencer((when - EPOCH) // _MILLISECOND)


def is_time_sequencer(sequencer: str) -> bool:
    """Return whether `time_sequencer` may have returned the text."""
    return _BY_TIME.fullmatch(sequencer) is not None


def following(sequencer: str) -> str:
    """Return the sequencer that is one millisecond later."""
    return _sequencer(int(sequencer, 16) + 1)


def order_versions(parsed: ParseResult, head_object: HeadObject) -> ParseResult:
    """Correct the sequencers of uploads that have none from their store. Sends no request for other events.

    Ids stay the same: they do not depend on the time of the request.

    Raises:
        ObjectHeadUnavailableError: S3 does not answer now.
    """
    if isinstance(parsed, Ignored) or not any(map(needs_head, parsed.events)):
        return parsed
    return replace(parsed, events=tuple(_ordered(event, head_object) for event in parsed.events))


def needs_head(event: EventWithMetadata) -> bool:
    """Return whether the position of an event depends on a HEAD request."""
    uploaded = event[0]
    if not isinstance(uploaded, MediaUploaded) or not uploaded.asset.etag:
        return False
    return not uploaded.asset.sequencer or is_time_sequencer(uploaded.asset.sequencer)


def corrected(sequencer: str, etag: str, found: ObjectHead | None) -> str:
    """Return the sequencer of an upload from its event's own, which is empty for an event without a time.

    The object that exists is not older than its Last-Modified. Another ETag means that the upload was replaced: it is
    older than the Last-Modified of the object that replaced it.
    """
    if found is None:
        return sequencer
    milliseconds = (found.modified - EPOCH) // _MILLISECOND
    if etag == found.etag:
        return max(sequencer, _sequencer(milliseconds))
    before = _sequencer(milliseconds - 1)
    return min(sequencer or before, before)


def _ordered(event: EventWithMetadata, head_object: HeadObject) -> EventWithMetadata:
    uploaded, metadata = event
    if not needs_head(event) or not isinstance(uploaded, MediaUploaded):
        return event
    asset = uploaded.asset
    found = head_object(asset.bucket, asset.key, asset.version_id)
    sequencer = corrected(asset.sequencer, asset.etag, found)
    return structs.replace(uploaded, asset=structs.replace(asset, sequencer=sequencer)), metadata


def _sequencer(milliseconds: int) -> str:
    return f"{_ZEROS}{max(0, milliseconds):0{TIME_DIGITS}X}"

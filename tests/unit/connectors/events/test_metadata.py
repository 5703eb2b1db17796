"""A redelivered external event has the same metadata."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from headrace.connectors.events.metadata import new_metadata
from headrace.schemas.ids import named_id
from tests.support.records import uploaded

ID = named_id("x")
WHEN = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)


def test_metadata_has_source_type_time_and_subject() -> None:
    found = new_metadata(uploaded(), ID, "aws.s3", WHEN)

    assert (found.id, found.source, found.type) == (ID, "aws.s3", "headrace.MediaUploaded")
    assert (found.time, found.subject) == ("2026-03-14T15:09:26.535Z", "media/photos/cat.jpg")
    assert (found.correlation, found.causation_id) == (ID, "")


def test_trace_id_is_derived_from_the_event_id() -> None:
    found = new_metadata(uploaded(), ID, "aws.s3", WHEN)

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", found.traceparent)
    assert found.traceparent.split("-")[1] == ID.replace("-", "")
    assert int(found.traceparent.split("-")[2], 16)

"""The state of the views."""

from __future__ import annotations

import io

from headrace.console.terminal.screen import Console
from headrace.console.views import status
from headrace.console.views.status import TopicLag
from tests.support import records
from tests.unit.console.asset_history import entry, labelled
from tests.unit.console.views.queries.folded import FoldedViews


def test_results_whose_text_is_not_indexed_yet_are_counted() -> None:
    upload = entry(records.uploaded())
    views = FoldedViews([upload, entry(labelled(), 1, upload, "labels")])
    with views.connect() as connection:
        found = status.status_of("here", connection, (TopicLag("media.uploaded", 1, 0, 0),))
    out = io.StringIO()
    status.show(found, Console(file=out, width=200))

    assert found.unindexed == 2
    assert "the text of 2 results is not indexed yet" in out.getvalue()

"""Pages of assets: filters, order and tokens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.errors import CommandError
from headrace.console.kafka.entry import LogEntry
from headrace.console.views.queries import asset_list
from headrace.console.views.queries.asset_list import AssetFilter
from headrace.schemas.records import Asset
from tests.support import records
from tests.support.records import NOW
from tests.unit.console.asset_history import completed, deleted, entry, labelled, letter
from tests.unit.console.views.queries.folded import FoldedViews
from tests.unit.console.views.queries.test_history import at_offsets


def uploaded(key: str, bucket: str = "media", seconds: float = 0) -> tuple[Asset, LogEntry]:
    asset = records.asset(key, bucket=bucket)
    return asset, entry(records.uploaded(asset), seconds)


A, A_UPLOAD = uploaded("a/1.jpg")
B, B_UPLOAD = uploaded("a/2.jpg", seconds=60)
C, C_UPLOAD = uploaded("b\x00\x01/\U0001f600%_.mp4", seconds=120)
D, D_UPLOAD = uploaded("a/1.jpg", bucket="archive", seconds=180)
E, E_UPLOAD = uploaded("z.jpg", seconds=240)
NEW_B = records.asset("a/2.jpg", sequencer="0B", version="e2", size=77)
LOG = [
    A_UPLOAD,
    entry(labelled(A, usd=0.25), 5, stage="labels"),
    entry(completed(A), 6, stage="completed"),
    B_UPLOAD,
    entry(labelled(B), 65, stage="labels"),
    entry(records.uploaded(NEW_B), 70),
    C_UPLOAD,
    letter(C_UPLOAD, "labels", 125),
    D_UPLOAD,
    E_UPLOAD,
    entry(deleted(records.asset("z.jpg", sequencer="0C")), 300),
]
VIEWS = FoldedViews(at_offsets(LOG))


def names(**criteria: Any) -> list[str]:
    with VIEWS.connect() as connection:
        return [each.name for each in asset_list.page(connection, AssetFilter(**criteria), 100).assets]


NAMES = [f"archive/{D.key}", f"media/{A.key}", f"media/{B.key}", f"media/{C.key}", f"media/{E.key}"]
AT = NOW.timestamp()


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"bucket": "media"}, [1, 2, 3, 4]),
        ({"bucket": "med"}, []),
        ({"prefix": "a/"}, [0, 1, 2]),
        ({"prefix": "a/1"}, [0, 1]),
        ({"prefix": "b\x00"}, [3]),
        ({"prefix": "%"}, []),
        ({"state": "completed"}, [1]),
        ({"state": "processing"}, [0, 2, 3]),
        ({"state": "deleted"}, [4]),
        ({"has": ("labels",)}, [1]),
        ({"missing": ("labels",)}, [0, 2, 3, 4]),
        ({"failed": ("labels",)}, [3]),
        ({"failed": ("probe",)}, []),
        ({"missing": ("labels",), "state": "processing", "bucket": "media"}, [2, 3]),
        ({"kind": "video"}, []),
        ({"bucket": "'; DROP TABLE assets; --"}, []),
        ({"bucket": "\udcff"}, []),
    ],
)
def test_filter_selects_newest_versions(criteria: dict[str, Any], expected: list[int]) -> None:
    assert names(**criteria) == [NAMES[number] for number in expected]


def test_time_of_upload_bounds_are_inclusive() -> None:
    first, last = (VIEWS_ROW["media/" + key].uploaded_at for key in (A.key, C.key))
    assert first is not None
    assert last is not None
    assert names(since=last, until=last) == [NAMES[3]]
    assert names(until=first) == [NAMES[1]]


with VIEWS.connect() as _connection:
    VIEWS_ROW = {each.name: each for each in asset_list.page(_connection, AssetFilter(), 100).assets}


def test_row_describes_the_newest_version() -> None:
    row = VIEWS_ROW[f"media/{B.key}"]
    assert (row.version, row.size, row.versions, row.state, row.stages) == ("e2", 77, 2, "processing", {})
    labels = VIEWS_ROW[f"media/{A.key}"]
    assert (labels.stages, labels.usd_nanos) == ({"labels": "done"}, 250_000_000)
    assert VIEWS_ROW[f"media/{C.key}"].stages == {"labels": "dead-lettered"}


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_together_are_the_whole_list(limit: int) -> None:
    listed, after = [], None
    with VIEWS.connect() as connection:
        for _ in range(len(NAMES) + 1):
            page = asset_list.page(connection, AssetFilter(), limit, after)
            listed += [each.name for each in page.assets]
            assert len(page.assets) <= limit
            if page.next is None:
                break
            after = page.next
    assert listed == NAMES


def test_one_asset_is_found_by_its_name() -> None:
    with VIEWS.connect() as connection:
        assert asset_list.one(connection, NAMES[3]) == VIEWS_ROW[NAMES[3]]
        assert asset_list.one(connection, "media/none") is None
        assert asset_list.one(connection, "") is None


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_token_is_read_or_rejected(text: str) -> None:
    try:
        place = asset_list.read_token(text)
    except CommandError:
        return
    assert [type(part) for part in place] == [str, str]


def test_invalid_token_names_the_option() -> None:
    with pytest.raises(CommandError, match="--after x: give the token"):
        asset_list.read_token("x")

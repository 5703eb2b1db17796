"""Tests of document fields and tables built from Textract blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from headrace.sandbox.ai.textract.blocks import blocks
from headrace.sandbox.ai.textract.documents import DecodedDocument, DocumentLine
from headrace.schemas.records import Asset, DocumentAnalysed
from headrace.streams.aws.textract import Textract, parse_form
from headrace.streams.costs.estimates import estimate
from headrace.streams.errors import TransientError
from headrace.streams.media.media_input import MediaInput
from headrace.streams.results import ResultsStore
from headrace.streams.service_results import DocumentText, Field, Table
from headrace.streams.settings import StreamSettings
from headrace.streams.stages.documents import documents_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import ready

LINES = (
    DocumentLine("Invoice", 0.1, ("Invoice",)),
    DocumentLine("Name: Ada Example", 0.2, ("Name: Ada Example",)),
    DocumentLine("Item Price", 0.3, ("Item", "Price")),
    DocumentLine("Film reel 12.50", 0.4, ("Film reel", "12.50")),
    DocumentLine("Total: 12.50", 0.5, ("Total: 12.50",)),
)


def test_parses_blocks_of_the_local_endpoint() -> None:
    form = parse_form(blocks(DecodedDocument(((), LINES), synthetic=False), ["FORMS", "TABLES"]))
    assert form.fields == (Field(2, "Name:", "Ada Example", 99.0), Field(2, "Total:", "12.50", 99.0))
    assert form.tables == (Table(2, (("Item", "Price"), ("Film reel", "12.50"))),)


@pytest.mark.parametrize(("features", "counts"), [([], (0, 0)), (["FORMS"], (2, 0)), (["TABLES"], (0, 1))])
def test_returns_only_the_requested_features(features: list[str], counts: tuple[int, int]) -> None:
    form = parse_form(blocks(DecodedDocument((LINES,), synthetic=False), features))
    assert (len(form.fields), len(form.tables)) == counts


class Answers:
    """An AWS client with one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        return self.answer


@pytest.mark.parametrize("pages", [-1, 3_001, 2**31 - 1])
async def test_number_of_pages_that_textract_does_not_read_is_an_unreadable_answer(pages: int) -> None:
    answer = {"DocumentMetadata": {"Pages": pages}, "Blocks": [], "JobStatus": "SUCCEEDED"}
    aws: Any = Answers(answer)
    documents = Textract(aws, StreamSettings(results_bucket="results"), PRICES)
    for reading in (documents.detect(MediaInput("media", "a.jpg", "image/jpeg", 10)), documents.get_result("job")):
        with pytest.raises(TransientError) as refused:
            await reading
        assert refused.value.code == "unreadable_answer"


def block(kind: str, id_: str, **more: Any) -> dict[str, Any]:
    return {"BlockType": kind, "Id": id_, "Confidence": 90.0, **more}


def holds(**kinds: list[str]) -> dict[str, Any]:
    return {"Relationships": [{"Type": kind, "Ids": ids} for kind, ids in kinds.items()]}


def test_selected_checkbox_is_an_x_and_a_value_may_be_empty() -> None:
    form = parse_form(
        [
            block("KEY_VALUE_SET", "k1", EntityTypes=["KEY"], **holds(VALUE=["v1"], CHILD=["w1"])),
            block("KEY_VALUE_SET", "v1", EntityTypes=["VALUE"], **holds(CHILD=["s1", "s2"])),
            block("SELECTION_ELEMENT", "s1", SelectionStatus="SELECTED"),
            block("SELECTION_ELEMENT", "s2", SelectionStatus="NOT_SELECTED"),
            block("WORD", "w1", Text="Yes"),
            block("KEY_VALUE_SET", "k2", EntityTypes=["KEY"], **holds(VALUE=["v2"], CHILD=["w2"])),
            block("KEY_VALUE_SET", "v2", EntityTypes=["VALUE"]),
            block("WORD", "w2", Text="Other"),
        ]
    )
    assert [(field.key, field.value) for field in form.fields] == [("Yes", "X"), ("Other", "")]


def test_cells_may_be_missing_spanned_or_merged() -> None:
    form = parse_form(
        [
            block("TABLE", "t", Page=3, **holds(CHILD=["a", "b", "w"], MERGED_CELL=["m"])),
            block("CELL", "a", RowIndex=1, ColumnIndex=1, ColumnSpan=2, **holds(CHILD=["w"])),
            block("CELL", "b", RowIndex=2, ColumnIndex=2),
            block("MERGED_CELL", "m", RowIndex=1, ColumnIndex=1),
            block("WORD", "w", Text="all"),
        ]
    )
    assert form.tables == (Table(3, (("all", ""), ("", ""))),)


@pytest.mark.parametrize(
    ("settings", "usd"),
    [({}, 0.0015), ({"forms": True}, 0.05), ({"tables": True}, 0.015), ({"forms": True, "tables": True}, 0.065)],
)
def test_prices_each_feature(settings: dict[str, Any], usd: float) -> None:
    assert estimate(documents_stage(**settings), ready(), PRICES) == usd


class Reader:
    """Returns the same form for every picture."""

    async def detect(self, asset: Asset, features: Sequence[str]) -> DocumentText:
        form = parse_form(blocks(DecodedDocument((LINES,), synthetic=False), features)) if features else None
        return DocumentText(1, "text", b"{}", (), form)


async def read(forms: bool) -> tuple[DocumentAnalysed, MemoryBucket]:
    bucket = MemoryBucket()
    job = documents_stage(forms=forms, options=("forms=True",) if forms else ()).job
    assert job is not None
    assert job.otherwise is not None
    event = await job.otherwise.run(ready(), FakeServices(more=Reader()).services(ResultsStore(bucket)))
    assert isinstance(event, DocumentAnalysed)
    return event, bucket


async def test_stores_the_form_and_counts_it_in_the_event() -> None:
    event, bucket = await read(forms=True)
    assert (event.field_count, event.table_count) == (2, 0)
    assert event.form is not None
    [first, _] = msgspec.json.decode(bucket.objects[event.form.key])["fields"]
    assert (first["key"], first["value"]) == ("Name:", "Ada Example")


async def test_event_without_features_has_no_form() -> None:
    event, bucket = await read(forms=False)
    assert (event.field_count, event.table_count, event.form) == (None, None, None)
    assert sorted(name.rpartition("/")[2] for name in bucket.objects) == ["documents@1.answer.json", "documents@1.txt"]

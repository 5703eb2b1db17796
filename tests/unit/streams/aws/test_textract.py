"""Fields and tables of documents, put together from blocks that name each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from headrace.sandbox.ai.textract.blocks import blocks
from headrace.sandbox.ai.textract.documents import DecodedDocument, TextLine
from headrace.schemas.records import Asset, DocumentAnalysed
from headrace.streams.aws.textract import parse_form
from headrace.streams.costs.estimates import estimate
from headrace.streams.results import ResultsStore
from headrace.streams.service_results import DocumentText, Field, Table
from headrace.streams.stages.documents import documents_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import ready

LINES = (
    TextLine("Invoice", 0.1, ("Invoice",)),
    TextLine("Name: Ada Example", 0.2, ("Name: Ada Example",)),
    TextLine("Item Price", 0.3, ("Item", "Price")),
    TextLine("Film reel 12.50", 0.4, ("Film reel", "12.50")),
    TextLine("Total: 12.50", 0.5, ("Total: 12.50",)),
)


def test_what_the_local_endpoint_writes_is_read() -> None:
    found = parse_form(blocks(DecodedDocument(((), LINES), synthetic=False), ["FORMS", "TABLES"]))
    assert found.fields == (Field(2, "Name:", "Ada Example", 99.0), Field(2, "Total:", "12.50", 99.0))
    assert found.tables == (Table(2, (("Item", "Price"), ("Film reel", "12.50"))),)


@pytest.mark.parametrize(("features", "counts"), [([], (0, 0)), (["FORMS"], (2, 0)), (["TABLES"], (0, 1))])
def test_only_what_was_asked_for_is_written(features: list[str], counts: tuple[int, int]) -> None:
    found = parse_form(blocks(DecodedDocument((LINES,), synthetic=False), features))
    assert (len(found.fields), len(found.tables)) == counts


def block(kind: str, id_: str, **more: Any) -> dict[str, Any]:
    return {"BlockType": kind, "Id": id_, "Confidence": 90.0, **more}


def holds(**kinds: list[str]) -> dict[str, Any]:
    return {"Relationships": [{"Type": kind, "Ids": ids} for kind, ids in kinds.items()]}


def test_a_box_that_is_ticked_is_an_x_and_a_field_may_be_empty() -> None:
    found = parse_form(
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
    assert [(field.key, field.value) for field in found.fields] == [("Yes", "X"), ("Other", "")]


def test_cells_may_be_missing_span_others_and_be_merged_besides() -> None:
    found = parse_form(
        [
            block("TABLE", "t", Page=3, **holds(CHILD=["a", "b", "w"], MERGED_CELL=["m"])),
            block("CELL", "a", RowIndex=1, ColumnIndex=1, ColumnSpan=2, **holds(CHILD=["w"])),
            block("CELL", "b", RowIndex=2, ColumnIndex=2),
            block("MERGED_CELL", "m", RowIndex=1, ColumnIndex=1),
            block("WORD", "w", Text="all"),
        ]
    )
    assert found.tables == (Table(3, (("all", ""), ("", ""))),)


@pytest.mark.parametrize(
    ("settings", "usd"),
    [({}, 0.0015), ({"forms": True}, 0.05), ({"tables": True}, 0.015), ({"forms": True, "tables": True}, 0.065)],
)
def test_each_feature_has_its_price(settings: dict[str, bool], usd: float) -> None:
    assert estimate(documents_stage(**settings), ready()) == usd


class Reader:
    """Reads a form in every picture."""

    async def detect(self, asset: Asset, features: Sequence[str]) -> DocumentText:
        form = parse_form(blocks(DecodedDocument((LINES,), synthetic=False), features)) if features else None
        return DocumentText(1, "text", b"{}", (), form)


async def read(forms: bool) -> tuple[DocumentAnalysed, MemoryBucket]:
    bucket = MemoryBucket()
    job = documents_stage(forms=forms, options=("forms=True",) if forms else ()).job
    assert job is not None
    assert job.otherwise is not None
    found = await job.otherwise.run(ready(), FakeServices(more=Reader()).services(ResultsStore(bucket)))
    assert isinstance(found, DocumentAnalysed)
    return found, bucket


async def test_a_form_lies_in_the_store_and_the_event_counts_it() -> None:
    found, bucket = await read(forms=True)
    assert (found.field_count, found.table_count) == (2, 0)
    assert found.form is not None
    [first, _] = msgspec.json.decode(bucket.objects[found.form.key])["fields"]
    assert (first["key"], first["value"]) == ("Name:", "Ada Example")


async def test_without_forms_there_is_nothing_of_them() -> None:
    found, bucket = await read(forms=False)
    assert (found.field_count, found.table_count, found.form) == (None, None, None)
    assert sorted(name.rpartition("/")[2] for name in bucket.objects) == ["documents@1.answer.json", "documents@1.txt"]

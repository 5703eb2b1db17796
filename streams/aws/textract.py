"""`streams.services.Documents` over Amazon Textract.

Sources: Amazon Textract Developer Guide, "Detecting or analyzing text in a multipage document", "Form data
(key-value pairs)", "Tables" and "Quotas".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.schemas.jobs import JOB_SPECS
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.error_codes import unreadable_answer
from headrace.streams.aws.job_status import result_pages
from headrace.streams.costs.prices import PriceList
from headrace.streams.limits.input_check import check_media
from headrace.streams.media.media_input import MediaInput
from headrace.streams.service_results import DocumentFeature, DocumentText, Field, Form, Table
from headrace.streams.settings import StreamSettings

MAX_PAGES = 3_000
"""Pages of a document, the limit of Textract."""
MAX_CELLS = 1_000_000
"""Cells of one table: far more than a page has, and little memory."""

Block = dict[str, Any]
DocumentFeatures = Sequence[DocumentFeature]


class Textract:
    """Reads documents with Textract."""

    def __init__(self, aws: AwsClient, settings: StreamSettings, prices: PriceList) -> None:
        self._aws = aws
        self._settings = settings
        self._prices = prices

    async def detect(self, page: MediaInput, features: DocumentFeatures = ()) -> DocumentText:
        """Read an image of one page synchronously.

        Raises:
            PermanentError: `unsupported_input`: Textract does not accept the image.
        """
        method = "analyze_document" if features else "detect_document_text"
        operation = "AnalyzeDocument" if features else "DetectDocumentText"
        check_media("textract", operation, page)
        parameters: dict[str, Any] = {"FeatureTypes": list(features)} if features else {}
        answer = await self._aws.call("textract", method, Document={"S3Object": page.s3_object}, **parameters)
        pages = _Pages(_page_count(answer, 0), answer["Blocks"])
        return self._document_text(pages, operation, features)

    async def start(self, document: MediaInput, token: str, features: DocumentFeatures = ()) -> str:
        """Start a job with an idempotency key and return its id; the same key returns the same job.

        Raises:
            PermanentError: `unsupported_input`: Textract does not accept the document.
        """
        check_media("textract", _job_operation(features), document)
        method = "start_document_analysis" if features else "start_document_text_detection"
        parameters: dict[str, Any] = {"FeatureTypes": list(features)} if features else {}
        answer = await self._aws.call(
            "textract",
            method,
            DocumentLocation={"S3Object": document.s3_object},
            ClientRequestToken=token,
            JobTag=token,
            NotificationChannel=self._settings.job_channel,
            **parameters,
        )
        job_id: str = answer["JobId"]
        return job_id

    async def get_result(self, job_id: str, features: DocumentFeatures = ()) -> DocumentText:
        """Return the text of a job that was started with these features; of the pages that it read, if some failed.

        Raises:
            StageError: The job has no result: `streams.aws.job_status.result_pages`.
        """
        operation = _job_operation(features)
        spec = JOB_SPECS["textract", operation]
        blocks: list[Block] = []
        warnings: list[dict[str, Any]] = []
        count = 0
        page: dict[str, Any] = {}
        async for page in result_pages(self._aws, spec, job_id):
            blocks += page.get("Blocks", [])
            warnings += page.get("Warnings") or []
            count = _page_count(page, count)
        missing = _missing_pages(page["JobStatus"], count, blocks, warnings)
        return self._document_text(_Pages(count, blocks, missing), operation, features)

    def _document_text(self, pages: _Pages, operation: str, features: DocumentFeatures) -> DocumentText:
        """Join the lines of a document, with an empty line between pages. Only pages that were read are charged."""
        lines: dict[int, list[str]] = {}
        for block in pages.blocks:
            if block["BlockType"] == "LINE":
                lines.setdefault(block.get("Page", 1), []).append(block["Text"])
        response: dict[str, Any] = {"Pages": pages.count, "Blocks": pages.blocks}
        if pages.missing:
            response["MissingPages"] = pages.missing
        names = [f"{operation} {feature}" for feature in features] or [operation]
        units = pages.count - len(pages.missing)
        return DocumentText(
            count=pages.count,
            text="\n\n".join("\n".join(lines[page]) for page in sorted(lines)),
            answer=json.dumps(response, separators=(",", ":")).encode(),
            charges=tuple(self._prices.charge("textract", name, units) for name in names),
            form=parse_form(pages.blocks) if features else None,
            missing=pages.missing,
        )


@dataclass(frozen=True, slots=True)
class _Pages:
    """The number of pages of a document, the blocks of those that were read, and the numbers of the others."""

    count: int
    blocks: list[Block]
    missing: tuple[int, ...] = ()


def _page_count(answer: Mapping[str, Any], default: int) -> int:
    """Return the number of pages of a document. Raises `StageError` for one that Textract does not have."""
    count: int = answer.get("DocumentMetadata", {}).get("Pages", default)
    if not 0 <= count <= MAX_PAGES:
        raise unreadable_answer(f"Textract: a document of {count} pages")
    return count


def _missing_pages(
    status: str, count: int, blocks: Sequence[Block], warnings: Sequence[Mapping[str, Any]]
) -> tuple[int, ...]:
    """Return the pages of a partial result that were not read: those of the warnings, else those without a block.

    Source: Amazon Textract API Reference, "GetDocumentTextDetection" and "Warning".
    """
    if status != "PARTIAL_SUCCESS":
        return ()
    warned = {page for warning in warnings for page in warning.get("Pages") or () if 1 <= page <= count}
    return tuple(sorted(warned or set(range(1, count + 1)) - {block.get("Page", 1) for block in blocks}))


def parse_form(blocks: Sequence[Block]) -> Form:
    """Build fields and tables from related blocks."""
    by_id = {block["Id"]: block for block in blocks}
    fields = tuple(_field(block, by_id) for block in blocks if "KEY" in block.get("EntityTypes", ()))
    tables = tuple(_table(block, by_id) for block in blocks if block["BlockType"] == "TABLE")
    return Form(fields, tables)


def _field(key: Block, by_id: Mapping[str, Block]) -> Field:
    value = " ".join(_words(each, by_id) for each in _related(key, "VALUE", by_id))
    return Field(key.get("Page", 1), _words(key, by_id), value, key["Confidence"])


def _table(table: Block, by_id: Mapping[str, Block]) -> Table:
    """Build a table of rows; a cell that spans several cells is in the first one."""
    cells = {
        (cell["RowIndex"], cell["ColumnIndex"]): _words(cell, by_id)
        for cell in _related(table, "CHILD", by_id)
        if cell["BlockType"] == "CELL"
    }
    high, wide = max((row for row, _ in cells), default=0), max((column for _, column in cells), default=0)
    if high * wide > MAX_CELLS:
        raise unreadable_answer(f"Textract: a table of {high} rows and {wide} columns")
    rows = tuple(tuple(cells.get((row, column), "") for column in range(1, wide + 1)) for row in range(1, high + 1))
    return Table(table.get("Page", 1), rows)


def _words(block: Block, by_id: Mapping[str, Block]) -> str:
    """Return the text of a block; a selected checkbox is an X."""
    words = []
    for child in _related(block, "CHILD", by_id):
        if child["BlockType"] == "WORD":
            words.append(child["Text"])
        elif child.get("SelectionStatus") == "SELECTED":
            words.append("X")
    return " ".join(words)


def _related(block: Block, kind: str, by_id: Mapping[str, Block]) -> Iterator[Block]:
    for relation in block.get("Relationships", ()):
        if relation["Type"] == kind:
            yield from (by_id[id_] for id_ in relation["Ids"] if id_ in by_id)


def _job_operation(features: DocumentFeatures) -> str:
    return "StartDocumentAnalysis" if features else "StartDocumentTextDetection"

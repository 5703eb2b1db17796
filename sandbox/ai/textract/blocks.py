"""Build the blocks of a Textract response.

Form fields are lines such as `Name: Ada`. Tables are consecutive lines with equally many cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from headrace.sandbox.ai.framework.service import Params
from headrace.sandbox.ai.textract.documents import DecodedDocument, DocumentLine

LEAST_ROWS = 2
LEAST_COLUMNS = 2


def blocks(found: DecodedDocument, features: Sequence[str] = ()) -> list[Params]:
    """Return the blocks of pages, lines and words, and of the features `FORMS` and `TABLES`."""
    result: list[Params] = []
    for number, lines in enumerate(found.pages, 1):
        page = _Page(number)
        for at, line in enumerate(lines):
            page.line(line, at)
        if "TABLES" in features:
            page.tables(lines)
        if "FORMS" in features:
            page.fields(lines)
        result += page.blocks()
    return result


class _Page:
    """Builds the blocks of one page."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._made: list[Params] = []
        self._held: list[str] = []

    def blocks(self) -> list[Params]:
        page: Params = {"BlockType": "PAGE", "Id": f"page-{self._number}", "Page": self._number}
        page["Geometry"] = _place(0.0, 1.0)
        return [page | _holds("CHILD", self._held), *self._made]

    def line(self, line: DocumentLine, at: int) -> None:
        line_ = self._block("LINE", f"line-{self._number}-{at}", line.top, Text=line.text)
        self._held.append(line_["Id"])
        line_ |= _holds("CHILD", self._words(line.text, f"{self._number}-{at}", line.top))

    def fields(self, lines: Iterable[DocumentLine]) -> None:
        for at, line in enumerate(lines):
            key, colon, value = line.text.partition(": ")
            if not colon:
                continue
            id_ = f"{self._number}-{at}"
            key_block = self._block("KEY_VALUE_SET", f"key-{id_}", line.top, EntityTypes=["KEY"])
            filled = self._block("KEY_VALUE_SET", f"value-{id_}", line.top, EntityTypes=["VALUE"])
            filled |= _holds("CHILD", self._words(value, f"v-{id_}", line.top))
            own = _holds("CHILD", self._words(f"{key}:", f"k-{id_}", line.top)).get("Relationships", [])
            key_block["Relationships"] = [{"Type": "VALUE", "Ids": [filled["Id"]]}, *own]
            self._held += [key_block["Id"], filled["Id"]]

    def tables(self, lines: Iterable[DocumentLine]) -> None:
        for at, rows in enumerate(_tables(lines)):
            table = self._block("TABLE", f"table-{self._number}-{at}", rows[0].top)
            self._held.append(table["Id"])
            table |= _holds("CHILD", list(self._cells(rows, f"{self._number}-{at}")))

    def _cells(self, rows: Sequence[DocumentLine], table: str) -> Iterator[str]:
        for row, line in enumerate(rows, 1):
            for column, text in enumerate(line.cells, 1):
                id_ = f"{table}-{row}-{column}"
                spans = {"RowIndex": row, "ColumnIndex": column, "RowSpan": 1, "ColumnSpan": 1}
                cell = self._block("CELL", f"cell-{id_}", line.top, **spans)
                cell |= _holds("CHILD", self._words(text, f"c-{id_}", line.top))
                yield cell["Id"]

    def _words(self, text: str, id_: str, top: float) -> list[str]:
        return [self._block("WORD", f"word-{id_}-{n}", top, Text=word)["Id"] for n, word in enumerate(text.split())]

    def _block(self, kind: str, id_: str, top: float, **more: object) -> Params:
        block: Params = {"BlockType": kind, "Id": id_, "Confidence": 99.0, "Page": self._number}
        block |= {"Geometry": _place(top, 0.02), **more}
        self._made.append(block)
        return block


def _tables(lines: Iterable[DocumentLine]) -> Iterator[list[DocumentLine]]:
    for columns, group in groupby(lines, key=lambda line: len(line.cells)):
        rows = list(group)
        if columns >= LEAST_COLUMNS and len(rows) >= LEAST_ROWS:
            yield rows


def _holds(kind: str, ids: Sequence[str]) -> Params:
    return {"Relationships": [{"Type": kind, "Ids": list(ids)}]} if ids else {}


def _place(top: float, height: float) -> Params:
    return {"BoundingBox": {"Left": 0.0, "Top": top, "Width": 1.0, "Height": height}}

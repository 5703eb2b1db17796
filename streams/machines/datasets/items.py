"""Items from CSV, JSON and JSON Lines.

Source: Step Functions Developer Guide, "ItemReader (Map)". The `ReaderConfig` of a state is `config` here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from headrace.streams.machines.errors import ITEM_READER_FAILED, StatesError
from headrace.streams.machines.json_types import Json

DELIMITERS: Final[Mapping[str, str]] = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def items_of(content: bytes, config: Mapping[str, Json], max_items: int | None = None) -> list[Json] | dict[str, Json]:
    """Return the items of a file, at most `max_items`. A JSON object is returned as it is: its members are the items.

    Raises:
        StatesError: The content is not of the type that the configuration names.
    """
    kind = config.get("InputType", "JSON")
    text = _decoded(content)
    if kind == "CSV":
        return list(islice(_csv_items(text, config), max_items))
    if kind == "JSONL":
        return list(islice(_json_lines(text), max_items))
    if kind == "JSON":
        return _json_items(text, config, max_items)
    raise _failed(f"InputType {kind} is not supported.")


def manifest_keys(content: bytes) -> tuple[str, list[str], list[str]]:
    """Return the bucket, the keys of the data files and the names of the columns of an S3 inventory manifest.

    Raises:
        StatesError: The content is not the manifest of an inventory in CSV.
    """
    manifest = _json(_decoded(content))
    try:
        bucket = manifest["destinationBucket"].removeprefix("arn:aws:s3:::")
        keys = [file["key"] for file in manifest["files"]]
        columns = [column.strip() for column in manifest["fileSchema"].split(",")]
        is_csv = manifest["fileFormat"] == "CSV"
    except (TypeError, KeyError, AttributeError) as error:
        raise _failed("The manifest is not that of an S3 inventory.") from error
    if not is_csv or not all(isinstance(key, str) for key in keys):
        raise _failed("The inventory of the manifest is not in CSV.")
    return bucket, keys, columns


def _csv_items(text: str, config: Mapping[str, Json]) -> Iterator[dict[str, str]]:
    """Yield an object for each row. Values that a row lacks are empty; those without a header are left out."""
    delimiter = DELIMITERS.get(config.get("CSVDelimiter", "COMMA"))
    if delimiter is None:
        raise _failed(f"CSVDelimiter {config.get('CSVDelimiter')} is not supported.")
    rows = _rows(text, delimiter)
    headers = config.get("CSVHeaders") if config.get("CSVHeaderLocation") == "GIVEN" else next(rows, None)
    if not isinstance(headers, Sequence) or not headers:
        raise _failed("CSV headers cannot be empty.")
    if len(set(headers)) < len(headers):
        raise _failed("CSV headers cannot contain duplicates.")
    for row in rows:
        if row:
            values = [*row, *([""] * (len(headers) - len(row)))]
            yield dict(zip(headers, values, strict=False))


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _failed(f"Line {reader.line_num} of the CSV is invalid: {error}.") from error
        yield row


def _json_lines(text: str) -> Iterator[Json]:
    lines = (line for line in text.split("\n") if line.strip())
    return (_json(line) for line in lines)


def _json_items(text: str, config: Mapping[str, Json], max_items: int | None) -> list[Json] | dict[str, Json]:
    value = _json(text)
    for name in _pointer(config.get("ItemsPointer", "")):
        value = _member(value, name)
    if isinstance(value, list):
        return value[:max_items]
    if isinstance(value, dict):
        return dict(islice(value.items(), max_items))
    raise _failed("Attempting to map over non-iterable node.")


def _pointer(pointer: str) -> list[str]:
    """Return the names of a JSON pointer (RFC 6901)."""
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise _failed(f"ItemsPointer {pointer} is not a JSON pointer.")
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer[1:].split("/")]


def _member(value: Json, name: str) -> Json:
    if isinstance(value, dict) and name in value:
        return value[name]
    is_index = isinstance(value, list) and name.isascii() and name.isdecimal() and len(name) < 10
    if is_index and int(name) < len(value):
        return value[int(name)]
    raise _failed(f"ItemsPointer finds no '{name}' in the dataset.")


def _json(text: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _failed(f"The dataset is not JSON: {error}.") from error


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _failed("The dataset is not UTF-8.") from error


def _failed(cause: str) -> StatesError:
    return StatesError(ITEM_READER_FAILED, cause)

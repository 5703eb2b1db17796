"""Items of datasets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.streams.machines.datasets.items import items_of, manifest_keys
from headrace.streams.machines.errors import ITEM_READER_FAILED, StatesError

FIRST_ROW = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}


@pytest.mark.parametrize(
    ("content", "config", "expected"),
    [
        (b"a,b\n1,2\n3,4\n", FIRST_ROW, [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n", FIRST_ROW, [{"a": "1", "b": "2"}]),
        (b'a,b\n"x,\n""y""",2', FIRST_ROW, [{"a": 'x,\n"y"', "b": "2"}]),
        (b"a,b\n1\n1,2,3", FIRST_ROW, [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]),
        (b"a|b\n1,5|2", FIRST_ROW | {"CSVDelimiter": "PIPE"}, [{"a": "1,5", "b": "2"}]),
        (b"1\t2", {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"], "CSVDelimiter": "TAB"},
         [{"x": "1", "y": "2"}]),
        (b"a", FIRST_ROW, []),
        (b"[1, {}]", {"InputType": "JSON"}, [1, {}]),
        (b'{"k": 1, "l": 2}', {}, {"k": 1, "l": 2}),
        (b'{"a/b": [{"c": [7]}]}', {"ItemsPointer": "/a~1b/0/c"}, [7]),
        (b'{"a": 1}\n\n[2]\n', {"InputType": "JSONL"}, [{"a": 1}, [2]]),
    ],
)  # fmt: skip
def test_items(content: bytes, config: dict[str, Any], expected: Any) -> None:
    assert items_of(content, config) == expected


@pytest.mark.parametrize(
    ("content", "config", "cause"),
    [
        (b"a,a\n1,2", FIRST_ROW, "CSV headers cannot contain duplicates."),
        (b"", FIRST_ROW, "CSV headers cannot be empty."),
        (b'a\n"' + b"x" * 200_000 + b'"', FIRST_ROW, "Line 2 of the CSV is invalid"),
        (b"a", FIRST_ROW | {"CSVDelimiter": "x"}, "CSVDelimiter x is not supported."),
        (b"5", {}, "Attempting to map over non-iterable node."),
        (b"{", {}, "The dataset is not JSON"),
        (b"[" * 100_000, {}, "The dataset is not JSON"),
        (b"{}\n{", {"InputType": "JSONL"}, "The dataset is not JSON"),
        (b"\xff", {}, "The dataset is not UTF-8."),
        (b"{}", {"ItemsPointer": "/x"}, "ItemsPointer finds no 'x'"),
        (b"[1]", {"ItemsPointer": "/9"}, "ItemsPointer finds no '9'"),
        (b"{}", {"ItemsPointer": "x"}, "is not a JSON pointer"),
        (b"", {"InputType": "PARQUET"}, "InputType PARQUET is not supported."),
    ],
)
def test_invalid_dataset_fails_the_reader(content: bytes, config: dict[str, Any], cause: str) -> None:
    with pytest.raises(StatesError) as error:
        items_of(content, config)
    assert error.value.error == ITEM_READER_FAILED
    assert cause in error.value.cause


@pytest.mark.parametrize(
    ("content", "config", "size"),
    [
        (b"a\n1\n2\n3", FIRST_ROW, 2),
        (b"[1,2,3]", {}, 2),
        (b'{"a":1,"b":2,"c":3}', {}, 2),
        (b"1\n2\n{", {"InputType": "JSONL"}, 2),
    ],
)
def test_at_most_max_items_are_read(content: bytes, config: dict[str, Any], size: int) -> None:
    assert len(items_of(content, config, size)) == size


def test_manifest_of_an_inventory() -> None:
    manifest = {
        "destinationBucket": "arn:aws:s3:::inventory",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "data/1.csv.gz", "size": 5}, {"key": "data/2.csv.gz", "size": 6}],
    }
    expected = ("inventory", ["data/1.csv.gz", "data/2.csv.gz"], ["Bucket", "Key", "Size"])
    assert manifest_keys(json.dumps(manifest).encode()) == expected
    broken: list[Any] = [{}, [], 5, manifest | {"files": 5}, manifest | {"fileFormat": "ORC"}]
    for value in [*broken, manifest | {"files": [{"key": 5}]}, manifest | {"fileSchema": None}]:
        with pytest.raises(StatesError):
            manifest_keys(json.dumps(value).encode())

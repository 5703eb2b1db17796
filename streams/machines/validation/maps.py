"""Checks of Map states: processor, reader, batcher and writer."""

from __future__ import annotations

import re

from headrace.streams.machines.validation.expressions import (
    input_reference_path,
    object_payload,
    or_expression,
    payload,
)
from headrace.streams.machines.validation.node import FieldRule, Node, NodeCheck, ObjectFields
from headrace.streams.machines.validation.values import (
    array_of,
    integer_from,
    number_from,
    one_of,
    text,
)

MAX_ITEMS = 100_000_000
MAX_BATCH_BYTES = 262_144
MAX_LABEL = 40
DISTRIBUTED_FIELDS = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")

_READERS = ("arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2")
_WRITERS = ("arn:aws:states:::s3:putObject",)
_INVALID_IN_LABEL = re.compile(r"[\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]")


def number_field(name: str, check: NodeCheck) -> dict[str, FieldRule]:
    """Return a number field and its form with a path."""
    return {name: FieldRule(or_expression(check)), f"{name}Path": FieldRule(input_reference_path, "JSONPath")}


def _resource(*values: str) -> NodeCheck:
    def check(node: Node) -> None:
        if not isinstance(node.value, str):
            node.error("Expected value of type String")
        elif re.sub(r"^arn:[a-z0-9-]+:", "arn:aws:", node.value) not in values:
            examples = ", ".join(values)
            node.error(f"The field 'Resource' does not match any of the allowed values. Examples: [{examples}]")

    return check


PROCESSOR_CONFIG = ObjectFields(
    {"Mode": FieldRule(one_of("INLINE", "DISTRIBUTED")), "ExecutionType": FieldRule(one_of("STANDARD", "EXPRESS"))}
)
_READER = ObjectFields(
    {
        "Resource": FieldRule(_resource(*_READERS), required=True),
        "Parameters": FieldRule(object_payload, "JSONPath"),
        "Arguments": FieldRule(object_payload, "JSONata"),
        "ReaderConfig": FieldRule(
            ObjectFields(
                {
                    "InputType": FieldRule(one_of("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")),
                    "CSVHeaderLocation": FieldRule(one_of("FIRST_ROW", "GIVEN")),
                    "CSVHeaders": FieldRule(array_of(text, may_be_empty=False)),
                    "CSVDelimiter": FieldRule(one_of("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")),
                    "ManifestType": FieldRule(one_of("ATHENA_DATA", "S3_INVENTORY")),
                    "ItemsPointer": FieldRule(text),
                    "Transformation": FieldRule(one_of("NONE", "LOAD_AND_FLATTEN")),
                    **number_field("MaxItems", integer_from(0, MAX_ITEMS)),
                },
                exclusive=(("MaxItems", "MaxItemsPath"),),
            )
        ),
    }
)
_WRITER = ObjectFields(
    {
        "Resource": FieldRule(_resource(*_WRITERS)),
        "Parameters": FieldRule(object_payload, "JSONPath"),
        "Arguments": FieldRule(object_payload, "JSONata"),
        "WriterConfig": FieldRule(
            ObjectFields(
                {
                    "OutputType": FieldRule(one_of("JSON", "JSONL")),
                    "Transformation": FieldRule(one_of("NONE", "COMPACT", "FLATTEN")),
                }
            )
        ),
    }
)
_BATCHER = ObjectFields(
    {
        "BatchInput": FieldRule(object_payload),
        **number_field("MaxItemsPerBatch", integer_from(0, MAX_ITEMS)),
        **number_field("MaxInputBytesPerBatch", integer_from(0, MAX_BATCH_BYTES)),
    },
    exclusive=(
        ("MaxItemsPerBatch", "MaxItemsPerBatchPath"),
        ("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"),
    ),
)


_CSV_FIELDS = ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter")
_NOT_WITH: dict[str, tuple[str, ...]] = {
    "JSON": (*_CSV_FIELDS, "ManifestType"),
    "JSONL": _CSV_FIELDS,
    "PARQUET": _CSV_FIELDS,
}
"""The fields that a type of input does not have."""


def reader(node: Node) -> None:
    """Check ItemReader."""
    _READER(node)
    config = node.value.get("ReaderConfig") if isinstance(node.value, dict) else None
    if not isinstance(config, dict):
        return
    place, input_type, location = node.child("ReaderConfig"), config.get("InputType"), config.get("CSVHeaderLocation")
    if input_type is None and config.get("Transformation") == "LOAD_AND_FLATTEN":
        place.error("The field 'InputType' is required")
    if input_type == "CSV" and location is None:
        place.error("The field 'CSVHeaderLocation' is required")
    unsupported = set(_NOT_WITH.get(input_type, ())) if isinstance(input_type, str) else set()
    if location == "GIVEN" and "CSVHeaders" not in config | dict.fromkeys(unsupported):
        place.error("These fields are required: [CSVHeaders]")
    if location == "FIRST_ROW":
        unsupported.add("CSVHeaders")
    for name in config:
        if name in unsupported:
            place.error(f"Field '{name}' is not supported")
    _check_pointer(place, config.get("ItemsPointer"))


def _check_pointer(config: Node, pointer: object) -> None:
    if isinstance(pointer, str) and pointer and not pointer.startswith("/"):
        quoted = f'"{pointer}"'
        config.child("ItemsPointer").error(f"Invalid input: JSON Pointer expression must start with '/': {quoted}")


def writer(node: Node) -> None:
    """Check ResultWriter: where results go, their form, or both."""
    _WRITER(node)
    if isinstance(node.value, dict) and not node.value.keys() & {"Resource", "WriterConfig"}:
        node.error("One of the following fields is required: [Resource, WriterConfig]")


def batcher(node: Node) -> None:
    """Check ItemBatcher: at least one limit."""
    _BATCHER(node)
    limits = [name for name in _BATCHER.fields if name != "BatchInput"]
    if isinstance(node.value, dict) and not any(name in node.value for name in limits):
        node.error("One of the following fields is required: [MaxItemsPerBatch, MaxInputBytesPerBatch]")


def label(node: Node) -> None:
    """Check Label: it becomes part of the name of the Map Run."""
    if not isinstance(node.value, str):
        node.error("Expected value of type String")
    elif not 1 <= len(node.value) <= MAX_LABEL or _INVALID_IN_LABEL.search(node.value):
        node.error(
            f"Label must have 1 to {MAX_LABEL} characters without spaces, wildcards and brackets", "INVALID_LABEL_NAME"
        )


def items(node: Node) -> None:
    """Check Items: an array or an object, or an expression."""
    if isinstance(node.value, list | dict):
        payload(node)
    else:
        or_expression(_not_items)(node)


def _not_items(node: Node) -> None:
    node.error("Expected value of type Array")


NUMBERS: dict[str, NodeCheck] = {
    "MaxConcurrency": integer_from(0),
    "ToleratedFailureCount": integer_from(0),
    "ToleratedFailurePercentage": number_from(0.0, 100.0),
}
MAP_NUMBERS = {name: field for number, check in NUMBERS.items() for name, field in number_field(number, check).items()}


def is_distributed(node: Node) -> bool:
    """Return whether a Map runs child executions."""
    processor = node.value.get("ItemProcessor", node.value.get("Iterator"))
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    return isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED"


def check_mode(node: Node) -> None:
    """Check the fields that depend on the mode, and the deprecated names."""
    name = "ItemProcessor" if "ItemProcessor" in node.value else "Iterator"
    processor = node.value.get(name)
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    distributed = is_distributed(node)
    if isinstance(processor, dict) and isinstance(config, dict):
        place = node.child(name).child("ProcessorConfig")
        if distributed and "ExecutionType" not in config:
            place.error("These fields are required: [ExecutionType]")
        if not distributed and "ExecutionType" in config:
            place.error("Field 'ExecutionType' is not supported")
    if not distributed:
        for field in DISTRIBUTED_FIELDS:
            if field in node.value:
                node.error(f"Field '{field}' is not supported for the mode 'INLINE'")

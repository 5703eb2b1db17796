"""Compile a Map state."""

from __future__ import annotations

from collections.abc import Callable

from headrace.streams.machines.definition.fields import DefinitionFields
from headrace.streams.machines.definition.model import ItemBatcher, ItemReader, MapRunSettings, MapState, ResultWriter
from headrace.streams.machines.definition.recovery import catchers_of, retriers_of
from headrace.streams.machines.definition.values import Constant, DataFields, DynamicValue

UNLIMITED = Constant("MaxConcurrency", 0)


def map_state(
    name: str,
    following: str | None,
    data: DataFields,
    state: DefinitionFields,
    add_flow: Callable[[DefinitionFields], int],
) -> MapState:
    """Return the compiled state. `add_flow` compiles the processor later and returns its index.

    Raises:
        DefinitionError: A field is invalid.
    """
    processor = state.optional_object("ItemProcessor") or state.optional_object("Iterator")
    if processor is None:
        raise state.error("ItemProcessor", "required")
    legacy_selector = None if state.has("ItemSelector") or state.is_jsonata else state.payload("Parameters")
    return MapState(
        name=name,
        next=following,
        data=data,
        processor=add_flow(processor),
        items=_items(state),
        item_selector=state.payload("ItemSelector") or legacy_selector,
        max_concurrency=state.value("MaxConcurrency") or UNLIMITED,
        tolerated_count=state.value("ToleratedFailureCount"),
        tolerated_percentage=state.value("ToleratedFailurePercentage"),
        map_run=_map_run(state, processor),
        retriers=retriers_of(state),
        catchers=catchers_of(state),
    )


def _items(state: DefinitionFields) -> DynamicValue | None:
    """Return the items of a JSONata state, or the path of a JSONPath state."""
    if not state.is_jsonata:
        return state.value("Items")
    return state.payload("Items")


def _map_run(state: DefinitionFields, processor: DefinitionFields) -> MapRunSettings | None:
    config = processor.optional_object("ProcessorConfig")
    if config is None or config.optional_text("Mode") != "DISTRIBUTED":
        return None
    return MapRunSettings(
        execution_type=config.optional_text("ExecutionType") or "STANDARD",
        label=state.optional_text("Label"),
        reader=_reader(state),
        batcher=_batcher(state),
        writer=_writer(state),
    )


def _reader(state: DefinitionFields) -> ItemReader | None:
    reader = state.optional_object("ItemReader")
    if reader is None:
        return None
    config = reader.optional_object("ReaderConfig")
    return ItemReader(
        resource=reader.text("Resource"),
        parameters=_parameters(reader, "ItemReader"),
        config={} if config is None else config.raw,
        max_items=None if config is None else config.value("MaxItems", "ItemReader/ReaderConfig/"),
    )


def _batcher(state: DefinitionFields) -> ItemBatcher | None:
    batcher = state.optional_object("ItemBatcher")
    if batcher is None:
        return None
    return ItemBatcher(
        batch_input=batcher.payload("BatchInput", "ItemBatcher/"),
        max_items=batcher.value("MaxItemsPerBatch", "ItemBatcher/"),
        max_bytes=batcher.value("MaxInputBytesPerBatch", "ItemBatcher/"),
    )


def _writer(state: DefinitionFields) -> ResultWriter | None:
    writer = state.optional_object("ResultWriter")
    if writer is None:
        return None
    return ResultWriter(
        resource=writer.optional_text("Resource"),
        parameters=_parameters(writer, "ResultWriter"),
        config=writer.mapping("WriterConfig"),
    )


def _parameters(fields: DefinitionFields, name: str) -> DynamicValue | None:
    return fields.payload("Arguments" if fields.is_jsonata else "Parameters", f"{name}/")

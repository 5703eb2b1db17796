"""Read the items of a distributed Map from S3, and write its results to S3."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.streams.executions.tasks.ports import ServiceCalls, TaskError
from headrace.streams.machines.datasets.items import items_of, manifest_keys
from headrace.streams.machines.errors import ITEM_READER_FAILED, RESULT_WRITER_FAILED, StatesError
from headrace.streams.machines.execution.commands import ReadItems, WriteResults
from headrace.streams.machines.execution.resources import parse_resource
from headrace.streams.machines.execution.snapshot import json_bytes
from headrace.streams.machines.json_types import Json

PAGE = 1_000


class DatasetTasks:
    """Reads and writes datasets through S3."""

    def __init__(self, calls: ServiceCalls) -> None:
        self._calls = calls

    async def read(self, command: ReadItems, token: str) -> Json:
        """Return the items.

        Raises:
            TaskError: The dataset cannot be read.
            StageError: S3 throttles or is unavailable.
        """
        try:
            if parse_resource(command.resource).api.startswith("listObjects"):
                return await self._listed(command, token)
            bucket, key = _place(command.parameters, "Key", ITEM_READER_FAILED)
            content = await self._calls.get_object(bucket, key)
            if command.config.get("InputType") == "MANIFEST":
                return await self._from_manifest(content, command)
            return items_of(content, command.config, command.max_items)
        except StatesError as error:
            raise TaskError(error.error, error.cause) from error
        except TaskError as error:
            raise TaskError(ITEM_READER_FAILED, error.cause) from error

    async def _listed(self, command: ReadItems, token: str) -> list[Json]:
        parameters = dict(command.parameters) if isinstance(command.parameters, dict) else {}
        items: list[Json] = []
        most = command.max_items
        while most is None or len(items) < most:
            page = await self._calls.call("s3", "listObjectsV2", parameters, token)
            items.extend(page.get("Contents", []))
            if not page.get("IsTruncated"):
                break
            parameters["ContinuationToken"] = page["NextContinuationToken"]
        return items[:most]

    async def _from_manifest(self, manifest: bytes, command: ReadItems) -> list[Json]:
        bucket, keys, columns = manifest_keys(manifest)
        config: Mapping[str, Json] = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": columns}
        items: list[Json] = []
        for key in keys:
            left = None if command.max_items is None else command.max_items - len(items)
            if left is not None and left <= 0:
                break
            found = items_of(await self._calls.get_object(bucket, key), config, left)
            items.extend(found if isinstance(found, list) else [])
        return items

    async def write(self, command: WriteResults) -> Json:
        """Write the results by status, and a manifest; return its place.

        Raises:
            TaskError: The results cannot be written.
            StageError: S3 throttles or is unavailable.
        """
        bucket, prefix = _place({"Prefix": "", **command.parameters}, "Prefix", RESULT_WRITER_FAILED)
        run = command.map_run_arn.rpartition(":")[2]
        folder = f"{prefix.rstrip('/')}/{run}/" if prefix else f"{run}/"
        files: dict[str, list[Json]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
        try:
            for status in ("FAILED", "SUCCEEDED"):
                rows = [row for row in command.results if row["Status"] == status]
                if rows:
                    key, content = f"{folder}{status}_0.json", json_bytes(rows)
                    await self._calls.put_object(bucket, key, content)
                    files[status].append({"Key": key, "Size": len(content)})
            manifest = {"DestinationBucket": bucket, "MapRunArn": command.map_run_arn, "ResultFiles": files}
            await self._calls.put_object(bucket, f"{folder}manifest.json", json_bytes(manifest))
        except TaskError as error:
            raise TaskError(RESULT_WRITER_FAILED, error.cause) from error
        return {"Bucket": bucket, "Key": f"{folder}manifest.json"}


def _place(parameters: Json, name: str, error: str) -> tuple[str, str]:
    """Return the bucket and the key or prefix of a dataset."""
    bucket = parameters.get("Bucket") if isinstance(parameters, dict) else None
    key = parameters.get(name) if isinstance(parameters, dict) else None
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise TaskError(error, f"Bucket and {name} must be strings.")
    return bucket, key

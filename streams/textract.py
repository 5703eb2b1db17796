"""`streams.services.Documents` over Amazon Textract.

Source: Amazon Textract Developer Guide, "Detecting or analyzing text in a multipage document" and "Quotas".
"""

from __future__ import annotations

import json
from typing import Any

from schemas.records import Asset
from streams.answers import Pages
from streams.aws import Aws
from streams.prices import charge
from streams.settings import StreamSettings


class Textract:
    """Reads documents, through Textract."""

    def __init__(self, aws: Aws, settings: StreamSettings) -> None:
        self._aws = aws
        self._settings = settings

    async def look(self, asset: Asset) -> Pages:
        """Read an image of one page and wait for the answer."""
        answer = await self._aws.call("textract", "detect_document_text", Document={"S3Object": _location(asset)})
        answer.pop("ResponseMetadata", None)
        return _pages(answer["DocumentMetadata"]["Pages"], answer["Blocks"], "DetectDocumentText")

    async def start(self, asset: Asset, token: str) -> str:
        """Submit a document under an idempotency key and give the job id; the same key gives the same job."""
        answer = await self._aws.call(
            "textract",
            "start_document_text_detection",
            DocumentLocation={"S3Object": _location(asset)},
            ClientRequestToken=token,
            JobTag=token,
            NotificationChannel=self._settings.job_channel,
        )
        job_id: str = answer["JobId"]
        return job_id

    async def read(self, job_id: str) -> Pages:
        """Fetch every page of what a job read."""
        blocks: list[dict[str, Any]] = []
        count = 0
        more: dict[str, str] = {}
        while True:
            page = await self._aws.call(
                "textract", "get_document_text_detection", JobId=job_id, MaxResults=1000, **more
            )
            blocks += page.get("Blocks", [])
            count = page.get("DocumentMetadata", {}).get("Pages", count)
            if not page.get("NextToken"):
                return _pages(count, blocks, "StartDocumentTextDetection")
            more = {"NextToken": page["NextToken"]}


def _pages(count: int, blocks: list[dict[str, Any]], operation: str) -> Pages:
    """Put the lines together, a line each, an empty one between pages."""
    lines: dict[int, list[str]] = {}
    for block in blocks:
        if block["BlockType"] == "LINE":
            lines.setdefault(block.get("Page", 1), []).append(block["Text"])
    text = "\n\n".join("\n".join(lines[page]) for page in sorted(lines))
    answer = json.dumps({"Pages": count, "Blocks": blocks}, separators=(",", ":")).encode()
    return Pages(count, text, answer, (charge("textract", operation, count),))


def _location(asset: Asset) -> dict[str, str]:
    location = {"Bucket": asset.bucket, "Name": asset.key}
    return {**location, "Version": asset.version_id} if asset.version_id else location

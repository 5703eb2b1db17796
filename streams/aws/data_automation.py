"""`streams.insights.InsightExtractor` over Amazon Bedrock Data Automation.

The completion event does not have the client token, so the token is also a folder of the output location.
Sources: Amazon Bedrock API Reference, InvokeDataAutomationAsync and GetDataAutomationStatus; Amazon Bedrock User Guide,
"Using the Bedrock Data Automation API".
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from headrace.schemas.jobs import DATA_AUTOMATION, JOB_SPECS
from headrace.schemas.parsing import parse_struct
from headrace.schemas.records import Charge
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.job_status import result_of
from headrace.streams.aws.standard_output import StandardOutput, insights_of, read_output
from headrace.streams.costs.prices import PriceList
from headrace.streams.errors import PermanentError
from headrace.streams.insights import ExtractedInsights, InsightProject
from headrace.streams.limits.input_check import check_media
from headrace.streams.media.media_input import MediaInput
from headrace.streams.results import ResultsBucket
from headrace.streams.settings import StreamSettings

OUTPUT_PREFIX = "_insights/"
SPEC = JOB_SPECS[DATA_AUTOMATION, "InvokeDataAutomationAsync"]
DEFAULT_PROJECT = "public-default"


class _OutputSegment(Struct):
    standard_output_path: str | None = None


class _OutputAsset(Struct):
    segment_metadata: tuple[_OutputSegment, ...] | None = None


class _JobMetadata(Struct):
    output_metadata: tuple[_OutputAsset, ...] | None = None


class DataAutomation:
    """Extracts insights with Bedrock Data Automation. The output is written to the results bucket."""

    def __init__(self, aws: AwsClient, bucket: ResultsBucket, settings: StreamSettings, prices: PriceList) -> None:
        self._aws = aws
        self._bucket = bucket
        self._settings = settings
        self._prices = prices

    async def start(self, media: MediaInput, token: str, project: InsightProject) -> str:
        """Start a job and return the ARN of its invocation; the same token returns the same job.

        Raises:
            PermanentError: `unsupported_input`: the service does not accept the file.
        """
        check_media(DATA_AUTOMATION, SPEC.operation, media)
        response = await self._aws.call(
            DATA_AUTOMATION,
            "invoke_data_automation_async",
            clientToken=token,
            inputConfiguration={"s3Uri": f"s3://{media.bucket}/{media.key}"},
            outputConfiguration={"s3Uri": f"s3://{self._bucket.name}/{OUTPUT_PREFIX}{token}"},
            dataAutomationConfiguration={"dataAutomationProjectArn": _project(project), "stage": "LIVE"},
            dataAutomationProfileArn=project.profile,
            notificationConfiguration={"eventBridgeConfiguration": {"eventBridgeEnabled": True}},
        )
        invocation: str = response["invocationArn"]
        return invocation

    async def get_result(self, job_id: str, seconds: float) -> ExtractedInsights:
        """Return the insights of a job.

        Raises:
            StageError: The job has no result: `streams.aws.job_status.result_of`.
            PermanentError: `result_missing`: there is no output. `invalid_answer`: the output cannot be read.
        """
        response = await self._aws.call(DATA_AUTOMATION, SPEC.method, invocationArn=job_id)
        job = result_of(SPEC, job_id, response)
        metadata = await self._read(job["outputConfiguration"]["s3Uri"])
        try:
            paths = list(_paths(parse_struct(metadata, _JobMetadata, strict=False)))
            contents = [await self._read(path) for path in paths]
            outputs = [read_output(content) for content in contents]
            insights = insights_of(outputs, self._settings.min_confidence)
        except ValueError as error:
            raise PermanentError("invalid_answer", f"the output of {job_id}: {error}") from error
        return ExtractedInsights(insights, b"[" + b",".join(contents) + b"]", (self._charge(outputs, seconds),))

    def _charge(self, outputs: list[StandardOutput], seconds: float) -> Charge:
        """Return the charge for the pages, the image or the minutes that the service read."""
        modality = outputs[0].modality
        millis = outputs[0].metadata.duration_millis
        units = {
            "document": sum(each.page_count for each in outputs),
            "image": 1.0,
        }.get(modality, (seconds if millis is None else millis / 1000) / 60)
        return self._prices.charge(DATA_AUTOMATION, f"{SPEC.operation} {modality}", units)

    async def _read(self, uri: str) -> bytes:
        """Read a file of the output, which is in the results bucket."""
        content = await self._bucket.get(uri.removeprefix(self._folder)) if uri.startswith(self._folder) else None
        if content is None:
            raise PermanentError("result_missing", "the output of the job is missing from the results bucket")
        return content

    @property
    def _folder(self) -> str:
        return f"s3://{self._bucket.name}/"


def _project(given: InsightProject) -> str:
    """Return the ARN of the project; by default, that of AWS in the region of the profile."""
    if given.project:
        return given.project
    partition, _, region = given.profile.split(":")[1:4]
    return f"arn:{partition}:bedrock:{region}:aws:data-automation-project/{DEFAULT_PROJECT}"


def _paths(metadata: _JobMetadata) -> Iterator[str]:
    """Yield the locations of the standard outputs: one for each document of a file that was split."""
    found = [segment for asset in metadata.output_metadata or () for segment in asset.segment_metadata or ()]
    yield from (segment.standard_output_path for segment in found if segment.standard_output_path)

"""Run a job of Bedrock Data Automation: read the file, write the standard output, send the completion event."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace.sandbox.ai.automation.outputs import AutomationInput, Json, standard_output
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.job_events import JobEvent, emit_job_event
from headrace.sandbox.ai.framework.ledger import SUCCEEDED, LedgerJob
from headrace.sandbox.ai.transcribe.job import sidecar, split_asset

PUBLIC_PROJECT = ":aws:data-automation-project/public-default"
JSON = "application/json"
_INTERNAL = "InternalError"
_ENDS = {
    "Success": ("Bedrock Data Automation Job Succeeded", "SUCCESS"),
    "ClientError": ("Bedrock Data Automation Job Failed With Client Error", "CLIENT_ERROR"),
    "ServiceError": ("Bedrock Data Automation Job Failed With Service Error", "SERVICE_ERROR"),
}


def work(job: LedgerJob, cloud: AwsClients) -> Json:
    """Write the output of a job; return the kind of the file."""
    bucket, key = split_asset(job.asset)
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            cloud.fetch(bucket, key, folder / "file")
        except CloudRefusedError as error:
            raise UnprocessableMediaError("The input file is no longer there.") from error
        captions = sidecar(bucket, key, cloud, folder)
        output = standard_output(AutomationInput(folder / "file", bucket, key, captions, _has_project(job)))
    _write(job, output, cloud)
    return {"modality": output["metadata"]["semantic_modality"]}


def end_status(job: LedgerJob) -> str:
    """Return the status word of a job that has ended."""
    if job.status == SUCCEEDED:
        return "Success"
    return "ServiceError" if str(job.reason).startswith(_INTERNAL) else "ClientError"


def output_folder(job: LedgerJob) -> str:
    """Return the location of the output of a job. A slash at the end of the prefix is kept, as AWS does."""
    return f"{job.request['outputConfiguration']['s3Uri']}/{job.job_id}"


def announce(job: LedgerJob, cloud: AwsClients) -> None:
    """Send the event, if the request asks for it; a repeated event has the same id."""
    notification = job.request.get("notificationConfiguration", {}).get("eventBridgeConfiguration", {})
    if not notification.get("eventBridgeEnabled"):
        return
    detail_type, status = _ENDS[end_status(job)]
    bucket, key = split_asset(job.asset)
    output_bucket, prefix = split_asset(output_folder(job).removeprefix("s3://"))
    detail = {
        "job_id": job.job_id,
        "job_status": status,
        "semantic_modality": str((job.result or {}).get("modality", "")).capitalize(),
        "input_s3_object": {"s3_bucket": bucket, "name": key},
        "output_s3_location": {"s3_bucket": output_bucket, "name": f"{prefix}/0"},
        "error_message": job.reason or "",
    }
    emit_job_event(job, JobEvent("aws.bedrock", detail_type, detail), cloud)


def _has_project(job: LedgerJob) -> bool:
    given = job.request.get("dataAutomationConfiguration", {}).get("dataAutomationProjectArn", PUBLIC_PROJECT)
    return not str(given).endswith(PUBLIC_PROJECT)


def _write(job: LedgerJob, output: Json, cloud: AwsClients) -> None:
    folder = output_folder(job)
    result = f"{folder}/0/standard_output/0/result.json"
    segments = [{"standard_output_path": result, "custom_output_status": "NO_MATCH"}]
    metadata = {
        "job_id": job.job_id,
        "job_status": "PROCESSED",
        "semantic_modality": output["metadata"]["semantic_modality"],
        "output_metadata": [{"asset_id": 0, "segment_metadata": segments}],
    }
    try:
        for uri, content in ((result, output), (f"{folder}/job_metadata.json", metadata)):
            bucket, key = split_asset(uri.removeprefix("s3://"))
            cloud.write(bucket, key, json.dumps(content, ensure_ascii=False).encode(), JSON)
    except CloudRefusedError as error:
        raise UnprocessableMediaError("The output bucket does not exist or may not be written to.") from error

"""Amazon Bedrock Data Automation: standard output of a file, by job."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from headrace.sandbox import names
from headrace.sandbox.ai.automation import job as automation_job
from headrace.sandbox.ai.automation.outputs import OPERATION
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.job_runner import JobKind
from headrace.sandbox.ai.framework.ledger import FAILED, RUNNING, SUCCEEDED, JobSubject, LedgerJob, TooManyJobsError
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext
from headrace.sandbox.ai.transcribe.job import split_asset
from headrace.schemas.jobs import CONCURRENT_JOBS, DATA_AUTOMATION

TOKEN_SECONDS = 24 * 3600.0
"""How long a token stands for the same job. AWS does not document it."""
# Rejected: an output without them would not be what the caller asked for.
_NOT_SERVED = ("blueprints", "encryptionConfiguration")


def invoke_data_automation_async(params: Params, context: ServiceContext) -> Params:
    """Start a job for a file in S3, or return the job that its token started."""
    _check(params, context.cloud)
    asset = params["inputConfiguration"]["s3Uri"].removeprefix("s3://")
    try:
        context.cloud.size(*split_asset(asset))
    except CloudRefusedError as error:
        raise _invalid("The input object does not exist or may not be read.") from error
    job = LedgerJob(
        job_id=str(uuid4()),
        service=DATA_AUTOMATION,
        operation=OPERATION,
        asset=asset,
        token=params.get("clientToken"),
        request=params,
    )
    most = CONCURRENT_JOBS[DATA_AUTOMATION]
    try:
        begun, _ = context.jobs.start(job, context.clock() - TOKEN_SECONDS, most)
    except TooManyJobsError as error:
        raise ServiceError("ServiceQuotaExceededException", f"At most {most} jobs run at the same time.") from error
    if begun.request != params:
        raise _invalid("The client token was used with other parameters.")
    return {"invocationArn": _arn(begun, context.cloud)}


def get_data_automation_status(params: Params, context: ServiceContext) -> Params:
    """Return the state of a job and the location of its output."""
    job = context.ledger.job(DATA_AUTOMATION, params["invocationArn"].rpartition("/")[2])
    if job is None or _arn(job, context.cloud) != params["invocationArn"]:
        raise ServiceError("ResourceNotFoundException", "The invocation does not exist.")
    answer: Params = {"status": "InProgress", "jobSubmissionTime": datetime.fromtimestamp(job.started_at, UTC)}
    if job.status == RUNNING:
        return answer
    answer["status"] = automation_job.end_status(job)
    if job.finished_at is not None:
        answer["jobCompletionTime"] = datetime.fromtimestamp(job.finished_at, UTC)
        answer["jobDurationInSeconds"] = round(job.finished_at - job.started_at)
    if job.status == SUCCEEDED:
        answer["outputConfiguration"] = {"s3Uri": f"{automation_job.output_folder(job)}/job_metadata.json"}
    if job.status == FAILED:
        answer |= {"errorType": answer["status"], "errorMessage": job.reason}
    return answer


def _check(params: Params, cloud: AwsClients) -> None:
    for name in _NOT_SERVED:
        if name in params:
            raise _invalid(f"{name} is not supported by this endpoint.")
    if "assetProcessingConfiguration" in params["inputConfiguration"]:
        raise _invalid("assetProcessingConfiguration is not supported by this endpoint.")
    if not all(split_asset(params["inputConfiguration"]["s3Uri"].removeprefix("s3://"))):
        raise _invalid("The input is s3://bucket/key.")
    project = params.get("dataAutomationConfiguration", {}).get("dataAutomationProjectArn")
    for arn in filter(None, (params["dataAutomationProfileArn"], project)):
        if arn.split(":")[3:5] not in ([cloud.region, names.ACCOUNT], [cloud.region, "aws"]):
            raise _invalid(f"{arn} is not of this region and account.")


def _arn(job: LedgerJob, cloud: AwsClients) -> str:
    return f"arn:aws:bedrock:{cloud.region}:{names.ACCOUNT}:data-automation-invocation/{job.job_id}"


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _subject(params: Params, answer: Params) -> JobSubject:
    asset = params.get("inputConfiguration", {}).get("s3Uri", "").removeprefix("s3://")
    invocation = answer.get("invocationArn") or params.get("invocationArn") or ""
    return JobSubject(asset or None, params.get("clientToken"), invocation.rpartition("/")[2] or None)


SERVICE = Service(
    name=DATA_AUTOMATION,
    invalid="ValidationException",
    failure="InternalServerException",
    operations={
        "InvokeDataAutomationAsync": invoke_data_automation_async,
        "GetDataAutomationStatus": get_data_automation_status,
    },
    jobs={"InvokeDataAutomationAsync": JobKind(automation_job.work, automation_job.announce)},
    subject=_subject,
)

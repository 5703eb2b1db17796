"""Jobs on one object in S3 that announce their completion by SNS, as in Rekognition and Textract."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.ledger import LedgerJob, TooManyJobsError
from headrace.sandbox.ai.framework.service import Params, ServiceContext

LIFE_SECONDS = 7 * 24 * 3600
"""How long a token and a result are kept."""


@dataclass(frozen=True, slots=True)
class SnsJobs:
    """The jobs of one service. `source` is the request parameter that holds the `S3Object`."""

    service: str
    source: str
    max_running: int

    def start(self, operation: str, params: Params, context: ServiceContext) -> Params:
        """Start a job, or return the job that its token started. Raises `ServiceError`."""
        where = params[self.source]["S3Object"]
        job = LedgerJob(
            job_id=secrets.token_hex(32),
            service=self.service,
            operation=operation,
            asset=f"{where['Bucket']}/{where['Name']}",
            token=params.get("ClientRequestToken"),
            request=params,
        )
        try:
            begun, _ = context.jobs.start(job, context.clock() - LIFE_SECONDS, self.max_running)
        except TooManyJobsError as error:
            why = f"At most {self.max_running} jobs run at the same time."
            raise ServiceError("LimitExceededException", why) from error
        if begun.request != params:
            raise ServiceError("IdempotentParameterMismatchException", "The token was used with other parameters.")
        return {"JobId": begun.job_id}

    def find(self, operation: str, params: Params, context: ServiceContext) -> LedgerJob | None:
        """Return the requested job; None if the operation has no job with this id, or no longer."""
        job = context.ledger.job(self.service, params["JobId"])
        expired = job is None or job.started_at <= context.clock() - LIFE_SECONDS
        return None if expired or job is None or job.operation != operation else job

    def announce(self, job: LedgerJob, cloud: AwsClients) -> None:
        """Publish the completion to the job's topic, if it has one."""
        channel = job.request.get("NotificationChannel")
        if channel is None:
            return
        where = job.request[self.source]["S3Object"]
        message: Params = {
            "JobId": job.job_id,
            "Status": job.status,
            "API": job.operation,
            "Timestamp": round((job.finished_at or 0.0) * 1000),
            self.source: {"S3ObjectName": where["Name"], "S3Bucket": where["Bucket"]},
        }
        if "JobTag" in job.request:
            message["JobTag"] = job.request["JobTag"]
        cloud.publish(channel["SNSTopicArn"], message)

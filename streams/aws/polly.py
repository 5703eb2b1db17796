"""`streams.services.Voice` over Amazon Polly.

Polly has no idempotency key: the token is part of the output's key, which identifies the completion.
Source: Amazon Polly Developer Guide, "Creating long audio files" and "Quotas".
"""

from __future__ import annotations

from headrace.schemas.jobs import JOB_SPECS
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.job_status import result_of
from headrace.streams.aws.output_uri import key_in
from headrace.streams.costs.prices import PriceList
from headrace.streams.errors import PermanentError
from headrace.streams.limits.service_inputs import text_rule
from headrace.streams.results import ResultsBucket
from headrace.streams.service_results import SpeechFile
from headrace.streams.settings import StreamSettings

OUTPUT_PREFIX = "_polly/"
SPEC = JOB_SPECS["polly", "StartSpeechSynthesisTask"]


class Polly:
    """Synthesizes speech with Polly. The output is written to the results bucket."""

    def __init__(self, aws: AwsClient, bucket: ResultsBucket, settings: StreamSettings, prices: PriceList) -> None:
        self._aws = aws
        self._bucket = bucket
        self._settings = settings
        self._prices = prices

    async def start(self, text: str, voice: str, token: str) -> str:
        """Start a synthesis task and return its id.

        Raises:
            PermanentError: Code `too_large`: the text exceeds the limit of a task.
        """
        longest = text_rule("polly", SPEC.operation).max_characters
        if longest is not None and len(text) > longest:
            raise PermanentError("too_large", f"{len(text):,} characters; Polly accepts at most {longest:,} per task")
        response = await self._aws.call(
            "polly",
            "start_speech_synthesis_task",
            Engine="neural",
            OutputFormat="mp3",
            OutputS3BucketName=self._bucket.name,
            OutputS3KeyPrefix=f"{OUTPUT_PREFIX}{token}/",
            SnsTopicArn=self._settings.jobs_topic_arn,
            Text=text,
            VoiceId=voice,
        )
        task: str = response["SynthesisTask"]["TaskId"]
        return task

    async def get_result(self, job_id: str) -> SpeechFile:
        """Return the location of a task's output.

        Raises:
            StageError: The task has no result: `streams.aws.job_status.result_of`.
        """
        response = await self._aws.call("polly", SPEC.method, TaskId=job_id)
        task = result_of(SPEC, job_id, response)
        characters = task["RequestCharacters"]
        return SpeechFile(
            bucket=self._bucket.name,
            key=key_in(task["OutputUri"], self._bucket.name),
            characters=characters,
            voice=task["VoiceId"],
            language=task.get("LanguageCode", ""),
            charges=(self._prices.charge("polly", "StartSpeechSynthesisTask", characters),),
        )

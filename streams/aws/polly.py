"""`streams.services.Voice` over Amazon Polly.

Polly knows no idempotency key: the token is in the name of the output, by which the completion is known again.
Source: Amazon Polly Developer Guide, "Creating long audio files" and "Quotas".
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from headrace.streams.aws.client import AwsClient
from headrace.streams.costs.prices import charge
from headrace.streams.errors import PermanentError
from headrace.streams.results import ResultsBucket
from headrace.streams.service_results import SpeechFile
from headrace.streams.settings import StreamSettings

OUTPUT = "_polly/"
MOST_CHARACTERS = 100_000


class Polly:
    """Reads text out, through Polly. The sound is written to the results bucket."""

    def __init__(self, aws: AwsClient, bucket: ResultsBucket, settings: StreamSettings) -> None:
        self._aws = aws
        self._bucket = bucket
        self._settings = settings

    async def start(self, text: str, voice: str, token: str) -> str:
        """Submit a text. Raises `Unprocessable` for one that is longer than a task may be."""
        if len(text) > MOST_CHARACTERS:
            raise PermanentError(
                "too_large", f"{len(text):,} characters; Polly reads at most {MOST_CHARACTERS:,} in one task"
            )
        answer = await self._aws.call(
            "polly",
            "start_speech_synthesis_task",
            Engine="neural",
            OutputFormat="mp3",
            OutputS3BucketName=self._bucket.name,
            OutputS3KeyPrefix=f"{OUTPUT}{token}/",
            SnsTopicArn=self._settings.jobs_topic_arn,
            Text=text,
            VoiceId=voice,
        )
        task: str = answer["SynthesisTask"]["TaskId"]
        return task

    async def get_result(self, job_id: str) -> SpeechFile:
        """Say where the sound of a task lies."""
        answer = await self._aws.call("polly", "get_speech_synthesis_task", TaskId=job_id)
        task = answer["SynthesisTask"]
        _, _, key = unquote(urlsplit(task["OutputUri"]).path).partition(f"/{self._bucket.name}/")
        characters = task["RequestCharacters"]
        return SpeechFile(
            bucket=self._bucket.name,
            key=key or unquote(urlsplit(task["OutputUri"]).path).lstrip("/"),
            characters=characters,
            voice=task["VoiceId"],
            language=task.get("LanguageCode", ""),
            charges=(charge("polly", "StartSpeechSynthesisTask", characters),),
        )

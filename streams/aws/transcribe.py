"""`streams.services.Speech` over Amazon Transcribe.

The job name is the idempotency key: Transcribe has no other, and a second job with the same name is a conflict.
Source: Amazon Transcribe API Reference, StartTranscriptionJob.
"""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Struct

from headrace.schemas.jobs import JOB_SPECS
from headrace.schemas.parsing import InvalidValueError, parse_struct, parse_text
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.job_status import result_of
from headrace.streams.aws.output_uri import key_in
from headrace.streams.costs.prices import PriceList, billed_minutes
from headrace.streams.errors import PermanentError, StageError
from headrace.streams.limits.input_check import check_media
from headrace.streams.media.media_input import MediaInput
from headrace.streams.results import ResultsBucket
from headrace.streams.service_results import Transcript
from headrace.streams.settings import StreamSettings

OUTPUT_PREFIX = "_transcribe/"
_PRICED = ("", "ContentRedaction")
"""The priced features of a job with redaction, beside the transcription itself."""
SPEC = JOB_SPECS["transcribe", "StartTranscriptionJob"]

_NO_SPEECH = re.compile(
    r"speech segment long enough|(no|not|any) speech|speech (was )?not (found|detected)", re.IGNORECASE
)
"""Reasons of jobs that heard no speech. Language identification fails without a speech segment.

Source: Amazon Transcribe API Reference, "TranscriptionJob", FailureReason.
"""
MAX_SUBTITLE_BYTES = 16 * 2**20
"""Twenty times the subtitles of four hours, the longest input of a job."""


class _Text(Struct):
    transcript: str


class _Results(Struct):
    transcripts: tuple[_Text, ...]


class _OutputFile(Struct):
    results: _Results


class Transcribe:
    """Transcribes speech with Transcribe. The output is written to the results bucket."""

    def __init__(self, aws: AwsClient, bucket: ResultsBucket, settings: StreamSettings, prices: PriceList) -> None:
        self._aws = aws
        self._bucket = bucket
        self._settings = settings
        self._prices = prices

    async def start(self, media: MediaInput, token: str, speakers: int, vocabulary: str) -> str:
        """Start a job and return its id; an existing job of this name is the same job.

        Raises:
            PermanentError: `unsupported_input`: Transcribe does not accept the file. `no_language`: a vocabulary is
                set without a language; vocabularies are specific to a language.
        """
        language: dict[str, Any] = {"IdentifyLanguage": True}
        if self._settings.language:
            language = {"LanguageCode": self._settings.language}
        more = {"Subtitles": {"Formats": ["vtt"]}, **language, **self._job_settings(speakers, vocabulary)}
        return await self._start(media, token, more)

    async def start_redacted(self, media: MediaInput, token: str, language: str) -> str:
        """Start a job for a transcript without personal data and return its id.

        Raises:
            PermanentError: `unsupported_input`: Transcribe does not accept the file.
        """
        redaction = {"RedactionType": "PII", "RedactionOutput": "redacted"}
        return await self._start(media, token, {"LanguageCode": language, "ContentRedaction": redaction})

    async def _start(self, media: MediaInput, token: str, more: dict[str, Any]) -> str:
        check_media("transcribe", SPEC.operation, media)
        try:
            await self._aws.call(
                "transcribe",
                "start_transcription_job",
                TranscriptionJobName=token,
                Media={"MediaFileUri": f"s3://{media.bucket}/{media.key}"},
                OutputBucketName=self._bucket.name,
                OutputKey=f"{OUTPUT_PREFIX}{token}.json",
                **more,
            )
        except StageError as failure:
            if failure.code != "ConflictException":
                raise
        return token

    def _job_settings(self, speakers: int, vocabulary: str) -> dict[str, Any]:
        """Return the job's Settings. Source: Amazon Transcribe API Reference, Settings."""
        if vocabulary and not self._settings.language:
            raise PermanentError("no_language", "a vocabulary requires a language: set HEADRACE_LANGUAGE")
        settings: dict[str, Any] = {"VocabularyName": vocabulary} if vocabulary else {}
        if speakers:
            settings |= {"ShowSpeakerLabels": True, "MaxSpeakerLabels": max(2, speakers)}
        return {"Settings": settings} if settings else {}

    async def get_result(self, job_id: str, seconds: float) -> Transcript:
        """Return the transcript of a job; that of a job with redaction has no personal data.

        Raises:
            StageError: The job has no result: `streams.aws.job_status.result_of`.
            PermanentError: `result_missing`: an output file is missing. `invalid_answer`: it cannot be read.
        """
        response = await self._aws.call("transcribe", SPEC.method, TranscriptionJobName=job_id)
        job = result_of(SPEC, job_id, response)
        redacts = "ContentRedaction" in job
        name = "RedactedTranscriptFileUri" if redacts else "TranscriptFileUri"
        content = await self._fetch(job["Transcript"].get(name, ""))
        uris = job.get("Subtitles", {}).get("SubtitleFileUris", [])
        subtitles = await self._fetch(uris[0]) if uris else None
        try:
            file = parse_struct(content, _OutputFile)
            parse_text(subtitles or b"", MAX_SUBTITLE_BYTES)
        except InvalidValueError as error:
            raise PermanentError("invalid_answer", f"the output files of {job_id}: {error}") from error
        minutes = billed_minutes("transcribe", seconds)
        return Transcript(
            language=job.get("LanguageCode", ""),
            text=" ".join(each.transcript for each in file.results.transcripts),
            answer=content,
            subtitles=subtitles,
            charges=tuple(
                self._prices.charge("transcribe", f"{SPEC.operation} {feature}".rstrip(), minutes)
                for feature in (_PRICED if redacts else ("",))
            ),
        )

    def silence(self, reason: str) -> Transcript | None:
        """Return an empty transcript if a job failed because it heard no speech. AWS bills no failed jobs."""
        if not _NO_SPEECH.search(reason):
            return None
        results = {"transcripts": [{"transcript": ""}], "items": [], "failure_reason": reason}
        return Transcript("", "", json.dumps({"results": results}).encode(), None, ())

    async def _fetch(self, uri: str) -> bytes:
        """Read an output file of a job by its URI, in any of the forms that Transcribe returns."""
        key = key_in(uri, self._bucket.name)
        content = await self._bucket.get(key) if key else None
        if content is None:
            raise PermanentError("result_missing", "the output of the job is missing from the results bucket")
        return content

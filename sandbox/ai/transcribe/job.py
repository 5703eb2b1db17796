"""Run a Transcribe job: read the media, write transcript and subtitles, send the completion event."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from headrace.sandbox import names
from headrace.sandbox.ai.framework import ffmpeg, inputs
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudRefusedError
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.job_events import JobEvent, emit_job_event
from headrace.sandbox.ai.framework.ledger import FAILED, RUNNING, SUCCEEDED, LedgerJob
from headrace.sandbox.ai.transcribe import output_files, speech
from headrace.sandbox.ai.transcribe.redaction import ALL, redact
from headrace.sandbox.ai.transcribe.speakers import with_speaker_labels
from headrace.sandbox.ai.transcribe.speech import RecognizedSpeech
from headrace.streams.limits.input_rules import MediaRule
from headrace.streams.limits.service_inputs import media_rule

SERVICE_BUCKET = "headrace-transcribe"
DEFAULT_LANGUAGE = "en-US"
FORMATS = ("mp4", "mp3", "wav", "flac", "ogg", "amr", "webm", "m4a")
NO_SPEECH = (
    "Your audio file must have a speech segment long enough in duration to perform automatic language identification. "
    "Provide an audio file with someone speaking for a longer period of time and try your request again."
)
TOO_LARGE = (
    "Invalid file size: file size too large. Maximum audio duration is {hours:.6f} hours."
    "Check the length of the file and try your request again."
)
"""The reason for a file that is too long, or too large, as AWS words it."""

STATUS = {RUNNING: "IN_PROGRESS", SUCCEEDED: "COMPLETED", FAILED: "FAILED"}


@dataclass(frozen=True, slots=True)
class WrittenTranscript:
    """Speech that is written; `is_redacted` is None for a job without redaction."""

    speech: RecognizedSpeech
    is_redacted: bool | None = None


def work(job: LedgerJob, cloud: AwsClients) -> dict[str, Any]:
    """Write the transcript of `job` to its bucket; return its properties and the written keys."""
    with TemporaryDirectory() as folder:
        probe, recognized = _listen(job, cloud, Path(folder))
    if "LanguageCode" not in job.request and not recognized.segments:
        raise UnprocessableMediaError(NO_SPEECH)
    found: dict[str, Any] = {"MediaSampleRateHertz": probe.sample_rate, "MediaFormat": _format(job, probe)}
    if "LanguageCode" in job.request:
        found["LanguageCode"] = job.request["LanguageCode"]
    else:  # no language identification: the first option, without confidence
        found["LanguageCode"] = _language(job)
        found["IdentifiedLanguageScore"] = 0.0
    transcripts = _transcripts(job, recognized)
    documents = {
        name: _labelled(
            job,
            output_files.document(job.job_id, names.ACCOUNT, each.speech, found["LanguageCode"], each.is_redacted),
        )
        for name, each in transcripts.items()
    }
    subtitles: dict[str, str] = {}
    for name, each in transcripts.items():
        subtitles |= _subtitles(job, name, each.speech)
    _write(job, cloud, {name: json.dumps(each, ensure_ascii=False) for name, each in documents.items()} | subtitles)
    keys = {"redacted" if each.is_redacted else "transcript": name for name, each in transcripts.items()}
    return {"found": found, **keys, "subtitles": list(subtitles)}


def announce(job: LedgerJob, cloud: AwsClients) -> None:
    """Send the state change event; a repeated event has the same id."""
    detail = {"TranscriptionJobName": job.job_id, "TranscriptionJobStatus": STATUS[job.status]}
    if job.status == FAILED:
        detail["FailureReason"] = str(job.reason)
    emit_job_event(job, JobEvent("aws.transcribe", "Transcribe Job State Change", detail), cloud)


def split_asset(asset: str) -> tuple[str, str]:
    """Split `bucket/key` into bucket and key."""
    bucket, _, key = asset.partition("/")
    return bucket, key


def _listen(job: LedgerJob, cloud: AwsClients, folder: Path) -> tuple[ffmpeg.MediaProbe, RecognizedSpeech]:
    bucket, key = split_asset(job.asset)
    media = folder / "media"
    try:
        rule = media_rule("transcribe", job.operation)
        if cloud.size(bucket, key) > max(encoding.max_bytes for encoding in rule.encodings):
            raise UnprocessableMediaError(_too_large(rule))
        cloud.fetch(bucket, key, media)
    except CloudRefusedError as error:
        raise UnprocessableMediaError("The media file is no longer there.") from error
    probe = _probe(media, job)
    return probe, speech.recognize(media, probe, sidecar(bucket, key, cloud, folder), _language(job))


def _language(job: LedgerJob) -> str:
    return str(job.request.get("LanguageCode") or job.request.get("LanguageOptions", [DEFAULT_LANGUAGE])[0])


def _probe(media: Path, job: LedgerJob) -> ffmpeg.MediaProbe:
    """Probe the media. Raises `UnprocessableMediaError` with a FailureReason of Transcribe."""
    request, rule = job.request, media_rule("transcribe", job.operation)
    try:
        probe = inputs.probed("transcribe", job.operation, job.asset, media)
    except inputs.RefusedInputError as error:
        if rule.max_seconds is not None and ffmpeg.probe(media).duration > rule.max_seconds:
            raise UnprocessableMediaError(_too_large(rule)) from error
        raise UnprocessableMediaError(f"Unsupported media format. {error}") from error
    except UnprocessableMediaError as error:
        raise UnprocessableMediaError(f"Unsupported media format. {error}") from error
    if not set(probe.formats) & set(FORMATS):
        raise UnprocessableMediaError("Unsupported media format.")
    if request.get("MediaFormat", probe.formats[0]) not in probe.formats:
        raise UnprocessableMediaError("The media format provided does not match the detected media format.")
    if not probe.sample_rate:
        raise UnprocessableMediaError("The media file holds no sound.")
    if request.get("MediaSampleRateHertz", probe.sample_rate) != probe.sample_rate:
        raise UnprocessableMediaError("The sample rate provided does not match the detected sample rate.")
    return probe


def _labelled(job: LedgerJob, document: dict[str, Any]) -> dict[str, Any]:
    """Return a transcript with speaker labels, if the job has them."""
    return with_speaker_labels(document) if job.request.get("Settings", {}).get("ShowSpeakerLabels") else document


def _too_large(rule: MediaRule) -> str:
    return TOO_LARGE.format(hours=(rule.max_seconds or 0) / 3600)


def _format(job: LedgerJob, probe: ffmpeg.MediaProbe) -> str:
    return str(job.request.get("MediaFormat") or next(name for name in FORMATS if name in probe.formats))


def sidecar(bucket: str, key: str, cloud: AwsClients, folder: Path) -> Path | None:
    """Return the captions next to the media: `talk.mp4.srt`, `talk.srt`, or WebVTT."""
    stem = key.rsplit(".", 1)[0] if "." in key.rsplit("/", 1)[-1] else key
    for name in (f"{base}.{form}" for base in dict.fromkeys((key, stem)) for form in ("srt", "vtt")):
        file = folder / "captions"
        try:
            cloud.fetch(bucket, name, file)
        except CloudRefusedError:
            continue
        return file
    return None


def _output_key(job: LedgerJob) -> str:
    """Return the key of the transcript; an OutputKey that does not end in .json is a folder."""
    if "OutputBucketName" not in job.request:
        return f"{job.job_id}/asrOutput.json"
    key = job.request.get("OutputKey", "")
    if key.endswith(".json"):
        return str(key)
    return f"{key.rstrip('/')}/{job.job_id}.json".lstrip("/")


def _transcripts(job: LedgerJob, recognized: RecognizedSpeech) -> dict[str, WrittenTranscript]:
    """Return the transcripts by key: the plain one, the redacted one, or both.

    Source: Amazon Transcribe API Reference, ContentRedaction.
    """
    key = _output_key(job)
    redaction = job.request.get("ContentRedaction")
    if redaction is None:
        return {key: WrittenTranscript(recognized)}
    folder, slash, name = key.rpartition("/")
    redacted = redact(recognized, redaction.get("PiiEntityTypes") or (ALL,))
    written = {f"{folder}{slash}redacted-{name}": WrittenTranscript(redacted, is_redacted=True)}
    if redaction["RedactionOutput"] == "redacted":
        return written
    return {key: WrittenTranscript(recognized, is_redacted=False), **written}


def _subtitles(job: LedgerJob, key: str, recognized: RecognizedSpeech) -> dict[str, str]:
    wanted = job.request.get("Subtitles", {})
    first = wanted.get("OutputStartIndex", 0)
    texts = {form: output_files.SUBTITLES[form](recognized.segments, first) for form in wanted.get("Formats", ())}
    return {f"{key.removesuffix('.json')}.{form}": text for form, text in texts.items()}


def _write(job: LedgerJob, cloud: AwsClients, files: dict[str, str]) -> None:
    bucket = job.request.get("OutputBucketName", SERVICE_BUCKET)
    if bucket == SERVICE_BUCKET:
        cloud.ensure_bucket(bucket)
    try:
        for key, text in files.items():
            kind = "application/json" if key.endswith(".json") else "text/plain; charset=utf-8"
            cloud.write(bucket, key, text.encode(), kind)
    except CloudRefusedError as error:
        raise UnprocessableMediaError("The output bucket does not exist or may not be written to.") from error

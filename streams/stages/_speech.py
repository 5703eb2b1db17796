"""Select the files whose speech is transcribed: audio, and video with audio."""

from __future__ import annotations

from headrace.streams.handlers import EventPattern
from headrace.streams.limits.input_check import accepted_encoding
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.stages._inputs import from_proxy

OPERATION = "StartTranscriptionJob"
PAID_OPERATIONS = ("transcribe.start_transcription_job", "transcribe.get_transcription_job")

_HAS_AUDIO: EventPattern = {"audio_codec": [{"exists": True}]}
SOUND: EventPattern = {"kind": ["audio", "video"], **_HAS_AUDIO}
"""Matches files with audio."""
PROXIED_SOUND: EventPattern = {
    "$or": [
        {"kind": ["audio"], **_HAS_AUDIO},
        {"kind": ["video"], **_HAS_AUDIO, **accepted_encoding(media_rule("transcribe", OPERATION))},
        from_proxy("transcribe"),
    ]
}
"""Matches files with audio that Transcribe accepts, and the proxies of the others."""

"""A question to a model about a picture or a video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.streams.media.media_input import MediaInput


@dataclass(frozen=True, slots=True)
class MediaQuestion:
    """An instruction about a media file, and the JSON schema of the answer.

    `rejected` is an earlier answer of the model, and `reason` is why it was rejected.
    """

    instruction: str
    media: MediaInput
    model: str
    schema: Mapping[str, Any]
    rejected: str = ""
    reason: str = ""

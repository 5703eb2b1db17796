"""The text features: operations and response fields of Amazon Comprehend, each written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SpanFeature = Literal["entities", "key-phrases", "pii"]
TextFeature = Literal[SpanFeature, "sentiment", "language"]


@dataclass(frozen=True, slots=True)
class TextFeatureSpec:
    """The API call of one feature: the SDK method, and the response field of its results."""

    method: str
    field: str

    @property
    def paid_operation(self) -> str:
        """Return the billed operation, as stages name it."""
        return f"comprehend.{self.method}"


TEXT_FEATURES: dict[TextFeature, TextFeatureSpec] = {
    "entities": TextFeatureSpec("detect_entities", "Entities"),
    "key-phrases": TextFeatureSpec("detect_key_phrases", "KeyPhrases"),
    "pii": TextFeatureSpec("detect_pii_entities", "Entities"),
    "sentiment": TextFeatureSpec("detect_sentiment", "SentimentScore"),
    "language": TextFeatureSpec("detect_dominant_language", "Languages"),
}

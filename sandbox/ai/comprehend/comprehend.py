"""Amazon Comprehend, emulated with word lists and patterns."""

from __future__ import annotations

from headrace.sandbox.ai.framework import pii, text_analysis
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.ledger import JobSubject
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext
from headrace.streams.limits.service_inputs import text_rule


def detect_entities(params: Params, _: ServiceContext) -> Params:
    """Return names, dates and amounts."""
    matches = text_analysis.entities(_text(params, "DetectEntities"))
    return {
        "Entities": [
            {
                "Type": match.kind,
                "Text": match.text,
                "Score": match.score,
                "BeginOffset": match.begin,
                "EndOffset": match.end,
            }
            for match in matches
        ]
    }


def detect_key_phrases(params: Params, _: ServiceContext) -> Params:
    """Return the key phrases of a text."""
    matches = text_analysis.key_phrases(_text(params, "DetectKeyPhrases"))
    return {
        "KeyPhrases": [
            {"Text": match.text, "Score": match.score, "BeginOffset": match.begin, "EndOffset": match.end}
            for match in matches
        ]
    }


def detect_pii_entities(params: Params, _: ServiceContext) -> Params:
    """Return the positions of personal data."""
    matches = pii.find(_text(params, "DetectPiiEntities"))
    return {
        "Entities": [
            {"Type": match.kind, "Score": match.score, "BeginOffset": match.begin, "EndOffset": match.end}
            for match in matches
        ]
    }


def detect_sentiment(params: Params, _: ServiceContext) -> Params:
    """Return the sentiment of a text of at most 5,000 bytes."""
    scores = text_analysis.sentiment(_text(params, "DetectSentiment"))
    return {"Sentiment": max(scores, key=lambda name: scores[name]).upper(), "SentimentScore": scores}


def detect_dominant_language(params: Params, _: ServiceContext) -> Params:
    """Return the languages of a text, the most likely first."""
    languages = text_analysis.languages(_text(params, "DetectDominantLanguage"))
    return {"Languages": [{"LanguageCode": code, "Score": score} for code, score in languages]}


def _text(params: Params, operation: str) -> str:
    """Return the text of a request. Raises `ServiceError` for a text or language that Comprehend rejects."""
    rule = text_rule("comprehend", operation)
    code = params.get("LanguageCode")
    if code is not None and code not in rule.languages:
        supported = ", ".join(sorted(rule.languages))
        raise ServiceError("UnsupportedLanguageException", f"{operation} supports {supported}.")
    text: str = params["Text"]
    size, most = len(text.encode()), rule.max_bytes
    if most is not None and size > most:
        why = (
            f"Input text size exceeds limit. Max length of request text allowed is {most} bytes while in this request "
        )
        raise ServiceError("TextSizeLimitExceededException", f"{why}the text size is {size} bytes")
    return text


SERVICE = Service(
    name="comprehend",
    invalid="InvalidRequestException",
    failure="InternalServerException",
    operations={
        "DetectEntities": detect_entities,
        "DetectKeyPhrases": detect_key_phrases,
        "DetectPiiEntities": detect_pii_entities,
        "DetectSentiment": detect_sentiment,
        "DetectDominantLanguage": detect_dominant_language,
    },
    jobs={},
    subject=lambda params, answer: JobSubject(),
)

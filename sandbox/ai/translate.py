"""Amazon Translate without a model: each line is returned untranslated behind a mark."""

from __future__ import annotations

from headrace.sandbox.ai.framework import text_analysis
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.ledger import JobSubject
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext
from headrace.streams.limits.service_inputs import text_rule


def translate_text(params: Params, _: ServiceContext) -> Params:
    """Return a synthetic translation: `[de] ` before every line."""
    text, source, target = params["Text"], params["SourceLanguageCode"], params["TargetLanguageCode"]
    rule = text_rule("translate", "TranslateText")
    if rule.max_bytes is not None and len(text.encode()) > rule.max_bytes:
        raise ServiceError("TextSizeLimitExceededException", f"Input text size exceeds {rule.max_bytes} bytes.")
    if source == "auto":
        source = text_analysis.languages(text)[0][0]
    for code in (source, target):
        if code not in rule.languages:
            raise ServiceError("UnsupportedLanguagePairException", f"Unsupported language pair: {source} to {target}.")
    lines = [f"[{target}] {line}" if line.strip() else line for line in text.split("\n")]
    return {"TranslatedText": "\n".join(lines), "SourceLanguageCode": source, "TargetLanguageCode": target}


SERVICE = Service(
    name="translate",
    invalid="InvalidRequestException",
    failure="InternalServerException",
    operations={"TranslateText": translate_text},
    jobs={},
    subject=lambda params, answer: JobSubject(),
    synthetic=frozenset({"TranslateText"}),
)

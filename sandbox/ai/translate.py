"""Amazon Translate without a model: each line is returned untranslated behind a mark."""

from __future__ import annotations

from headrace.sandbox.ai.framework import text_analysis
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.ledger import JobSubject
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext

# https://docs.aws.amazon.com/translate/latest/dg/what-is-limits.html
MAX_BYTES = 10_000
# https://docs.aws.amazon.com/translate/latest/dg/what-is-languages.html, a subset
_CODES = "ar cs da de el en es fi fr he hi hu id it ja ko nl no pl pt ro ru sv tr uk vi zh zh-TW"
LANGUAGES = frozenset(_CODES.split())


def translate_text(params: Params, _: ServiceContext) -> Params:
    """Return a synthetic translation: `[de] ` before every line."""
    text, source, target = params["Text"], params["SourceLanguageCode"], params["TargetLanguageCode"]
    if len(text.encode()) > MAX_BYTES:
        raise ServiceError("TextSizeLimitExceededException", f"Input text size exceeds limit of {MAX_BYTES} bytes.")
    if source == "auto":
        source = text_analysis.languages(text)[0][0]
    for code in (source, target):
        if code.partition("-")[0] not in LANGUAGES:
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

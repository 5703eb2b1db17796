"""Check files and texts against the table of what services accept, before a call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from headrace.streams.errors import PermanentError
from headrace.streams.limits.input_rules import Encoding, MediaRule, TextRule
from headrace.streams.limits.service_inputs import media_rule, text_rule
from headrace.streams.media.media_input import MediaInput

UNSUPPORTED = "unsupported_input"


def check_media(service: str, operation: str, media: MediaInput) -> None:
    """Check a file against the rule of an operation.

    Raises:
        PermanentError: `unsupported_input`: the service does not accept the file.
    """
    rule = media_rule(service, operation)
    refusals = [*encoding_refusals(rule, media), *fixed_refusals(rule, media)]
    if refusals:
        raise PermanentError(UNSUPPORTED, f"{service} {operation}: {'; '.join(refusals)} ({rule.source})")


def encoding_refusals(rule: MediaRule, media: MediaInput) -> Iterator[str]:
    """Yield why a service does not accept the encoding of a file; another rendition may be accepted."""
    encoding = _encoding(rule, media)
    if encoding is None:
        accepted = sorted({name for each in rule.encodings for name in each.content_types})
        yield f"the content type is {media.content_type}, it accepts {', '.join(accepted)}"
        return
    yield from _codec_refusals(encoding, media)
    if media.size > encoding.max_bytes:
        yield f"the file has {media.size:,} bytes, it accepts {encoding.max_bytes:,}"
    if encoding.max_pages is not None and media.pages is not None and media.pages > encoding.max_pages:
        yield f"the file has {media.pages:,} pages, it accepts {encoding.max_pages:,}"
    longest, largest = max(media.width or 0, media.height or 0), encoding.max_side or rule.max_side
    if largest is not None and longest > largest:
        yield f"the picture has {media.width} x {media.height} pixels, it accepts {largest:,} a side"


def fixed_refusals(rule: MediaRule, media: MediaInput) -> Iterator[str]:
    """Yield why a service accepts no rendition of a file."""
    encoding = _encoding(rule, media)
    smallest = max(rule.min_side, encoding.min_side if encoding else 0)
    if media.width is not None and media.height is not None and min(media.width, media.height) < smallest:
        yield f"the picture has {media.width} x {media.height} pixels, it needs {smallest} a side"
    if media.seconds is not None and media.seconds < rule.min_seconds:
        yield f"the file has {media.seconds:g} s, it needs {rule.min_seconds:g} s"
    if rule.max_seconds is not None and media.seconds is not None and media.seconds > rule.max_seconds:
        yield f"the file has {media.seconds:,.0f} s, it accepts {rule.max_seconds:,.0f} s"
    if rule.key and not re.fullmatch(rule.key, media.key):
        yield f"the key {media.key!r} does not match {rule.key}"


def _encoding(rule: MediaRule, media: MediaInput) -> Encoding | None:
    return next((each for each in rule.encodings if media.content_type in each.content_types), None)


def _codec_refusals(encoding: Encoding, media: MediaInput) -> Iterator[str]:
    for name, codec, accepted in (
        ("video", media.video_codec, encoding.video_codecs),
        ("audio", media.audio_codec, encoding.audio_codecs),
    ):
        if accepted and codec not in accepted:
            yield f"the {name} codec is {codec or 'unknown'}, it accepts {', '.join(sorted(accepted))}"


def accepted_encoding(rule: MediaRule) -> dict[str, Any]:
    """Return the event pattern of the records whose file has an encoding that the rule accepts."""
    patterns = []
    for encoding in rule.encodings:
        pattern: dict[str, Any] = {
            "content_type": sorted(encoding.content_types),
            "asset": {"size": [{"numeric": ["<=", encoding.max_bytes]}]},
        }
        if encoding.video_codecs:
            pattern["video_codec"] = sorted(encoding.video_codecs)
        if encoding.audio_codecs:
            pattern["audio_codec"] = sorted(encoding.audio_codecs)
        largest = encoding.max_side or rule.max_side
        if largest is not None:
            side = [{"numeric": ["<=", largest]}, {"exists": False}]
            pattern |= {"width": side, "height": side}
        patterns.append(pattern)
    return patterns[0] if len(patterns) == 1 else {"$or": patterns}


def language_code(rule: TextRule, language: str) -> str | None:
    """Return the code with which a service names a language; None if it does not support it.

    The most specific code is chosen: `zh-TW` is not `zh`, and `en-GB` is `en`.
    """
    wanted = language.replace("_", "-")
    known = {code.lower(): code for code in rule.languages}
    known |= {variant.lower(): code for variant, code in (rule.variants or {}).items()}
    parts = wanted.lower().split("-")
    prefixes = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((known[prefix] for prefix in prefixes if prefix in known), None)


def supported_language(service: str, operation: str, language: str) -> str:
    """Return the code with which a service names a language.

    Raises:
        PermanentError: `unsupported_language`: the operation does not support the language.
    """
    rule = text_rule(service, operation)
    code = language_code(rule, language)
    if code is None:
        supported = ", ".join(sorted(rule.languages))
        why = f"the text is in {language}; {service.capitalize()} supports {supported} for {operation} ({rule.source})"
        raise PermanentError("unsupported_language", why)
    return code

"""Tests of the input table: its entries, languages, and the patterns of stages that read proxies."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.streams.aws.error_codes import OPERATIONS
from headrace.streams.costs.prices import operation_of
from headrace.streams.errors import PermanentError
from headrace.streams.limits.input_check import (
    accepted_encoding,
    check_media,
    encoding_refusals,
    fixed_refusals,
    language_code,
    supported_language,
)
from headrace.streams.limits.input_rules import MediaRule
from headrace.streams.limits.service_inputs import MEDIA_RULES, TEXT_RULES, media_rule, text_rule
from headrace.streams.media.media_input import MediaInput, original
from headrace.streams.rules.record_predicate import record_predicate
from tests.support.records import asset, ready

RULES = (*MEDIA_RULES, *TEXT_RULES)
READS_NO_INPUT = ("s3",)
NO_INPUT = {
    ("rekognition", "CreateCollection"),
    ("rekognition", "DescribeProjectVersions"),
    ("rekognition", "SearchFaces"),
}
"""Operations that read neither media nor text."""


def test_every_operation_that_reads_media_or_text_has_one_rule() -> None:
    called = {
        (service, operation_of(method))
        for service, methods in OPERATIONS.items()
        for method in methods
        if service not in READS_NO_INPUT and not method.startswith("get_")
    }
    listed = [(rule.service, operation) for rule in RULES for operation in rule.operations]
    assert len(listed) == len(set(listed))
    assert called - NO_INPUT <= set(listed)
    assert not NO_INPUT & set(listed)


def test_every_rule_names_its_page() -> None:
    for rule in RULES:
        guides = ("bedrock", "nova") if rule.service.startswith("bedrock") else (rule.service,)
        assert rule.source.startswith(tuple(f"https://docs.aws.amazon.com/{guide}/latest/" for guide in guides))


CONTENT_TYPES = sorted({name for rule in MEDIA_RULES for each in rule.encodings for name in each.content_types})
SIZES = st.sampled_from([0, 1, 10 * 2**20, 10 * 2**20 + 1, 2 * 2**30, 2 * 2**30 + 1, 10 * 2**30, 10 * 2**30 + 1])


@given(
    rule=st.sampled_from([rule for rule in MEDIA_RULES if rule.service != "textract"]),
    content_type=st.sampled_from([*CONTENT_TYPES, "image/webp", "video/x-unknown"]),
    size=SIZES,
    codecs=st.tuples(*(st.sampled_from([None, "h264", "hevc", "opus", "aac", "amr_nb"]) for _ in range(2))),
    side=st.sampled_from([None, 1, 80, 10_000, 10_001, 20_000]),
)
def test_pattern_matches_exactly_the_accepted_encodings(
    rule: MediaRule, content_type: str, size: int, codecs: tuple[str | None, str | None], side: int | None
) -> None:
    facts: dict[str, Any] = {"video_codec": codecs[0], "audio_codec": codecs[1], "width": side, "height": side}
    media = ready(asset(size=size), content_type=content_type, **facts)
    accepted = record_predicate(accepted_encoding(rule))(media)
    assert accepted != any(encoding_refusals(rule, original(media)))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"content_type": "video/x-matroska"}, "the content type is video/x-matroska, it accepts video/mp4"),
        ({"video_codec": "hevc"}, "the video codec is hevc, it accepts h264"),
        ({"video_codec": None}, "the video codec is unknown"),
        ({"width": 16, "height": 16}, "16 x 16 pixels, it needs 80 a side"),
        ({"seconds": 21_601.0}, "21,601 s, it accepts 21,600 s"),
        ({"size": 10 * 2**30 + 1}, "10,737,418,241 bytes"),
    ],
)
def test_refusal_says_what_is_accepted(facts: dict[str, Any], reason: str) -> None:
    given_facts = {"content_type": "video/mp4", "size": 1, "video_codec": "h264", "width": 320, "height": 240, **facts}
    with pytest.raises(PermanentError) as refused:
        check_media("rekognition", "StartLabelDetection", MediaInput(bucket="b", key="k", **given_facts))
    assert refused.value.code == "unsupported_input"
    assert reason in refused.value.why


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"content_type": "video/mp4", "video_codec": "h264", "width": 320, "height": 180}, "it needs 224 a side"),
        ({"content_type": "image/png", "width": 7_681, "height": 9}, "it accepts 7,680 a side"),
        ({"content_type": "image/png", "width": 9, "height": 9, "size": 5 * 2**20 + 1}, "it accepts 5,242,880"),
        ({"content_type": "application/pdf", "pages": 3_001}, "it accepts 3,000"),
        ({"content_type": "audio/flac", "seconds": 0.4}, "it needs 0.5 s"),
        ({"content_type": "audio/flac", "seconds": 14_401.0}, "it accepts 14,400 s"),
        ({"content_type": "audio/flac", "key": "100%.flac"}, "does not match"),
        ({"content_type": "image/tiff", "width": 9_000, "height": 9}, ""),
        ({"content_type": "image/png", "width": 9, "height": 9}, ""),
        ({"content_type": "audio/flac", "seconds": 9.0, "key": "a (1)/ü.flac"}, ""),
    ],
)
def test_each_kind_of_file_has_limits_of_its_own(facts: dict[str, Any], reason: str) -> None:
    rule = media_rule(DATA_AUTOMATION, "InvokeDataAutomationAsync")
    media = MediaInput(**{"bucket": "b", "key": "k", "size": 1, **facts})
    assert reason in "; ".join([*encoding_refusals(rule, media), *fixed_refusals(rule, media)])
    assert bool(reason) == any([*encoding_refusals(rule, media), *fixed_refusals(rule, media)])


@pytest.mark.parametrize("key", [" ", "\t", "a\nb"])
def test_key_must_match_the_pattern_of_the_service(key: str) -> None:
    with pytest.raises(PermanentError, match="does not match"):
        check_media("textract", "DetectDocumentText", MediaInput("b", key, "image/png", 1))


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("zh-TW", "zh-TW"),
        ("zh-CN", "zh"),
        ("zh-HK", "zh-TW"),
        ("zh-Hant-TW", "zh-TW"),
        ("en-US", "en"),
        ("es-US", "es"),
        ("es-MX", "es-MX"),
        ("fr-CA", "fr-CA"),
        ("fr-FR", "fr"),
        ("pt-PT", "pt-PT"),
        ("pt-BR", "pt"),
        ("fa-AF", "fa-AF"),
        ("fa-IR", "fa"),
        ("no-NO", "no"),
        ("nb", "no"),
        ("DE", "de"),
        ("tl-PH", "tl"),
        ("ab-GE", None),
        ("", None),
    ],
)
def test_names_a_language_as_the_service_does(language: str, code: str | None) -> None:
    assert language_code(text_rule("translate", "TranslateText"), language) == code


def test_every_language_that_comprehend_models_is_in_the_table() -> None:
    shapes = Loader().load_service_model("comprehend", "service-2")["shapes"]
    assert text_rule("comprehend", "DetectEntities").languages == set(shapes["LanguageCode"]["enum"])


def test_transcribed_languages_have_a_code_or_a_reason() -> None:
    shapes = Loader().load_service_model("transcribe", "service-2")["shapes"]
    rule = text_rule("translate", "TranslateText")
    for language in shapes["LanguageCode"]["enum"]:
        code = language_code(rule, language)
        assert code is None or code in rule.languages


def test_unsupported_language_is_a_permanent_error() -> None:
    with pytest.raises(PermanentError) as refused:
        supported_language("comprehend", "DetectPiiEntities", "zh-TW")
    assert refused.value.code == "unsupported_language"
    assert "zh-TW" in refused.value.why


def test_unknown_operation_has_no_rule() -> None:
    with pytest.raises(KeyError):
        media_rule("rekognition", "Dance")

"""Secrets are redacted; other text is unchanged."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.dlq.sanitize import header, mask_bytes, reason, sanitize_json, text
from headrace.schemas.redaction import PLACEHOLDER

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
SECRETS = [
    ("GET https://b.s3.amazonaws.com/k.jpg?X-Amz-Credential=A&X-Amz-Signature=CANARY failed", "CANARY"),
    ("https://b.s3.amazonaws.com/k.jpg?AWSAccessKeyId=A&Signature=CANARY&Expires=1", "CANARY"),
    ("the key AKIACANARYCANARY0000 is not allowed", "AKIACANARYCANARY0000"),
    ("temporary ASIACANARYCANARY0000", "ASIACANARYCANARY0000"),
    ("Authorization: Bearer CANARY.CANARY", "CANARY"),
    ('{"Authorization": "Basic Q0FOQVJZ"}', "Q0FOQVJZ"),
    ("called with bearer CANARYCANARY", "CANARY"),
    (f"refused {JWT} today", JWT),
    ("x-amz-security-token=CANARY", "CANARY"),
    ("aws_secret_access_key = CANARY", "CANARY"),
    ("client-secret: CANARY", "CANARY"),
    ('"password":"CANARY"', "CANARY"),
    ("postgres://someone:CANARY@db/prod", "CANARY"),
]
HARMLESS = [
    "media/photos/cat.jpg",
    "what?.jpg",
    "a?b&c=d.jpg",
    "logs/session=42/part-0.json",
    "Straße 1/a+b 100%.mp4",
    "https://example.com/path#part",
    "ffmpeg took longer than 300 seconds (gave up after 8 attempts)",
]


@pytest.mark.parametrize(("value", "secret"), SECRETS)
def test_secret_is_redacted(value: str, secret: str) -> None:
    for shown in (text(value), reason(value), mask_bytes(value.encode()).decode(), header("x", value.encode()) or ""):
        assert secret not in shown


@pytest.mark.parametrize("value", HARMLESS)
def test_other_text_is_unchanged(value: str) -> None:
    assert text(value) == value
    assert mask_bytes(value.encode()) == value.encode()


def test_redacts_only_the_query_string_of_a_key() -> None:
    assert text("media/cat.jpg?X-Amz-Signature=CANARY") == f"media/cat.jpg?{PLACEHOLDER}"


def test_replaces_terminal_control_characters() -> None:
    assert (
        text("a\x1b[31mb\u202ec\nd")
        == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}d"
    )


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("ce_id", b"e1", "e1"),
        ("empty", b"", ""),
        ("null", None, None),
        ("Authorization", b"anything", PLACEHOLDER),
        ("x-amz-security-token", b"anything", PLACEHOLDER),
        ("set-cookie", b"anything", PLACEHOLDER),
        ("binary", b"\xff\x00", "0xff00"),
    ],
)
def test_redacts_headers_with_secret_names(name: str, value: bytes | None, shown: str | None) -> None:
    assert header(name, value) == shown


def test_long_binary_header_is_truncated() -> None:
    assert header("binary", b"\xff" * 100) == f"0x{'ff' * 32}... (100 bytes)"


def test_json_keeps_its_structure_without_secrets() -> None:
    found = {
        "key": "a.jpg",
        "size": 3,
        "Token": "CANARY",
        "list": [{"password": "CANARY"}, "AKIACANARYCANARY0000", None],
    }
    shown = {"key": "a.jpg", "size": 3, "Token": PLACEHOLDER, "list": [{"password": PLACEHOLDER}, PLACEHOLDER, None]}
    assert sanitize_json(found) == shown


def test_job_token_is_not_a_secret() -> None:
    token = "labels-" + "0" * 40
    assert sanitize_json({"token": token}) == {"token": token}


@given(st.binary(max_size=200))
def test_masking_keeps_byte_offsets(data: bytes) -> None:
    assert len(mask_bytes(data)) == len(data)


@given(st.text(max_size=200))
def test_sanitizing_is_idempotent(value: str) -> None:
    assert text(text(value)) == text(value)


@pytest.mark.parametrize("part", ["a.", "eyJ-", "secret", "token-", "?", "?a", "bearer ", "a://", "secret:"])
def test_sanitizing_200_000_characters_takes_less_than_2_seconds(part: str) -> None:
    before = time.thread_time()
    text(part * (200_000 // len(part)))
    assert time.thread_time() - before < 2.0

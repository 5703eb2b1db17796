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


@pytest.mark.parametrize(("said", "secret"), SECRETS)
def test_a_secret_is_not_shown(said: str, secret: str) -> None:
    for shown in (text(said), reason(said), mask_bytes(said.encode()).decode(), header("x", said.encode()) or ""):
        assert secret not in shown


@pytest.mark.parametrize("said", HARMLESS)
def test_what_is_no_secret_is_shown_as_it_is(said: str) -> None:
    assert text(said) == said
    assert mask_bytes(said.encode()) == said.encode()


def test_of_a_key_only_the_query_string_is_left_out() -> None:
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
def test_a_header_is_shown_but_not_one_that_is_named_like_a_secret(
    name: str, value: bytes | None, shown: str | None
) -> None:
    assert header(name, value) == shown


def test_a_long_binary_header_is_cut() -> None:
    assert header("binary", b"\xff" * 100) == f"0x{'ff' * 32}... (100 bytes)"


def test_a_document_keeps_its_shape_and_loses_its_secrets() -> None:
    found = {
        "key": "a.jpg",
        "size": 3,
        "Token": "CANARY",
        "list": [{"password": "CANARY"}, "AKIACANARYCANARY0000", None],
    }
    shown = {"key": "a.jpg", "size": 3, "Token": PLACEHOLDER, "list": [{"password": PLACEHOLDER}, PLACEHOLDER, None]}
    assert sanitize_json(found) == shown


def test_the_token_of_a_job_is_no_secret() -> None:
    token = "labels-" + "0" * 40
    assert sanitize_json({"token": token}) == {"token": token}


@given(st.binary(max_size=200))
def test_covering_moves_no_byte(data: bytes) -> None:
    assert len(mask_bytes(data)) == len(data)


@given(st.text(max_size=200))
def test_what_is_shown_once_is_shown_the_same_again(said: str) -> None:
    assert text(text(said)) == text(said)


@pytest.mark.parametrize("part", ["a.", "eyJ-", "secret", "token-", "?", "?a", "bearer ", "a://", "secret:"])
def test_no_text_takes_long(part: str) -> None:
    before = time.thread_time()
    text(part * (200_000 // len(part)))
    assert time.thread_time() - before < 2.0

"""Dead letters are redacted before they are displayed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.dlq.sanitize import header, mask_bytes, reason
from headrace.schemas.redaction import PLACEHOLDER


def test_reason_is_redacted_and_cut() -> None:
    assert reason("password=CANARY refused") == f"password={PLACEHOLDER} refused"
    assert reason("x" * 1001) == "x" * 1000 + "... (1 more characters)"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("ce_id", b"e1", "e1"),
        ("empty", b"", ""),
        ("null", None, None),
        ("Authorization", b"anything", PLACEHOLDER),
        ("x-amz-security-token", b"anything", PLACEHOLDER),
        ("set-cookie", b"anything", PLACEHOLDER),
        ("x", b"token=CANARY", f"token={PLACEHOLDER}"),
        ("binary", b"\xff\x00", "0xff00"),
    ],
)
def test_header_is_redacted_by_name_and_by_value(name: str, value: bytes | None, shown: str | None) -> None:
    assert header(name, value) == shown


def test_long_binary_header_is_truncated() -> None:
    assert header("binary", b"\xff" * 100) == f"0x{'ff' * 32}... (100 bytes)"


def test_secret_in_bytes_is_masked() -> None:
    assert mask_bytes(b"\xfftoken=CANARY \x00") == b"\xfftoken=****** \x00"


@given(st.binary(max_size=200))
def test_masking_keeps_byte_offsets(data: bytes) -> None:
    assert len(mask_bytes(data)) == len(data)

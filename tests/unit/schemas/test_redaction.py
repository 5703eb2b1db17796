"""Secrets are redacted in linear time; other text is not changed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.redaction import LONGEST_TEXT, PLACEHOLDER, mask, redact, redact_name, redact_values
from headrace.schemas.secret_patterns import PATTERNS, SecretPattern

EXAMPLES = [(kind.name, example) for kind in PATTERNS for example in kind.examples]
SECRET = re.compile("«([^»]*)»")
ORDINARY = [
    "",
    "media/photos/cat.jpg",
    "what?.jpg",
    "why did it fail? it was cut off",
    "a?b&c=d.jpg",
    "logs/session=42/part-0.json",
    "Straße 1/a+b 100%.mp4",
    "media/secret-plan.mp4: unreadable",
    "media/cookies.mp4: unreadable",
    "media/passwords.txt",
    "media/eyJohn.jpg",
    "task-force/SKETCH.png",
    "s3://bucket/photos:2024/me@home.jpg",
    "sftp://user@host/path",
    "http://localhost:9000/bucket/key",
    "https://example.com/path#part",
    "https://sqs.eu-central-1.amazonaws.com/123456789012/uploads",
    "arn:aws:sns:eu-central-1:123456789012:uploads",
    "user@example.com at 10:30",
    "sha256-" + "0123456789abcdef" * 4,
    "sha256:" + "0123456789abcdef" * 4,
    "6f0b8a4c-52b5-5d0e-9c0a-3e7d1f2b4a68",
    "labels-" + "0" * 40,
    "the version L4kqtJlcpXroDTDmpUMLUo with etag d41d8cd98f00b204e9800998ecf8427e-38",
    "x-amz-request-id: 4442587FB7D0A2F9",
    "ExpiredTokenException: The security token included in the request is expired",
    "SignatureDoesNotMatch: The request signature we calculated does not match",
    "the token is expired",
    "max tokens: 512, input_tokens=3",
    "Basic understanding of the pipeline with basic HTTP auth",
    "bearer authentication failed: the bearer tokens were refused",
    "HEADRACE_SASL_PASSWORD is not set",
    "keyboard: qwerty, authority: none, tokenizer",
    "ffmpeg took longer than 300 seconds (gave up after 8 attempts)",
    "2026-03-14T15:09:26.000Z",
]


def plain(example: str) -> str:
    return example.replace("«", "").replace("»", "")


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_example_is_redacted(name: str, example: str) -> None:
    assert redact(plain(example)) == SECRET.sub(PLACEHOLDER, example)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_example_is_redacted_inside_other_text(name: str, example: str) -> None:
    shown = redact(f"media/cat.jpg failed: {plain(example)}\nthen media/dog.jpg")
    assert shown.startswith("media/cat.jpg failed: ")
    for secret in SECRET.findall(example):
        assert secret not in shown


@pytest.mark.parametrize("name", sorted({name for name, _ in EXAMPLES}))
def test_every_pattern_has_an_example_of_its_own(name: str) -> None:
    [kind] = [kind for kind in PATTERNS if kind.name == name]
    for example in kind.examples:
        text = plain(example)
        searched = text.lower() if kind.folded else text
        assert kind.pattern.search(searched)
        assert any(hint in text.lower() for hint in kind.hints), "a text without a hint is not searched"
    assert kind.source


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_before_a_secret_is_unchanged(text: str) -> None:
    assert redact(f"{text} and token=CANARY") == f"{text} and token={PLACEHOLDER}"


@given(st.text(st.sampled_from("ab/@:?#&=%'.[]"), min_size=1, max_size=30))
def test_password_of_a_url_is_redacted_whatever_it_contains(password: str) -> None:
    assert (
        redact(f"refused postgres://user:{password}@db:5432/prod") == f"refused postgres://{PLACEHOLDER}@db:5432/prod"
    )


@st.composite
def hostile(draw: st.DrawFn) -> str:
    """Return beginnings of secrets, whole secrets and other text, in any order."""
    example = st.sampled_from([plain(example) for _, example in EXAMPLES])
    beginning = st.builds(lambda text, size: text[:size], example, st.integers(1, 40))
    return "".join(draw(st.lists(st.one_of(st.text(max_size=5), beginning, example), max_size=6)))


@given(hostile())
def test_redaction_is_idempotent(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(hostile())
def test_mask_keeps_positions(text: str) -> None:
    masked = mask(text, "*")
    assert len(masked) == len(text)
    assert all(shown in (char, "*") for shown, char in zip(masked, text, strict=True))


@given(st.text("İıſK", min_size=1), st.sampled_from(["PASSWORD=CANARY", "Password: CANARY"]))
def test_letters_that_change_their_length_in_lower_case_hide_nothing(text: str, secret: str) -> None:
    assert "CANARY" not in redact(f"{text} {secret} {text}")


def test_long_text_is_cut() -> None:
    text = "a " * LONGEST_TEXT
    assert redact(text) == f"{text[:LONGEST_TEXT]}... ({LONGEST_TEXT:,} more characters)"
    assert redact("abcdef", 4) == "abcd... (2 more characters)"


@pytest.mark.parametrize("length", range(1, 40))
def test_secret_across_the_cut_is_redacted(length: int) -> None:
    shown = redact("x" * 20 + " AKIACANARYCANARY0000 ghp_" + "CANARY" * 6, 20 + length)
    assert "AK" not in shown
    assert "CAN" not in shown


def units() -> Iterator[str]:
    """Return texts whose repetition is the worst case of a pattern: beginnings of examples."""
    yield from (
        "a://:",
        "://a:",
        "a://:@ ",
        "secret",
        "token-",
        "?a=",
        "a=",
        "-----",
        "eyJ",
        "eyJa.",
        "secret[[",
        "[",
        "basic " + "+" * 64,
    )
    for _, example in EXAMPLES:
        text = plain(example)
        yield from {text[: len(text) // 2], text[: len(text) - 1], text}


def seconds(kind: re.Pattern[str], text: str) -> float:
    """Return the shortest CPU time of three searches."""
    times = []
    for _ in range(3):
        before = time.thread_time()
        for _match in kind.finditer(text):
            pass
        times.append(time.thread_time() - before)
    return min(times)


@pytest.mark.parametrize("kind", PATTERNS, ids=lambda kind: kind.name)
def test_time_grows_linearly(kind: SecretPattern) -> None:
    """Eight times the text takes about eight times as long; 64 times as long if the time were quadratic."""
    for unit in units():
        if not any(hint in unit.lower() for hint in kind.hints):
            continue
        short, long = (seconds(kind.pattern, (unit * size)[:size]) for size in (4_000, 32_000))
        assert long < 24 * short + 0.01, f"{unit!r} repeated"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("received hunter2-long twice: hunter2-long", f"received {PLACEHOLDER} twice: {PLACEHOLDER}"),
        ("cut at hunter2-l", f"cut at {PLACEHOLDER}"),
        ("quoted a%20%2Fb and a \\u00e9", f"quoted {PLACEHOLDER} and {PLACEHOLDER}"),
        ("nothing here", "nothing here"),
    ],
)
def test_known_secret_is_redacted_at_any_position(text: str, shown: str) -> None:
    assert redact_values(text, ["hunter2-long", "a /b", "a é", "", "it"]) == shown


@pytest.mark.parametrize("name", ["key", "reason", "password=CANARY", "x" * 100 + " password=CANARY"])
def test_a_name_is_redacted_as_any_text_the_second_time_too(name: str) -> None:
    assert redact_name(name) == redact_name(name) == redact(name)
    assert "CANARY" not in redact_name(name)

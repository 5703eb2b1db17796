"""Tests of event ids and job tokens. The literal ids must never change: replays depend on them."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headrace.schemas import ids
from headrace.schemas.records import Asset

ASSET = Asset(
    bucket="headrace-media",
    key="Ferien 2026/Straße+1 100%.mp4",
    version="3sL4kqtJlcpXroDTDmJ",
    etag="d41d8cd98f00b204e9800998ecf8427e",
    size=1,
    sequencer="0055AED6DCD90281E5",
)
ROOT = "065967cf-6e8b-5ef2-ae44-5c5168ddc8f9"
TOKEN = "labels-062b1ca6d3fd993cd4a884bbdcc1274400850b66"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
stages = st.from_regex(r"[a-z][a-z0-9-]{0,22}", fullmatch=True)


def asset(bucket: str, key: str, version: str, sequencer: str) -> Asset:
    return Asset(bucket=bucket, key=key, version=version, etag="", size=0, sequencer=sequencer)


def test_root_id_is_stable() -> None:
    assert ids.root_id(ASSET, "ObjectCreated:Put") == ROOT


def test_derived_id_is_stable() -> None:
    assert ids.derived_id(ROOT, "labels", 1) == "d0c2981b-181c-5689-8f47-a3b43a7ef385"


def test_named_id_is_stable() -> None:
    assert ids.named_id("arn:aws:sns", "42") == "fd6596ad-bb45-5768-8940-f493f7307c7b"


def test_job_token_is_stable() -> None:
    assert ids.job_token("labels", ASSET, "v1") == TOKEN


def test_id_is_a_name_based_uuid() -> None:
    assert uuid.UUID(ROOT).version == 5


@given(st.lists(st.text()))
def test_ids_equal_uuid5_of_the_standard_library(parts: list[str]) -> None:
    name = "".join(f"{len(part)}:{part}" for part in parts)
    assert ids.named_id(*parts) == str(uuid.uuid5(ids.NAMESPACE, name))


def test_two_results_of_one_cause_have_different_ids() -> None:
    assert ids.derived_id(ROOT, "labels", 1, 0) != ids.derived_id(ROOT, "labels", 1, 1)


def test_new_stage_version_changes_the_event_id() -> None:
    assert ids.derived_id(ROOT, "labels", 1) != ids.derived_id(ROOT, "labels", 2)


def test_size_and_etag_do_not_change_the_id() -> None:
    same = Asset(bucket=ASSET.bucket, key=ASSET.key, version=ASSET.version, etag="", size=2, sequencer=ASSET.sequencer)

    assert ids.root_id(same, "ObjectCreated:Put") == ROOT


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_different_parts_have_different_ids(one: list[str], other: list[str]) -> None:
    assume(one != other)

    assert ids.named_id(*one) != ids.named_id(*other)


@given(st.lists(texts, min_size=5, max_size=5), st.integers(0, 3), st.integers(1, 6))
def test_part_boundaries_change_the_id(parts: list[str], at: int, count: int) -> None:
    assume(parts[at])
    moved = [*parts]
    moved[at], moved[at + 1] = parts[at][:-count], parts[at][-count:] + parts[at + 1]

    assert ids.root_id(asset(*parts[:4]), parts[4]) != ids.root_id(asset(*moved[:4]), moved[4])


@given(stages, texts, texts)
def test_token_is_valid_for_every_service_and_names_its_stage(stage: str, key: str, options: str) -> None:
    token = ids.job_token(stage, asset("media", key, "1", ""), options)

    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", token)
    assert ids.token_stage(token) == stage


@pytest.mark.parametrize("stage", ["", "Labels", "1labels", "a_b", "a.b", "-a", "a" * 24, "ä", "labels\n"])
def test_rejects_stage_names_that_are_invalid_in_a_token(stage: str) -> None:
    with pytest.raises(ValueError, match="cannot name a stage"):
        ids.job_token(stage, ASSET, "")


def test_other_options_change_the_token() -> None:
    assert ids.job_token("labels", ASSET, "v2") != TOKEN


@pytest.mark.parametrize("token", ["", "labels", "labels-", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), TOKEN + "\n"])
def test_foreign_token_has_no_stage(token: str) -> None:
    assert ids.token_stage(token) is None


def test_asset_key_is_the_same_for_all_versions() -> None:
    assert ids.asset_key(ASSET) == "headrace-media/Ferien 2026/Straße+1 100%.mp4"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6"),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E51"),
        ("0A", "0B00"),
        ("0AFF", "0B"),
        ("00ff", "01"),
        ("", "00000001"),
    ],
)
def test_sequencer_order_follows_the_s3_documentation(older: str, newer: str) -> None:
    assert ids.sequencer_order(older) < ids.sequencer_order(newer)


def test_trailing_zeros_and_case_do_not_change_the_order() -> None:
    assert ids.sequencer_order("00ab") == ids.sequencer_order("00AB00")


@given(st.text("0123456789ABCDEF", max_size=32), st.text("0123456789ABCDEF", max_size=32))
def test_shorter_sequencer_is_padded_with_zeros(one: str, other: str) -> None:
    width = max(len(one), len(other))

    padded = (one.ljust(width, "0"), other.ljust(width, "0"))
    ours = (ids.sequencer_order(one), ids.sequencer_order(other))
    assert (ours[0] < ours[1], ours[0] == ours[1]) == (padded[0] < padded[1], padded[0] == padded[1])

"""Tests of the price list, which is read once and passed on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from headrace.console.pipeline.tables import transcribed_words
from headrace.schemas.settings import SettingsError
from headrace.streams.aws.rekognition import Rekognition
from headrace.streams.costs.estimates import estimate
from headrace.streams.costs.prices import PriceList, load_price_list, read_price_list
from headrace.streams.errors import PermanentError
from headrace.streams.media.media_input import original
from headrace.streams.pipeline import all_stages
from headrace.streams.settings import StreamSettings
from tests.support.records import ready

CUSTOM = '["eu-west-1".rekognition]\nDetectLabels = { unit = "image", usd = 0.5 }\n'


class SealedEnvironment(type(os.environ)):  # type: ignore[misc]
    """An environment that cannot be read."""

    def __getitem__(self, name: str) -> str:
        raise AssertionError(f"{name} was read from the environment")

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the environment was read")


class Aws:
    """A Rekognition that finds nothing."""

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        return {"Labels": [], "LabelModelVersion": "3.0"}


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PriceList:
    file = tmp_path / "prices.toml"
    file.write_text(CUSTOM)
    monkeypatch.setenv("HEADRACE_PRICES", str(file))
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return load_price_list()


async def test_priced_calls_do_not_read_the_environment(prices: PriceList, monkeypatch: pytest.MonkeyPatch) -> None:
    vision: Any = Rekognition(Aws(), StreamSettings(results_bucket="r"), prices)  # type: ignore[arg-type]
    stages = all_stages()
    with monkeypatch.context() as patch:
        patch.setattr(os.environ, "__class__", SealedEnvironment)
        [paid] = (await vision.detect("labels", original(ready()))).charges
        estimates = [estimate(stage, ready(), prices) for stage in stages]
    assert paid.usd == 0.5
    assert 0.5 in estimates


def test_list_prices_apply_where_the_file_and_the_region_have_none(prices: PriceList) -> None:
    assert prices.price_of("polly", "StartSpeechSynthesisTask") == read_price_list("us-east-1").price_of(
        "polly", "StartSpeechSynthesisTask"
    )


def test_region_of_the_sdk_takes_precedence(prices: PriceList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")  # boto3 does not read it
    assert load_price_list() == prices
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert load_price_list() == read_price_list("us-east-1") != prices


def test_empty_variables_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "HEADRACE_PRICES"):
        monkeypatch.setenv(name, "")
    assert load_price_list() == read_price_list("us-east-1")


def test_price_list_cannot_be_changed(prices: PriceList) -> None:
    with pytest.raises(FrozenInstanceError):
        prices.prices = {}  # type: ignore[misc]
    with pytest.raises(TypeError):
        prices.prices["s3", "GetObject"] = None  # type: ignore[index]


@pytest.mark.parametrize("text", ["[", '[eu.rekognition]\nDetectLabels = { unit = "image" }\n', "a = 1\n", None])
def test_invalid_price_file_is_a_settings_error(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=r"^HEADRACE_PRICES: .*prices\.toml|^HEADRACE_PRICES: "):
        read_price_list("eu", str(file))


def test_a_free_call_has_no_charge(prices: PriceList) -> None:
    assert prices.price_of("rekognition", "GetLabelDetection") is None
    with pytest.raises(KeyError):
        prices.charge("rekognition", "GetLabelDetection", 1)


@pytest.mark.parametrize(("seconds", "usd"), [(4.0, 0.006), (15.0, 0.006), (60.0, 0.024)])
def test_estimate_of_short_sound_is_the_shortest_billed_length(seconds: float, usd: float) -> None:
    [transcript] = [stage for stage in all_stages() if stage.name == "transcript"]
    sound = ready(kind="audio", duration_seconds=seconds)
    assert estimate(transcript, sound, read_price_list("us-east-1")) == pytest.approx(usd)


def test_estimate_of_a_translation_has_the_subtitles() -> None:
    [translation] = [stage for stage in all_stages() if stage.name == "translation"]
    record, prices = transcribed_words(1_000), read_price_list("us-east-1")
    assert estimate(translation, record, prices) == pytest.approx(0.18)
    assert estimate(translation, structs.replace(record, subtitles=None), prices) == pytest.approx(0.09)


@pytest.mark.parametrize("units", [-1, float("nan"), float("inf"), 10**400])
def test_number_of_units_that_no_call_has_is_an_invalid_answer(units: float) -> None:
    with pytest.raises(PermanentError) as raised:
        read_price_list("us-east-1").charge("polly", "StartSpeechSynthesisTask", units)
    assert raised.value.code == "invalid_answer"

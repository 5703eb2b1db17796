"""Invalid webhook settings."""

from __future__ import annotations

import pytest

from headrace.connectors.webhook.settings import WebhookSettings
from headrace.schemas.settings import SettingsError, load
from tests.support.fake_sns import TOPIC

VARIABLE = "HEADRACE_WEBHOOK_TOPIC_ARNS"


def test_topic_arns_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{TOPIC}, {TOPIC}-2,")
    assert load(WebhookSettings).topic_arns == (TOPIC, TOPIC + "-2")


@pytest.mark.parametrize("value", ["", ",", "*", "arn:aws:sns:us-east-1:*:media", f"{TOPIC}.fifo", f"{TOPIC},media"])
def test_valid_topic_arns_are_required(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(SettingsError, match=VARIABLE):
        load(WebhookSettings)


def test_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, TOPIC)
    monkeypatch.setenv("HEADRACE_WEBHOOK_CA_FILE", "nowhere.pem")
    with pytest.raises(SettingsError, match="HEADRACE_WEBHOOK_CA_FILE"):
        load(WebhookSettings)

"""What the webhook refuses to be told."""

from __future__ import annotations

import pytest

from headrace.connectors.webhook.settings import WebhookSettings
from headrace.schemas.settings import SettingsError, load
from tests.support.fake_sns import TOPIC

VARIABLE = "HEADRACE_WEBHOOK_TOPIC_ARNS"


def test_topics_come_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{TOPIC}, {TOPIC}-2,")
    assert load(WebhookSettings).topic_arns == (TOPIC, TOPIC + "-2")


@pytest.mark.parametrize("value", ["", ",", "*", "arn:aws:sns:us-east-1:*:media", f"{TOPIC}.fifo", f"{TOPIC},media"])
def test_a_webhook_without_topics_that_can_deliver_to_it_does_not_start(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(SettingsError, match=VARIABLE):
        load(WebhookSettings)


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, TOPIC)
    monkeypatch.setenv("HEADRACE_WEBHOOK_CA_FILE", "nowhere.pem")
    with pytest.raises(SettingsError, match="HEADRACE_WEBHOOK_CA_FILE"):
        load(WebhookSettings)

"""The bridge's settings come from the environment."""

from __future__ import annotations

import pytest

from headrace.connectors.bridge.settings import BridgeSettings
from headrace.schemas.settings import SettingsError, load


def test_queue_urls_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_QUEUE_URLS", "http://a/1, http://b/2 ,")

    assert load(BridgeSettings).queue_urls == ("http://a/1", "http://b/2")


@pytest.mark.parametrize("urls", ["", " , "])
def test_queue_urls_are_required(monkeypatch: pytest.MonkeyPatch, urls: str) -> None:
    monkeypatch.setenv("HEADRACE_QUEUE_URLS", urls)

    with pytest.raises(SettingsError, match="HEADRACE_QUEUE_URLS"):
        load(BridgeSettings)

"""Which key signs the calls of the Step Functions API."""

from __future__ import annotations

import pytest

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.console.machines.settings import MachineApiSettings, signing_key
from headrace.schemas.settings import SettingsError, load


def test_key_is_its_own_or_that_of_the_sdks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sdk")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sdk-secret")
    assert signing_key(load(MachineApiSettings)) == AwsCredentials("sdk", "sdk-secret")

    monkeypatch.setenv("HEADRACE_MACHINES_ACCESS_KEY_ID", "own")
    monkeypatch.setenv("HEADRACE_MACHINES_SECRET_ACCESS_KEY", "own-secret")
    assert signing_key(load(MachineApiSettings)) == AwsCredentials("own", "own-secret")


@pytest.mark.parametrize("name", ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"])
def test_half_a_key_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"HEADRACE_MACHINES_{name}", "x")
    with pytest.raises(SettingsError, match="belong together"):
        signing_key(load(MachineApiSettings))

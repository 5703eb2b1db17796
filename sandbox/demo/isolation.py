"""Isolate a demo run from the user's environment."""

from __future__ import annotations

import os
from collections.abc import Collection

from headrace.connectors.bridge.settings import BridgeSettings
from headrace.connectors.sinks.settings import TargetSettings
from headrace.console.machines.settings import MachineApiSettings
from headrace.console.settings import ConsoleSettings
from headrace.console.views.settings import ViewsSettings
from headrace.sandbox.names import HOST
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.settings import PipelineSettings, StreamSettings

SETTINGS = (
    KafkaSettings,
    StreamSettings,
    PipelineSettings,
    TargetSettings,
    BridgeSettings,
    ConsoleSettings,
    ViewsSettings,
    MachineApiSettings,
)
"""The settings of the components that a demo runs."""


def isolate_environment(kept: Collection[str] = (), keep_aws: bool = False) -> None:
    """Remove the user's Headrace settings except `kept` from the environment, and those of AWS and proxies.

    The environment is that of this process and its children. With `keep_aws`, the settings of AWS are kept.
    """
    settings_names = {
        f"{settings.model_config.get('env_prefix')}{field}".upper()
        for settings in SETTINGS
        for field in settings.model_fields
    }
    for name in list(os.environ):
        if (name in settings_names and name not in kept) or (name.startswith("AWS_") and not keep_aws):
            del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(each for each in (HOST, os.environ.get(name, "")) if each)

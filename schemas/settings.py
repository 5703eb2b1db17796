"""What a process needs to know, read once from the environment; and how to reach Kafka."""

from __future__ import annotations

from typing import Any, TypeVar

import pydantic_settings
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)


class SettingsError(RuntimeError):
    """A variable is missing or holds what it cannot hold; the message names it in one line."""


def load(cls: type[S], **values: Any) -> S:
    """Read settings from the environment; an empty variable counts as not set. `values` override it.

    Raises `SettingsError` with one line that a person can act on. It does not repeat values: they may be secret.
    """
    try:
        return cls(_env_ignore_empty=True, **values)
    except ValidationError as error:
        raise SettingsError("; ".join(_line(cls, detail) for detail in error.errors())) from None
    except pydantic_settings.SettingsError as error:  # a list or object whose text is no JSON
        raise SettingsError(str(error)) from None


def _line(cls: type[BaseSettings], detail: ErrorDetails) -> str:
    if not detail["loc"]:  # what does not fit together names its variables itself
        return str(detail["ctx"]["error"])
    name = str(detail["loc"][0])
    field = cls.model_fields.get(name)
    variable = (f"{cls.model_config.get('env_prefix', '')}{name}" if field else name).upper()
    said = f"{variable} is not set" if detail["type"] == "missing" else f"{variable}: {detail['msg']}"
    return f"{said}: {field.description}" if field and field.description else said

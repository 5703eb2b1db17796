"""Load settings from the environment."""

from __future__ import annotations

from typing import Any, TypeVar

import pydantic_settings
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)


class SettingsError(RuntimeError):
    """An environment variable is missing or invalid; the one-line message names it."""


def load(cls: type[S], **values: Any) -> S:
    """Read settings from the environment. An empty variable counts as not set; `values` override the environment.

    Raises:
        SettingsError: A variable is missing or invalid. The message contains no values: they may be secret.
    """
    try:
        return cls(_env_ignore_empty=True, **values)
    except ValidationError as error:
        raise SettingsError("; ".join(_line(cls, detail) for detail in error.errors())) from None
    except pydantic_settings.SettingsError as error:  # a list or object that is not valid JSON
        raise SettingsError(str(error)) from None


def _line(cls: type[BaseSettings], detail: ErrorDetails) -> str:
    if not detail["loc"]:  # an error of a model validator names its variables
        return str(detail["ctx"]["error"])
    name = str(detail["loc"][0])
    field = cls.model_fields.get(name)
    variable = (f"{cls.model_config.get('env_prefix', '')}{name}" if field else name).upper()
    text = f"{variable} is not set" if detail["type"] == "missing" else f"{variable}: {detail['msg']}"
    return f"{text}: {field.description}" if field and field.description else text

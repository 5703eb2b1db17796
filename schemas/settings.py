"""Load settings from the environment."""

from __future__ import annotations

import os
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pydantic_settings
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)

MAX_DRAIN_SECONDS = 86_400
_LONGEST_VALUE = 100_000
_VISIBLE = frozenset(map(chr, range(33, 127)))


class SettingsError(RuntimeError):
    """An environment variable is missing or invalid; the one-line message names it."""


def load(cls: type[S], **values: Any) -> S:
    """Read settings from the environment. An empty variable counts as not set; `values` override the environment.

    Raises:
        SettingsError: A variable is missing or invalid. The message contains no values: they may be secret.
    """
    for variable in _variables(cls):
        _check_text(variable, os.environ.get(variable, ""))
    try:
        return cls(_env_ignore_empty=True, **values)
    except ValidationError as error:
        raise SettingsError("; ".join(_line(cls, detail) for detail in error.errors())) from None
    except pydantic_settings.SettingsError as error:  # a list or object that is not valid JSON
        raise SettingsError(str(error)) from None
    except OSError as error:  # a path that the system does not accept
        names = [each for each in _variables(cls) if error.filename and os.environ.get(each) == str(error.filename)]
        raise SettingsError(f"{', '.join(names) or cls.__name__}: {error.strerror}") from None


def is_http_url(text: str) -> bool:
    """Whether a text is an http:// or https:// URL with a host and a valid port, in visible ASCII characters."""
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and _VISIBLE.issuperset(text)
    except ValueError:
        return False


def _variables(cls: type[BaseSettings]) -> list[str]:
    return [_variable(cls, name) for name in cls.model_fields]


def _variable(cls: type[BaseSettings], name: str) -> str:
    return f"{cls.model_config.get('env_prefix', '')}{name}".upper()


def _check_text(variable: str, value: str) -> None:
    if len(value) > _LONGEST_VALUE:
        raise SettingsError(f"{variable} has more than {_LONGEST_VALUE:,} characters")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise SettingsError(f"{variable} is not valid UTF-8")


def _line(cls: type[BaseSettings], detail: ErrorDetails) -> str:
    if not detail["loc"]:  # an error of a model validator names its variables
        return str(detail["ctx"]["error"])
    name = str(detail["loc"][0])
    field = cls.model_fields.get(name)
    variable = _variable(cls, name) if field else name.upper()
    text = (
        f"{variable} is not set"
        if detail["type"] == "missing"
        else f"{variable}: {detail['msg'].removeprefix('Value error, ')}"
    )
    return f"{text}: {field.description}" if field and field.description else text

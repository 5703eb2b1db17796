"""Capture what a module logs, whatever logging another test has configured."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs


@contextmanager
def captured_logs(module: ModuleType, level: int) -> Iterator[list[MutableMapping[str, Any]]]:
    """Yield the lines that `module.log` and new loggers write at a level or above during a `with` block."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level), cache_logger_on_first_use=False)
    try:
        with pytest.MonkeyPatch.context() as patch, capture_logs() as lines:
            patch.setattr(module, "log", structlog.get_logger())  # the module's own may have a fixed configuration
            yield lines
    finally:
        structlog.configure(**before)

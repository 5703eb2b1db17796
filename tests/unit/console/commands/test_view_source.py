"""The line about the lag of the views, and the cost of loading the commands that use them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headrace.console.app.main import COMMANDS
from headrace.console.commands.view_source import STALE_SECONDS, lag_line
from headrace.console.views.database import Lag


@pytest.mark.parametrize(
    ("lag", "line"),
    [
        (Lag(0, 0.4), "views: as of 400 ms ago"),
        (Lag(1, 2.0), "views: as of 2.0 s ago, 1 record behind the log"),
        (Lag(12_345, 2.0), "views: as of 2.0 s ago, 12,345 records behind the log"),
        (Lag(5, float("inf")), "views: incomplete, 5 records to read. headrace views status"),
    ],
)
def test_lag_is_described(lag: Lag, line: str) -> None:
    assert lag_line(lag) == line


def test_old_views_name_what_to_do() -> None:
    line = lag_line(Lag(0, STALE_SECONDS + 1))
    assert "as of 1 min 1 s ago" in line
    assert "headrace views run" in line
    assert "--from-log" in line


def test_loading_the_commands_loads_no_database() -> None:
    """SQLAlchemy takes about 30 times as long to import as Python takes to start; `--help` does not need it."""
    names = ("trace", "watch", "status", "cost", "dlq", "replay", "assets", "reconcile")
    modules = sorted({COMMANDS[name].partition(":")[0] for name in names})
    script = f"import sys, {', '.join(modules)}; print(sorted({{'sqlalchemy', 'confluent_kafka'}} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"

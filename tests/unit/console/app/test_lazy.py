"""Commands are listed without importing them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headrace.console.app.lazy import LazyCommand, source_help
from headrace.console.errors import CommandError

PLUGIN = '''
"""A plug-in."""
import typer
raise RuntimeError("this was loaded")
app = typer.Typer(name="x", help="Group of a plug-in.")
bare = typer.Typer()
def command() -> None:
    """Do it.

    And more.
    """
def silent() -> None: ...
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "headrace_plugin.py").write_text(PLUGIN)
    (tmp_path / "headrace_broken.py").write_text("def (")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "headrace_plugin"


@pytest.mark.parametrize(
    ("name", "text"),
    [("command", "Do it."), ("app", "Group of a plug-in."), ("bare", "A plug-in."), ("silent", "")],
)
def test_help_is_read_from_source_without_import(plugin: str, name: str, text: str) -> None:
    assert source_help(f"{plugin}:{name}") == text
    assert plugin not in sys.modules


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("headrace_broken", "(cannot be loaded: "),
        ("headrace_is_not_there", ""),
        ("headrace_is_not_there.at_all", "(cannot be loaded: "),
    ],
)
@pytest.mark.usefixtures("plugin")
def test_broken_plugin_does_not_break_the_list(module: str, expected: str) -> None:
    assert source_help(f"{module}:app").startswith(expected)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("target", ["headrace_is_not_there:app", "headrace.console.terminal.formatting:is_not_there"])
def test_unloadable_command_fails_when_called(target: str) -> None:
    with pytest.raises(CommandError, match=f"the command x cannot be loaded from {target}"):
        LazyCommand("x", target).load()


def test_functions_and_apps_become_commands() -> None:
    assert LazyCommand("version", "headrace.console.commands.version:version").load().help == "Print the version."
    assert LazyCommand("schemas", "headrace.console.commands.schemas:app").load().commands.keys() == {
        "list",
        "check",
        "register",
    }

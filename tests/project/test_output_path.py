"""Nothing is displayed around `headrace.console.terminal.output`, `screen` and the log."""

from __future__ import annotations

import ast

import pytest

from tests.project.source import PACKAGES, modules, name_of, tree

WRITERS = {
    "headrace.console.terminal.output": "the output path",
    "headrace.schemas.runtime.logging": "the log",
    "headrace.console.app.process": "flushes standard output, and replaces it if it cannot be written",
    "headrace.sandbox.ai.transcribe.recognizer": "a child process that answers its parent in JSON",
    "headrace.sandbox.cluster.containers": "prints its own usage",
    "headrace.streams.media.inspection.server": "prints why its own sample cannot be read",
}
CALLS = {"echo", "secho", "echo_via_pager", "print", "print_exc", "print_exception", "print_stack", "print_tb", "input"}
CALLS |= {"confirm", "prompt", "getpass", "displayhook", "print_usage", "print_help", "writelines"}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
CONSOLES = {"console", "_console", "out", "live"}
"""Names of `headrace.console.terminal.screen.Console`, whose `print` is safe."""


def writes(parsed: ast.Module) -> list[str]:
    """Return what a module prints without the output path."""
    found = []
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) if name in CALLS:
                    found.append(name)
                case ast.Attribute(attr=name, value=owner) if name in CALLS and not _is_console(owner):
                    found.append(name)
        elif isinstance(node, ast.Attribute) and node.attr in STREAMS and _is_sys(node.value):
            found.append(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            found += [each.name for each in node.names if each.name in STREAMS]
    return found


def _is_sys(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "sys"


def _is_console(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in CONSOLES
        case ast.Call(func=ast.Name(id="Console" | "screen")):
            return True
    return False


def test_output_has_one_path() -> None:
    found = {name_of(path): calls for path in modules(*PACKAGES) if (calls := writes(tree(path)))}
    assert found.keys() <= WRITERS.keys(), "print with headrace.console.terminal.output, or log"


@pytest.mark.parametrize(
    "planted",
    [
        "print('x')",
        "typer.echo('x')",
        "from typer import echo\necho('x')",
        "click.secho('x')",
        "sys.stdout.write('x')",
        "sys.stderr.buffer.write(b'x')",
        "from sys import stdout\nstdout.write('x')",
        "traceback.print_exception(error)",
        "traceback.print_exc()",
        "typer.confirm('x')",
        "rich.print('x')",
    ],
)
def test_planted_output_is_detected(planted: str) -> None:
    assert writes(ast.parse(planted))


@pytest.mark.parametrize(
    "safe", ["print_line('x')", "console.print('x')", "self._console.print('x')", "Console().print(table)"]
)
def test_safe_output_is_not_detected(safe: str) -> None:
    assert not writes(ast.parse(safe))

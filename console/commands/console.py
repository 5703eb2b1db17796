"""`headrace console`: the web console."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.errors import CommandError
from headrace.console.terminal.output import ask_secret, print_line, print_verbatim

if TYPE_CHECKING:
    from headrace.console.web.access.users_file import EntryKind

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    help="Serve the web console: pipeline, assets, dead letters, replay.",
)


@app.callback()
def console(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address (default: HEADRACE_CONSOLE_HOST or 127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port (default: HEADRACE_CONSOLE_PORT or 8088); 0: any free.")
    ] = None,
    read_only: Annotated[bool | None, typer.Option("--read-only", help="Reject every change.")] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write logs as JSON.")] = False,
) -> None:
    """Serve the web console until Ctrl-C: pipeline, assets, dead letters, replay, rules and cost.

    On a loopback address it needs no login. On any other one, set how users log in: docs/console.md.
    """
    if context.invoked_subcommand is not None:
        return
    from headrace.console.web.server import serve
    from headrace.console.web.settings import WebConsoleSettings
    from headrace.schemas.settings import load

    if json_logs:
        from headrace.schemas.runtime import logging

        logging.configure(json=True)
    given = {"host": host, "port": port, "read_only": read_only}
    settings = load(WebConsoleSettings, **{name: value for name, value in given.items() if value is not None})
    serve(settings, lambda url: print_line(f"console: {url}"))


UserName = Annotated[str, typer.Argument(help="User name: letters, digits and . _ @ + -")]
Role = Annotated[str, typer.Option(help="viewer, operator or admin.")]
UsersFileOption = Annotated[
    Path | None, typer.Option("--file", help="Users file (default: HEADRACE_CONSOLE_USERS_FILE).", show_default=False)
]


@app.command()
def password(
    name: UserName,
    role: Role = "viewer",
    file: UsersFileOption = None,
    generate: Annotated[bool, typer.Option("--generate", help="Generate a password, and print it.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the password of a user who has one.")] = False,
) -> None:
    """Set the password of a user in the users file. It is read from the terminal, or from standard input."""
    import secrets

    from headrace.console.web.access.passwords import LONGEST, SHORTEST, hash_password

    path = _users_path(file)
    if keep and _has_password(path, name):
        print_line(f"{name} has a password in {path}: kept", error=True)
        return
    text = secrets.token_urlsafe(15) if generate else ask_secret(f"Password of {name}")
    if not SHORTEST <= len(text) <= LONGEST:
        raise CommandError(f"a password has {SHORTEST} to {LONGEST} characters")
    _store("password", name, role, path, hash_password(text))
    if generate:
        print_verbatim(text)


@app.command()
def token(name: UserName, role: Role = "viewer", file: UsersFileOption = None) -> None:
    """Create a token for the JSON API in the users file, and print it. Only its hash is stored."""
    import secrets

    from headrace.console.web.access.users_file import TOKEN_PREFIX, hash_token

    text = f"{TOKEN_PREFIX}{secrets.token_urlsafe(32)}"
    _store("token", name, role, _users_path(file), hash_token(text))
    print_verbatim(text)


def _users_path(file: Path | None) -> Path:
    path = file or Path(os.environ.get("HEADRACE_CONSOLE_USERS_FILE", ""))
    if path == Path():
        raise CommandError("name a users file: --file, or HEADRACE_CONSOLE_USERS_FILE")
    return path


def _has_password(path: Path, name: str) -> bool:
    from headrace.console.web.access.users_file import UsersFile

    return path.exists() and UsersFile(path).password(name) is not None


def _store(kind: EntryKind, name: str, role: str, path: Path, hashed: str) -> None:
    from headrace.console.web.access.users import parse_role
    from headrace.console.web.access.users_file import UserEntry, check_name, store_entry

    try:
        entry = UserEntry(kind, check_name(name), parse_role(role), hashed)
    except ValueError as error:
        raise CommandError(str(error)) from error
    store_entry(path, entry)
    print_line(f"{kind} of {name} ({role}) stored in {path}", error=True)

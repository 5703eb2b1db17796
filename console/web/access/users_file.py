"""The file with passwords and API tokens. Changes apply to the next request.

password ann admin $argon2id$...
token    ci  viewer sha256:...
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from headrace.console.errors import CommandError
from headrace.console.terminal.user_files import private_file
from headrace.console.web.access.passwords import verify_password
from headrace.console.web.access.users import ConsoleUser, UserRole, parse_role
from headrace.schemas.parsing import InvalidValueError, read_text_file

EntryKind = Literal["password", "token"]
USER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
TOKEN_PREFIX = "hrc_"


@dataclass(frozen=True, slots=True)
class UserEntry:
    """A line of the file: a password or a token of a user, as a hash."""

    kind: EntryKind
    name: str
    role: UserRole
    hashed: str

    @property
    def user(self) -> ConsoleUser:
        """The user."""
        return ConsoleUser(self.name, self.role)

    @property
    def fingerprint(self) -> str:
        """A text that changes with the password, and from which it cannot be computed."""
        return hashlib.sha256(self.hashed.encode()).hexdigest()[:16]


def parse_users(text: str, name: str) -> tuple[UserEntry, ...]:
    """Parse the lines of a file. Empty lines and lines that begin with # are skipped.

    Raises:
        CommandError: a line is invalid. The message has its number, not its content.
    """
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            kind, user, role, hashed = words
            entries.append(UserEntry(_kind(kind), check_name(user), parse_role(role), hashed))
        except ValueError:
            text = f"{name}, line {number}: must be `password NAME ROLE HASH` or `token NAME ROLE HASH`"
            raise CommandError(f"{text}. headrace console password and token write such lines") from None
    return tuple(entries)


def check_name(name: str) -> str:
    """Return the name of a user.

    Raises:
        ValueError: it has other characters than letters, digits and . _ @ + -, or more than 64.
    """
    if not USER_NAME.fullmatch(name):
        raise ValueError("a user name has letters, digits and . _ @ + -, at most 64")
    return name


def hash_token(token: str) -> str:
    """Return the hash of a token. A token is random, so a fast hash suffices."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


class UsersFile:
    """Reads the file again when it has changed. An invalid file admits no one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read_at: tuple[int, int] | None = None
        self._entries: tuple[UserEntry, ...] = ()

    def entries(self) -> tuple[UserEntry, ...]:
        """Return the entries.

        Raises:
            CommandError: the file is invalid.
            OSError: it cannot be read.
        """
        status = self._path.stat()
        state = (status.st_mtime_ns, status.st_size)
        with self._lock:
            if state != self._read_at:
                self._entries = _read(self._path)
                self._read_at = state
            return self._entries

    def password(self, name: str) -> UserEntry | None:
        """Return the password of a user."""
        return next((each for each in self.entries() if each.kind == "password" and each.name == name), None)

    def check_password(self, name: str, password: str) -> UserEntry | None:
        """Return the entry of a user with this password. An unknown user takes as long as a wrong password."""
        known = self.password(name)
        decoy = next((each for each in self.entries() if each.kind == "password"), None)
        tried = known or decoy
        is_right = tried is not None and verify_password(tried.hashed, password)
        return known if is_right else None

    def token(self, token: str) -> UserEntry | None:
        """Return the entry of a token."""
        wanted = hash_token(token).encode()
        tokens = [each for each in self.entries() if each.kind == "token"]
        return next((each for each in tokens if hmac.compare_digest(each.hashed.encode(), wanted)), None)


def store_entry(path: Path, entry: UserEntry) -> None:
    """Add an entry to the file, or replace the one of the same kind and name. Only the owner can read the file.

    Raises:
        CommandError: the file is invalid.
    """
    entries = list(_read(path)) if path.exists() else []
    kept = [each for each in entries if (each.kind, each.name) != (entry.kind, entry.name)]
    _write(path, (*kept, entry))


def _read(path: Path) -> tuple[UserEntry, ...]:
    try:
        return parse_users(read_text_file(path), str(path))
    except InvalidValueError as error:
        raise CommandError(f"{path}: {error}") from error


def _write(path: Path, entries: Iterable[UserEntry]) -> None:
    new = path.with_name(f"{path.name}.new")
    lines = "".join(f"{each.kind} {each.name} {each.role.label} {each.hashed}\n" for each in entries)
    with private_file(new) as file:
        file.write(lines.encode())
    new.replace(path)


def _kind(text: str) -> EntryKind:
    for kind in get_args(EntryKind):
        if text == kind:
            found: EntryKind = kind
            return found
    raise ValueError(text)

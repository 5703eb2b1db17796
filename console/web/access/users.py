"""Users and their roles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class UserRole(IntEnum):
    """What a user may do. Each role includes those below it."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def label(self) -> str:
        """The name of the role in files, settings and pages."""
        return self.name.lower()


ROLE_NAMES = tuple(role.label for role in UserRole)


def parse_role(name: str) -> UserRole:
    """Return the role with a name.

    Raises:
        ValueError: there is none.
    """
    try:
        return UserRole[name.upper()] if name.islower() else UserRole[""]
    except KeyError:
        raise ValueError(f"no role {name!r}; there are {', '.join(ROLE_NAMES)}") from None


@dataclass(frozen=True, slots=True)
class ConsoleUser:
    """A user with a role."""

    name: str
    role: UserRole

    def may(self, role: UserRole) -> bool:
        """Whether the user has at least this role."""
        return self.role >= role

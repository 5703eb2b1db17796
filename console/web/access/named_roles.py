"""Roles of users that a proxy or an OpenID Connect provider names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.console.web.access.users import ConsoleUser, UserRole
from headrace.console.web.failures import ForbiddenError

ALL = "*"


@dataclass(frozen=True, slots=True)
class NamedRoles:
    """The users and groups of each role."""

    viewers: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether any user has a role."""
        return bool(self.viewers or self.operators or self.admins)

    def user(self, name: str, groups: Iterable[str] = ()) -> ConsoleUser:
        """Return the user with the highest role that the name or a group has.

        Raises:
            ForbiddenError: it has none.
        """
        names = {name, *groups, ALL}
        roles = ((UserRole.ADMIN, self.admins), (UserRole.OPERATOR, self.operators), (UserRole.VIEWER, self.viewers))
        for role, members in roles:
            if names & set(members):
                return ConsoleUser(name, role)
        raise ForbiddenError(f"{name} has no role in this console: ask an administrator")

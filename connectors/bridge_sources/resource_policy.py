"""Read the resource policy of a queue or topic: may a service send to it for one of its resources?

Only the condition keys `aws:SourceArn` and `aws:SourceAccount` are evaluated; others are taken as met.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_ARN, _ACCOUNT = "aws:sourcearn", "aws:sourceaccount"


def allows(policy: Mapping[str, Any], service: str, action: str, source: str, account: str) -> bool:
    """Return whether a policy allows a service to call an action for a resource with the ARN `source`."""
    matching = [
        each["Effect"]
        for each in _list(policy.get("Statement"))
        if _is_for(each, service, action) and _is_met(each, source, account)
    ]
    return "Allow" in matching and "Deny" not in matching


def principal_services(statement: Mapping[str, Any]) -> list[str]:
    """Return the services that a statement names as principals."""
    principal = statement.get("Principal")
    return [str(each) for each in _list(principal.get("Service"))] if isinstance(principal, Mapping) else []


def _is_for(statement: Mapping[str, Any], service: str, action: str) -> bool:
    principal = statement.get("Principal")
    everyone = principal == "*" or (isinstance(principal, Mapping) and "*" in _list(principal.get("AWS")))
    named = everyone or service in principal_services(statement)
    actions = (str(each).lower() for each in _list(statement.get("Action")))
    return named and any(fnmatchcase(action.lower(), each) for each in actions)


def _is_met(statement: Mapping[str, Any], source: str, account: str) -> bool:
    """Return whether the conditions on the source are met. The value of a negated operator must not match."""
    facts = {_ARN: source, _ACCOUNT: account}
    for operator, conditions in statement.get("Condition", {}).items():
        negated = "Not" in operator
        for key, expected in conditions.items():
            fact = facts.get(key.lower())
            if fact and any(fnmatchcase(fact, str(each)) for each in _list(expected)) == negated:
                return False
    return True


def _list(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)

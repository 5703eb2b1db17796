"""Check permissions by policy simulation, and by dry calls where the simulation is denied."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.console.aws_account import dry_calls
from headrace.console.aws_account.identity import CallerIdentity, policy_source
from headrace.console.aws_account.required_permissions import Required, RequiredPermission
from headrace.console.aws_account.simulation import SimulatedDecision, simulate
from headrace.console.check_runner import DoctorCheck, Skipped
from headrace.console.errors import CommandError


@dataclass(frozen=True, slots=True)
class PermissionScope:
    """Whose permissions are checked: the caller's, or those of `role`. `names` are for dry calls."""

    identity: CallerIdentity
    names: dry_calls.TrialNames
    region: str
    role: str = ""


class PermissionChecks:
    """The checks of all required permissions. Policies are simulated once, by the first check."""

    def __init__(self, aws: AwsSession, required: Required, scope: PermissionScope) -> None:
        self._aws = aws
        self._required = required
        self._scope = scope
        self._lock = threading.Lock()
        self._simulated: Mapping[RequiredPermission, SimulatedDecision] | None = None
        self._failures: dict[str, str] = {}

    def checks(self) -> Iterator[DoctorCheck]:
        """Yield a check of the simulation, and one for each permission."""
        yield DoctorCheck("policy simulation", self._simulation, "allow iam:SimulatePrincipalPolicy and iam:GetRole")
        for each, components in self._required.items():
            on = f" on {each.resource}" if each.resource != "*" else ""
            by = f" by {each.principal.rpartition('/')[2]}" if each.principal else ""
            run = partial(self._check, each, ", ".join(components))
            yield DoctorCheck(f"{each.action}{on}{by}", run, _remedy(each, components))

    def _simulation(self) -> str:
        decisions = self._decisions()
        if self._failures:
            failed = "; ".join(f"{source or 'the caller'}: {reason}" for source, reason in self._failures.items())
            raise Skipped(f"{failed}. Dry calls are made where there are any")
        return f"IAM evaluated {len(decisions)} permissions"

    def _check(self, permission: RequiredPermission, components: str) -> str:
        if self._scope.identity.is_root and not permission.principal and not self._scope.role:
            return f"the root user may do everything; needed by {components}"
        decision = self._decisions().get(permission)
        if decision is not None:
            if not decision.allowed:
                raise CommandError(f"{decision.reason}; needed by {components}")
            return f"allowed; needed by {components}"
        allowed, reason = self._try(permission)
        if allowed is None:
            raise Skipped(f"not checked: {reason}; needed by {components}")
        if not allowed:
            raise CommandError(f"{reason}; needed by {components}")
        return f"{reason}; needed by {components}"

    def _try(self, permission: RequiredPermission) -> tuple[bool | None, str]:
        if self._scope.role:
            return None, "the role is not the caller: only a policy simulation can check it"
        return dry_calls.try_permission(self._aws, permission, self._scope.names, self._scope.region)

    def _decisions(self) -> Mapping[RequiredPermission, SimulatedDecision]:
        with self._lock:
            if self._simulated is None:
                self._simulated = self._simulate()
            return self._simulated

    def _simulate(self) -> Mapping[RequiredPermission, SimulatedDecision]:
        """Simulate for each principal; one whose policies cannot be simulated has no decisions."""
        groups: dict[str, list[RequiredPermission]] = defaultdict(list)
        for each in self._required:
            groups[each.principal].append(each)
        decisions: dict[RequiredPermission, SimulatedDecision] = {}
        for principal, permissions in groups.items():
            source = principal or self._scope.role or policy_source(self._aws, self._scope.identity)
            if source is None:
                self._failures[principal] = "the policies of this kind of identity cannot be simulated"
                continue
            try:
                decisions |= simulate(self._aws, source, permissions, self._scope.region)
            except AwsCallError as error:
                self._failures[principal] = str(error)
        return decisions


def _remedy(permission: RequiredPermission, components: object) -> str:
    if permission.principal:
        return f"allow {permission.action} on {permission.resource} in the policy of {permission.principal}"
    return f"allow {permission.action} on {permission.resource}: deploy/terraform/roles.tf has the policies"

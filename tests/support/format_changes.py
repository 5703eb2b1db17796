"""Compare what two versions store and send, as `stored_formats` describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def changes(previous: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """List the changes that one of the two versions cannot read, would drop, or would take for something else."""
    rewritten = {*previous["rewritten"], *present["rewritten"]}
    found = [
        each
        for name, before in previous["structs"].items()
        for each in _struct_changes(name, before, present["structs"].get(name), name in rewritten)
    ]
    for group in ("topics", "stages", "paths", "ids"):
        for name, before in previous[group].items():
            if (after := present[group].get(name)) != before:
                found.append(f"{group}: {name}: {before} is now {after}")
    for kind, names in previous["headers"].items():
        found += [f"headers: {name} of a {kind} is missing" for name in names if name not in present["headers"][kind]]
    views = previous["views"], present["views"]
    if views[0]["tables"] != views[1]["tables"] and views[0]["schema"] >= views[1]["schema"]:
        found.append("views: a table has changed, and SCHEMA_NUMBER was not raised")
    return found


def _struct_changes(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any] | None, is_rewritten: bool
) -> list[str]:
    if after is None or after["tag"] != before["tag"]:
        return [f"structs: {name} is missing, or has another tag"]
    old, new = before["fields"], after["fields"]
    changed = [field for field in old if new.get(field) != old[field]]
    added = [field for field in new if field not in old]
    required = [field for field in added if new[field]["required"]]
    dropped = [field for field in added if is_rewritten and field not in required]
    return [
        *(f"structs: {name}.{field} is no longer {old[field]['type']}" for field in changed),
        *(f"structs: {name}.{field} is required, and the previous version does not write it" for field in required),
        *(f"structs: {name}.{field} is new, and the previous version drops it" for field in dropped),
    ]

"""Packaging: dependencies, versions, make targets, decision records and what no file may contain."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.source import ROOT, imports, modules, name_of, tracked

MACHINE = {
    "a package registry": re.compile(r"(pypi|pythonhosted|npmjs|repo1?\.maven|artifactory|nexus)\.[a-z]|/simple/"),
    "a path of one machine": re.compile(r"(?<![\w.$}])/(work|farm|root|home/\w+|Users/\w+)/"),
}

EXACT = {"aiokafka", "faust-streaming", "ministack"}
"""Dependencies whose private names or answers the code relies on."""
LOCKS = {"deploy/requirements.txt": ("otel",), "deploy/requirements-cloud.txt": ("cloud", "otel")}
"""The hashed requirements of each image, and the extras they cover."""


def project() -> dict[str, object]:
    """Return the table `project` of pyproject.toml."""
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


@pytest.mark.parametrize("what", MACHINE)
def test_no_file_contains(what: str) -> None:
    found = []
    for path in tracked():
        if path == Path(__file__) or path.name == "event-patterns.jsonl":  # AWS's own examples, paths and all
            continue
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{at}: {line}" for at, line in enumerate(lines, 1) if MACHINE[what].search(line)
        ]
    assert not found


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (("schemas", "connectors", "streams", "console"), ("otel",)),
        (("sandbox",), ("sandbox", "speech")),
        (("tests", "bench", "conformance"), ("sandbox", "dev")),
    ],
    ids=lambda each: "+".join(each) or "none",
)
def test_every_import_is_a_declared_dependency(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    declared = {canonicalize_name(each.name) for each in declared_dependencies(extras)}
    ours = {"headrace", "tests", "bench", "conformance", *sys.stdlib_module_names}
    providers = metadata.packages_distributions()
    for path in modules(*folders):
        if path.is_relative_to(ROOT / "bench" / "peers"):  # they have an environment of their own
            continue
        for package in imports(path) - ours:
            named = providers.get(package, (package,))  # an optional one need not be installed
            assert declared & {canonicalize_name(name) for name in named}, (name_of(path), package)


def declared_dependencies(extras: tuple[str, ...]) -> list[Requirement]:
    """Return what pyproject.toml requires for an installation with some extras."""
    optional = project()["optional-dependencies"]
    assert isinstance(optional, dict)
    lists = [project()["dependencies"], *(optional[extra] for extra in extras)]
    requirements = [Requirement(line) for lines in lists for line in lines]
    own = tuple(extra for each in requirements if each.name == "headrace" for extra in each.extras)
    others = [each for each in requirements if each.name != "headrace"]
    return [*others, *(declared_dependencies(own) if own else ())]


def test_dependencies_are_ranges_around_the_pinned_versions() -> None:
    constraints = pins()
    for requirement in declared_dependencies(("sandbox", "dev")):
        name = canonicalize_name(requirement.name)
        operators = {each.operator for each in requirement.specifier}
        assert operators == {"=="} if name in EXACT else ">=" in operators, name
        assert requirement.specifier.contains(constraints[name]), name


def test_exact_dependencies_name_their_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert set(re.findall(r'^    "([\w-]+)==[\w.]+", # exact: \w', text, re.MULTILINE)) == EXACT


def test_constraints_pin_every_installed_dependency() -> None:
    installed = needed("headrace", frozenset({"sandbox", "dev"}))
    assert {name: version for name, version in pins().items() if name in installed} == installed


@pytest.mark.parametrize(("file", "extras"), LOCKS.items())
def test_locked_requirements_have_hashes_and_the_pinned_versions(file: str, extras: tuple[str, ...]) -> None:
    text = (ROOT / file).read_text("utf-8")
    locked = {
        canonicalize_name(name): (version, hashes.count("--hash=sha256:"))
        for name, version, hashes in re.findall(r"^([\w.-]+)==([\w.]+)(.*(?:\n    --hash.*)*)", text, re.MULTILINE)
        if "== 'win32'" not in hashes
    }
    assert {name: version for name, (version, _) in locked.items()}.items() <= pins().items()
    assert all(count for _, count in locked.values())
    assert {canonicalize_name(each.name) for each in declared_dependencies(extras)} <= locked.keys()


def pins() -> dict[str, str]:
    """Return the versions in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in requirements}


def needed(name: str, extras: frozenset[str]) -> dict[str, str]:
    """Return the direct and indirect dependencies of a distribution, with the installed versions."""
    found: dict[str, str] = {}
    todo = [(name, extras)]
    seen = set()
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        for line in metadata.requires(current[0]) or []:
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *current[1])):
                found[canonicalize_name(need.name)] = metadata.version(need.name)
                todo.append((need.name, frozenset(need.extras)))
    return {each: version for each, version in found.items() if each != "headrace"}


def test_changelog_starts_with_this_version() -> None:
    released = re.findall(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert released[0] == project()["version"] == metadata.version("headrace")


def test_make_help_lists_every_target() -> None:
    listed = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert phony is not None
    assert re.findall(r"^  make ([\w-]+) +\S", listed.stdout, re.MULTILINE) == phony[1].split()


def test_decisions_are_numbered_and_have_four_headings() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    for record in records:
        parts = re.findall(r"^## (\w+)$", record.read_text("utf-8"), re.MULTILINE)
        assert parts == ["Status", "Context", "Decision", "Consequences"], record.name

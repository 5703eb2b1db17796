"""Public classes and type aliases have names that are unique over all packages."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "connectors", "streams", "console", "sandbox")


def test_public_class_and_alias_names_are_unique() -> None:
    places = defaultdict(set)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for name in public_names(ast.parse(path.read_text("utf-8"))):
                places[name].add(str(path.relative_to(ROOT)))
    assert {name: sorted(paths) for name, paths in places.items() if len(paths) > 1} == {}


def public_names(tree: ast.Module) -> Iterator[str]:
    """Yield the public classes and type aliases of a module; an alias is a CapWords name bound to a type expression."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp | ast.Name):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            yield from (name for name in names if name[0].isupper() and not name.isupper())


def test_duplicates_are_seen_in_classes_and_aliases() -> None:
    tree = ast.parse("class A: ...\nBook = dict[str, int]\nCode = int | str\nD_MAX = int\n_E = int\nclass _F: ...")
    assert list(public_names(tree)) == ["A", "Book", "Code"]

"""Words that docs, comments, docstrings, messages and test names do not use: CONTRIBUTING.md has the reasons."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

_WORDS = (
    "nobody|somebody|whoever|whom|wherever|anybody|everybody|anyone|for ever|as it came|so many|told|said|lies|of ours"
    "|the least|no longer than it|one's own|shelf|seat|ears|patience|fuse"
)
FORBIDDEN = re.compile(rf"\b(?:{_WORDS})\b".replace(" ", r"\s+"), re.IGNORECASE)
SEPARATORS = str.maketrans("_#\"'", "    ")
"""Characters between the words of a test name, of a comment and of adjacent literals."""
TEXT = {".md", ".sh", ".tf", ".toml", ".tpl", ".txt", ".yaml", ".yml"}
TEXT_NAMES = {"Dockerfile", "Makefile", "run", "engine"}
LICENSES = {
    "LICENSE",
    "sandbox/media/LICENSES.md",
    "tests/data/asl/LICENSE.md",
    "tests/data/jsonata/LICENSE.md",
    "tests/unit/connectors/fixtures/LICENSE.md",
}
GENERATED = {"schemas/records.py"}
"""Generated from published schemas, whose documentation never changes."""
IGNORED = {*LICENSES, *GENERATED}


def checked_files() -> list[str]:
    """Return every file under version control that holds prose, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = sorted({name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()} - IGNORED)
    return [name for name in names if Path(name).suffix in {".py", *TEXT} or Path(name).name in TEXT_NAMES]


def violations(name: str) -> list[str]:
    """Return each forbidden word of a file as `path:line: word`."""
    text = (ROOT / name).read_text("utf-8")
    if not FORBIDDEN.search(text.translate(SEPARATORS)):
        return []
    messages = not name.startswith("tests/")
    passages = list(python_prose(text, messages=messages)) if name.endswith(".py") else [(1, text)]
    return [
        f"{name}:{line + passage.count(chr(10), 0, match.start())}: {' '.join(match[0].split())}"
        for line, passage in passages
        for match in FORBIDDEN.finditer(passage)
    ]


def python_prose(source: str, *, messages: bool) -> Iterator[tuple[int, str]]:
    """Yield comments, docstrings and test names of a module with their lines; with `messages`, all string literals."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")
    literals = ast.walk(tree) if messages else (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    for node in literals:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value

"""Words that docs, comments, docstrings, messages and test names do not use: CONTRIBUTING.md has the reasons.

`python -m tests.project.forbidden_words` removes files without such words from `forbidden_words_todo.txt`.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TODO = Path(__file__).with_name("forbidden_words_todo.txt")
"""Files that are still to be rewritten, one a line. The list only shrinks."""

_WORDS = (
    "nobody|somebody|whoever|whom|wherever|anybody|everybody|anyone|for ever|as it came|so many|told|said|lies|of ours"
    "|the least|no longer than it|one's own|shelf|seat|ears|patience|fuse"
)
FORBIDDEN = re.compile(rf"\b(?:{_WORDS})\b".replace(" ", r"\s+"), re.IGNORECASE)
TEXT = {".md", ".sh", ".tf", ".toml", ".tpl", ".txt", ".yaml", ".yml"}
TEXT_NAMES = {"Dockerfile", "Makefile", "run", "engine"}
LICENSES = {"LICENSE", "sandbox/media/LICENSES.md", "tests/unit/connectors/fixtures/LICENSE.md"}
GENERATED = {"schemas/records.py"}
"""Generated from published schemas, whose documentation never changes."""
IGNORED = {*LICENSES, *GENERATED, TODO.relative_to(ROOT).as_posix()}


def checked_files() -> list[str]:
    """Return every file under version control that holds prose, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = sorted({name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()} - IGNORED)
    return [name for name in names if Path(name).suffix in {".py", *TEXT} or Path(name).name in TEXT_NAMES]


def todo() -> list[str]:
    """Return the allow-list."""
    return TODO.read_text("utf-8").split()


def violations(name: str) -> list[str]:
    """Return each forbidden word of a file as `path:line: word`."""
    text = (ROOT / name).read_text("utf-8")
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


def main() -> None:
    """Remove clean and deleted files from the allow-list."""
    present = set(checked_files())
    TODO.write_text("".join(f"{name}\n" for name in todo() if name in present and violations(name)), "utf-8")


if __name__ == "__main__":
    main()

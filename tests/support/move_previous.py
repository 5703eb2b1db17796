"""Make a released commit the previous version: `python -m tests.support.move_previous v0.2.0`.

Writes its commit and its formats. What was accepted since the version before it no longer is a difference.
"""

from __future__ import annotations

import subprocess
from typing import Annotated

import typer

from tests.support import stored_formats
from tests.support.previous_version import DATA, ROOT, VERSION_FILE, build_version

HEADER = """\
# The version before the present one: processes of both share topics, consumer groups and buckets.
# docs/upgrading.md lists what holds. CONTRIBUTING.md, "Releases", says when this file changes.
commit = "{commit}"

# Changes of formats that the previous version cannot read or would drop, and why it never sees them.
[accepted]
"""


def main(revision: Annotated[str, typer.Argument(help="A commit or tag.")]) -> None:
    """Write the files that name and describe the previous version."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--verify", f"{revision}^{{commit}}"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    if found.returncode:
        typer.echo(f"{revision} is no commit of this clone: git fetch --tags --unshallow", err=True)
        raise typer.Exit(1)
    commit = found.stdout.strip()
    formats = build_version(commit).program(stored_formats.FILE)
    (DATA / "formats.json").write_text(formats, "utf-8")
    VERSION_FILE.write_text(HEADER.format(commit=commit), "utf-8")


if __name__ == "__main__":
    typer.run(main)

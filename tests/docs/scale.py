"""The output of `headrace pipeline capacity` in `docs/scale.md`."""

from __future__ import annotations

import os

from typer.testing import CliRunner

from headrace.console.app.main import app

OPTIONS: dict[str, tuple[str, ...]] = {
    "scale_small": ("--assets-per-day", "10000"),
    "scale_medium": ("--assets-per-day", "1000000"),
    "scale_large": ("--assets-per-day", "1000000000"),
    "scale_images": ("--assets-per-day", "1000000000", "--mix", "image=1", "--size", "2"),
}


def forecast(part: str) -> str:
    """Run the command of a part without the settings of this environment; return a console block."""
    arguments = ["pipeline", "capacity", *OPTIONS[part]]
    unset = dict.fromkeys(name for name in os.environ if name.startswith(("HEADRACE_", "AWS_")))
    done = CliRunner().invoke(app, arguments, env={**unset, "COLUMNS": "80"})
    if done.exit_code:
        raise RuntimeError(done.output)
    lines = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    return f"```console\n$ headrace {' '.join(arguments)}\n{lines}\n```\n"

"""The stylesheet of pictures. A page that shows one defines the colours itself."""

from __future__ import annotations

TYPES = ("Task", "Choice", "Parallel", "Map", "Wait", "Pass", "Succeed", "Fail")
STATUSES = ("running", "waiting", "succeeded", "failed", "caught", "aborted")

COLOURS = """
.machine-picture { --page: #ffffff; --ink: #1f2328; --soft: #59636e; --edge: #8b949e; --box: #f6f8fa; --inner: #ffffff;
  --Task: #0969da; --Choice: #9a6700; --Parallel: #8250df; --Map: #8250df; --Wait: #57606a; --Pass: #57606a;
  --Succeed: #1a7f37; --Fail: #cf222e; --running: #0969da; --waiting: #9a6700; --succeeded: #1a7f37;
  --failed: #cf222e; --caught: #bc4c00; --aborted: #57606a; }
@media (prefers-color-scheme: dark) {
  .machine-picture { --page: #0d1117; --ink: #e6edf3; --soft: #9198a1; --edge: #7d8590; --box: #161b22;
    --inner: #0d1117;
    --Task: #4493f8; --Choice: #d29922; --Parallel: #ab7df8; --Map: #ab7df8; --Wait: #9198a1; --Pass: #9198a1;
    --Succeed: #3fb950; --Fail: #f85149; --running: #4493f8; --waiting: #d29922; --succeeded: #3fb950;
    --failed: #f85149; --caught: #db6d28; --aborted: #9198a1; }
}
"""

_PLAIN = """
.machine-picture {
  font-family: ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.machine-picture .page { fill: var(--page); }
.machine-picture .box { fill: var(--box); stroke: var(--edge); stroke-width: 1; }
.machine-picture .panel { fill: var(--inner); stroke: var(--edge); stroke-width: 1; stroke-dasharray: 2 3; }
.machine-picture .marked { stroke-width: 2.5; }
.machine-picture .name { fill: var(--ink); font-size: 13px; font-weight: 600; }
.machine-picture .kind { font-size: 10px; font-weight: 600; letter-spacing: .04em; }
.machine-picture .detail, .machine-picture .label, .machine-picture .title { fill: var(--soft); font-size: 11px; }
.machine-picture .count { fill: var(--page); font-size: 10px; font-weight: 700; }
.machine-picture .line { fill: none; stroke: var(--edge); stroke-width: 1.4; }
.machine-picture .catch .line { stroke: var(--caught); stroke-dasharray: 5 4; }
.machine-picture .back { fill: var(--page); }
.machine-picture .inside .back { fill: var(--inner); }
.machine-picture .tip { fill: var(--edge); }
.machine-picture .catch .tip, .machine-picture .catch .label { fill: var(--caught); }
.machine-picture .start { fill: var(--ink); }
.machine-picture .end { fill: none; stroke: var(--ink); stroke-width: 1.4; }
.machine-picture a:hover .box, .machine-picture a:focus-visible .box { stroke: var(--ink); stroke-width: 2.5; }
"""


def _coloured(status: str) -> str:
    return (
        f".machine-picture .box.{status} {{ stroke: var(--{status}); }}\n"
        f".machine-picture .badge.{status} {{ fill: var(--{status}); }}\n"
    )


RULES = (
    _PLAIN
    + "".join(f".machine-picture .{kind} {{ fill: var(--{kind}); }}\n" for kind in TYPES)
    + "".join(map(_coloured, STATUSES))
)
"""Needs the custom properties of `COLOURS`."""

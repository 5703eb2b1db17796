"""Measure the redaction of hostile text: `python -m bench.redaction`. Exit code 1 if 1 MB takes 50 ms or longer.

The texts repeat the beginnings of every secret that `headrace.schemas.secret_patterns` knows: what a pattern tries
longest before it gives up. Each time is the shortest of three, in CPU time of the thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from headrace.schemas.redaction import redact
from headrace.schemas.secret_patterns import PATTERNS

SIZE = 1_000_000
MAX_MS = 50.0
SHOWN = 10
REPEATED = ("a://:", "://a:", "a://:@ ", "secret", "token-", "secret:", "?a=", "a=", "-----", "eyJ", "eyJa.", "[", ".")


def units() -> Iterator[tuple[str, str]]:
    """Yield the name of a pattern and a text to repeat."""
    yield from (("repeated", unit) for unit in REPEATED)
    for kind in PATTERNS:
        text = kind.examples[0].replace("«", "").replace("»", "")
        for size in sorted({len(text) // 4, len(text) // 2, len(text) - 1, len(text)}):
            yield kind.name, text[:size]


def milliseconds(text: str) -> float:
    """Return the shortest of three redactions."""
    times = []
    for _ in range(3):
        before = time.thread_time()
        redact(text)
        times.append((time.thread_time() - before) * 1000)
    return min(times)


def main() -> int:
    """Print the slowest texts, and return the exit code."""
    timed = [(milliseconds((unit * (SIZE // len(unit) + 1))[:SIZE]), name, unit) for name, unit in units()]
    timed.sort(reverse=True)
    print(f"redaction of 1 MB, {len(timed)} texts, the slowest first (at most {MAX_MS:g} ms)")
    for taken, name, unit in timed[:SHOWN]:
        print(f"{taken:8.1f} ms  {name:22} {unit[:60]!r} repeated")
    return int(timed[0][0] >= MAX_MS)


if __name__ == "__main__":
    sys.exit(main())

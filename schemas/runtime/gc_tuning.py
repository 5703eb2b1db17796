"""How often a process that carries records looks for garbage: seldom, for they are small objects without cycles."""

from __future__ import annotations

import gc

GC_THRESHOLDS = (50_000, 20, 20)
"""Of Python's own (700, 10, 10), the first look comes after some ten records, and takes a tenth of all time."""


def reduce_gc_frequency() -> None:
    """Take what is there now for lasting, and look at what comes after it less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)

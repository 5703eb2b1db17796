"""Settings of the whole test run."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes says something about the machine, and nothing about the code.
settings.register_profile("headrace", deadline=None)
settings.load_profile("headrace")

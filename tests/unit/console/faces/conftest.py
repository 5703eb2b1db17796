"""Databases with the tables of the views, as for the tests of search."""

from __future__ import annotations

from tests.unit.console.search.conftest import corpus, postgres, postgresql, sqlite

__all__ = ["corpus", "postgres", "postgresql", "sqlite"]

"""The views as a source of dead letters."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from headrace.console.dlq.dispositions import Disposition
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.listing import LetterPage
from headrace.console.dlq.lookup import LetterMatch
from headrace.console.dlq.stats import LetterStats
from headrace.console.views.queries import letter_stats, letters
from headrace.console.views.queries.history import Connect


class ViewLetters:
    """Reads dead letters from the views on every call."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def page(self, names: Collection[str], query: LetterFilter, resolved: bool) -> LetterPage:
        """List the newest dead letters that match; resolved ones only if `resolved`."""
        with self._connect() as connection:
            return letters.page(connection, names, query, resolved)

    def find(self, names: Collection[str], prefixes: Sequence[str]) -> list[LetterMatch]:
        """Find the dead letter of each prefix of an id.

        Raises:
            CommandError: a prefix matches none, or several.
        """
        with self._connect() as connection:
            return letters.find(connection, names, prefixes)

    def stats(self, names: Collection[str]) -> LetterStats:
        """Count the dead letters, and group them by similar reasons."""
        with self._connect() as connection:
            return letter_stats.stats(connection, names)

    def dispositions(self) -> dict[str, Disposition]:
        """Read the current dispositions, by letter id."""
        with self._connect() as connection:
            return letters.all_dispositions(connection)

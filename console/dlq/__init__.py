"""Dead letters: list, show, count, resolve, export."""

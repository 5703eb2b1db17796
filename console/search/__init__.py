"""Search the text of results."""

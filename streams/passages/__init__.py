"""Passages: the sentences of transcripts, the parts of pages, and other pieces of results."""

"""Commands that answer vectors with an implementation."""

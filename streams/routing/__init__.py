"""The event bus: which records go where, decided by their content, by rules that are data."""

"""Index of event patterns: its speed does not depend on the number of patterns."""

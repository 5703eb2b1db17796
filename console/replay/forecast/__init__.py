"""What a replay would do, without doing it."""

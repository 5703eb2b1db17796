"""Reset the offsets of a consumer group."""

"""Parse AWS messages into event records. Pure functions."""

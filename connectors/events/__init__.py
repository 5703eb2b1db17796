"""AWS messages in, event records out. Pure functions."""

"""Commands for state machines."""

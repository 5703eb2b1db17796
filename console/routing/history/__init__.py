"""Compare candidate rules with the active rules over the records of the log."""

"""Send dead letters back to the stage that failed."""

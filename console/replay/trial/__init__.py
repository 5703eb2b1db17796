"""Run a stage as a shadow and compare the results."""

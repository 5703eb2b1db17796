"""Run a stage beside itself and compare the results."""

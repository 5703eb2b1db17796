"""Generate the events and results of many assets."""

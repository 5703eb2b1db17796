"""The worker process: hosts stages, reports their state."""

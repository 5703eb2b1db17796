"""Benchmarks: what is promised about speed, measured. Each is run by `python -m bench.<name>`."""

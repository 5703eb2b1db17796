"""Benchmarks of the performance targets. Run one with `python -m bench.<name>`."""

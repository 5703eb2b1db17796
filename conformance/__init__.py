"""Conformance vectors, and a runner for any implementation. Needs the standard library only."""

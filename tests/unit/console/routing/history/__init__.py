"""Tests of `headrace.console.routing.history`."""

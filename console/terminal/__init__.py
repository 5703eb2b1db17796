"""Formatting for terminals."""

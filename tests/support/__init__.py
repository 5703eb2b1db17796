"""Shared test records, test doubles and process helpers."""

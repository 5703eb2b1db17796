"""Reuse the stored result of identical content."""

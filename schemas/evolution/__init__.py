"""Authoring tools for schemas: compatibility checks, lint and code generation."""

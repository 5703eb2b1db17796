"""Clients for AWS APIs."""

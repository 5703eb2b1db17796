"""Kafka clients, authentication, settings and topic followers."""

"""Kafka as commands read and write it."""

"""Headrace: an event-driven AI media pipeline on Apache Kafka."""

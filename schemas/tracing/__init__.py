"""Traces: a port that records spans, an implementation without effect, and an OTLP exporter."""

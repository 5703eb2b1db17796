"""Replay: a stage's position moved back, and dead letters sent to the one stage that gave them up."""

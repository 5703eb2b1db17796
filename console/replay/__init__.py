"""Replay: move a stage's consumer group on its topics, and send dead letters back to their stage."""

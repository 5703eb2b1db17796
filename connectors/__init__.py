"""The edge to AWS: what comes in from its events, and what goes back out."""

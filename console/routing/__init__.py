"""Rules: apply, check, lint, and their targets."""

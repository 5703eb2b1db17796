"""Rules: apply, check, lint and import; subscriptions."""

"""Content-based routing of records by rules, with the event bus model of EventBridge."""

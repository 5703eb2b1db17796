"""Executions of state machines on the log: definitions, transitions, timers, tasks and the client that starts them."""

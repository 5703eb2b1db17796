"""Run the tasks of executions, one record of `machines.tasks` each, and answer the inbox of their execution."""

"""The command line: command table, lazy loading, error handling."""

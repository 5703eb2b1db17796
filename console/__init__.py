"""The operator: command line and read model."""

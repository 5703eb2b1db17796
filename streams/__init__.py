"""The work: stages as plain async functions, and the runner that ends every record in one outcome."""

"""A smoke test of a real AWS account: three small files through every enabled stage, below a price ceiling."""

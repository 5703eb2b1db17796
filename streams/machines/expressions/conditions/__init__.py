"""Choice rules: comparators, and the conditions that they make up."""

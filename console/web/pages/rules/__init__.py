"""The pages of rules: their list, one rule with its matches, and the test of a pattern."""

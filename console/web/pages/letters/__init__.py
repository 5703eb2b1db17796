"""The pages of dead letters: groups, a list, and one letter."""

"""The pages of replays: their list, one replay, and the plans of rewinds and redrives."""

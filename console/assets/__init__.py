"""The read model of assets, folded from the log."""

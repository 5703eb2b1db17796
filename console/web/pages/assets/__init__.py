"""The pages of assets: search, one asset, and its media."""

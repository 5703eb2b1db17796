"""The media of assets, and what was detected in them, for pages."""

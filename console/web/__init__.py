"""Web console: pages and a JSON API over the services behind the commands."""

"""Queries of the views. Each takes a connection of SQLAlchemy, and works on SQLite and PostgreSQL."""

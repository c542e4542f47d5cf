"""The database schema, step by step, from an empty database (Alembic)."""

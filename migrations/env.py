"""What Alembic runs: the connection comes from `services.store.migrate`, which opened it and its transaction."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None)
with context.begin_transaction():
    context.run_migrations()

"""Tolerated failures of map runs are long integers in the API, so in the store."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Widen the column; there are few map runs."""
    op.execute("ALTER TABLE map_runs ALTER COLUMN tolerated_count TYPE bigint")

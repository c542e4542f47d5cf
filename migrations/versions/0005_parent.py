"""Nested executions remember which task of which execution started them; NULL for all others."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column: to every partition at once, without rewriting one."""
    op.execute("ALTER TABLE executions ADD COLUMN parent text")

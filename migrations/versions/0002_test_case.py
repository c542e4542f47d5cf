"""Executions remember which mocked test case they run; NULL outside mocked runs."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column: to every partition at once, without rewriting one."""
    op.execute("ALTER TABLE executions ADD COLUMN test_case text")

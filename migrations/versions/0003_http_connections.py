"""Connections of HTTP tasks; what is secret about them is sealed before it comes here."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.execute(
        """
        CREATE TABLE http_connections (
            arn text COLLATE "C" PRIMARY KEY,
            name text COLLATE "C" NOT NULL,
            kind text NOT NULL,
            created_ms bigint NOT NULL,
            changed_ms bigint NOT NULL,
            sealed bytea NOT NULL
        )
        """
    )

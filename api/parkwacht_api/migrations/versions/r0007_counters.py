"""Counters: the numbers of incidents, and how many dead letters were told of."""

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "counter",
        sa.Column(
            "name",
            sa.String(length=300),
            nullable=False,
            comment="incident, or given_up: and a receiver",
        ),
        sa.Column(
            "value",
            sa.Integer(),
            nullable=False,
            comment="the last number given, or the last count told of",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )


def downgrade() -> None:
    """Take the tables back."""
    op.drop_table("counter")

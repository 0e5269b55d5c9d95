"""Events by class: an index for the list of one class."""

from alembic import op

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_index(
        op.f("ix_event_object_class_started_at_id"),
        "event",
        ["object_class", "started_at", "id"],
    )


def downgrade() -> None:
    """Take the tables back."""
    op.drop_index(op.f("ix_event_object_class_started_at_id"), table_name="event")

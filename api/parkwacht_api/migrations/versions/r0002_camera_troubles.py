"""Troubles of cameras, and more kinds of files of an event."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

OLD_KINDS = "snapshot or clip"
KINDS = "snapshot, still, clip, original or manifest"
OLD_TYPE = "image/jpeg or video/mp4"
TYPE = "of the file, such as video/mp4"


def _comment(table: str, column: str, old: str, new: str) -> None:
    """Say anew what a column means, where the engine keeps such words."""
    if op.get_bind().dialect.supports_comments:
        op.alter_column(
            table,
            column,
            existing_type=sa.String(length=300),
            existing_nullable=False,
            existing_comment=old,
            comment=new,
        )


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "camera_trouble",
        sa.Column("id", sa.Uuid(), nullable=False, comment="made by the worker, stable"),
        sa.Column("site_id", sa.String(length=300), nullable=False, comment="park"),
        sa.Column("camera_id", sa.String(length=300), nullable=False, comment="camera"),
        sa.Column("cause", sa.String(length=300), nullable=False, comment="such as covered"),
        sa.Column("severity", sa.String(length=300), nullable=False, comment="low, medium or high"),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), nullable=False, comment="first noticed"
        ),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), nullable=True, comment="over; empty while open"
        ),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), nullable=False, comment="last told of"
        ),
        sa.Column("record", sa.JSON(), nullable=False, comment="CameraTrouble as it was sent last"),
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the record's content",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_camera_trouble")),
    )
    with op.batch_alter_table("camera_trouble", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_camera_trouble_camera_id"), ["camera_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_camera_trouble_started_at_id"), ["started_at", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_camera_trouble_ended_at"), ["ended_at"], unique=False)
    _comment("media", "kind", OLD_KINDS, KINDS)
    _comment("media", "content_type", OLD_TYPE, TYPE)
    _comment("image_access", "kind", OLD_KINDS, KINDS)


def downgrade() -> None:
    """Take the changes back."""
    _comment("image_access", "kind", KINDS, OLD_KINDS)
    _comment("media", "content_type", TYPE, OLD_TYPE)
    _comment("media", "kind", KINDS, OLD_KINDS)
    with op.batch_alter_table("camera_trouble", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_camera_trouble_ended_at"))
        batch_op.drop_index(batch_op.f("ix_camera_trouble_started_at_id"))
        batch_op.drop_index(batch_op.f("ix_camera_trouble_camera_id"))

    op.drop_table("camera_trouble")

"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=32), nullable=False, comment="public part"),
        sa.Column("name", sa.String(length=300), nullable=False, comment="whose key this is"),
        sa.Column(
            "secret_sha256", sa.String(length=64), nullable=False, comment="of the secret part"
        ),
        sa.Column(
            "scopes", sa.Text(), nullable=False, comment="what it may do, separated by spaces"
        ),
        sa.Column(
            "receiver_id",
            sa.String(length=300),
            nullable=True,
            comment="where set: sees only what was released to this receiver",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="when made"),
        sa.Column(
            "revoked_at", sa.DateTime(timezone=True), nullable=True, comment="when withdrawn"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False, comment="made by the worker, stable"),
        sa.Column("site_id", sa.String(length=300), nullable=False, comment="park"),
        sa.Column("camera_id", sa.String(length=300), nullable=False, comment="camera that saw it"),
        sa.Column("zone_id", sa.String(length=300), nullable=False, comment="zone that raised it"),
        sa.Column("severity", sa.String(length=300), nullable=False, comment="low, medium or high"),
        sa.Column(
            "object_class",
            sa.String(length=300),
            nullable=False,
            comment="class now; the ending may better it",
        ),
        sa.Column("confidence", sa.Double(), nullable=False, comment="of the detector, 0 to 1"),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="first frame with the object",
        ),
        sa.Column(
            "confirmed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="frame in which the rule was met",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="stored here"),
        sa.Column("record", sa.JSON(), nullable=False, comment="FlaggedEvent as it was sent"),
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the record's content",
        ),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="last frame with the object",
        ),
        sa.Column("ending", sa.JSON(), nullable=True, comment="EventEnding as it was sent"),
        sa.Column(
            "ending_digest",
            sa.String(length=64),
            nullable=True,
            comment="SHA-256 of the ending's content",
        ),
        sa.Column(
            "review_state",
            sa.String(length=300),
            nullable=False,
            comment="unreviewed, verified or dismissed: the last verdict",
        ),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="number of verdicts; the ETag of a review",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_camera_id"), ["camera_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_review_state"), ["review_state"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_event_started_at_id"), ["started_at", "id"], unique=False
        )

    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(length=300), nullable=False, comment="process, such as outbox"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="last sign of life"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "watch_report",
        sa.Column("id", sa.Uuid(), nullable=False, comment="made by the worker"),
        sa.Column("site_id", sa.String(length=300), nullable=False, comment="park"),
        sa.Column("camera_id", sa.String(length=300), nullable=False, comment="camera"),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, comment="watch began"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False, comment="watch ended"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="stored here"),
        sa.Column("record", sa.JSON(), nullable=False, comment="WatchReport as it was sent"),
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the record's content",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_report")),
    )
    with op.batch_alter_table("watch_report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_watch_report_camera_id"), ["camera_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_watch_report_started_at"), ["started_at"], unique=False
        )

    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False, comment="webhook-id, stable over retries"),
        sa.Column("event_id", sa.Uuid(), nullable=False, comment="its event"),
        sa.Column(
            "receiver_id", sa.String(length=300), nullable=False, comment="partner in the site file"
        ),
        sa.Column(
            "kind", sa.String(length=300), nullable=False, comment="event.flagged or event.verified"
        ),
        sa.Column(
            "state",
            sa.String(length=300),
            nullable=False,
            comment="pending, delivered, held, refused or dead",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it is held, refused or dead"),
        sa.Column(
            "payload", sa.JSON(), nullable=False, comment="what is sent: as it was at release"
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="released to this receiver",
        ),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), nullable=False, comment="next attempt not before"
        ),
        sa.Column("n_attempts", sa.Integer(), nullable=False, comment="attempts begun"),
        sa.Column(
            "n_refusals", sa.Integer(), nullable=False, comment="attempts answered with a 4xx"
        ),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="claimed by a sender until",
        ),
        sa.Column("lease_token", sa.Uuid(), nullable=True, comment="fencing token of that sender"),
        sa.Column(
            "sent_at", sa.DateTime(timezone=True), nullable=True, comment="first attempt began"
        ),
        sa.Column(
            "delivered_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="receiver's machine took it",
        ),
        sa.Column(
            "acknowledged_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="a person took it up",
        ),
        sa.Column("acknowledged_by", sa.String(length=300), nullable=True, comment="who"),
        sa.Column("acknowledged_note", sa.Text(), nullable=True, comment="what they said"),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_delivery_event_id_event")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "event_id", "receiver_id", "kind", name=op.f("uq_delivery_event_id_receiver_id_kind")
        ),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_receiver_id"), ["receiver_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_delivery_state_due_at"), ["state", "due_at"], unique=False
        )

    op.create_table(
        "media",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="serial",
        ),
        sa.Column("event_id", sa.Uuid(), nullable=False, comment="its event"),
        sa.Column("kind", sa.String(length=300), nullable=False, comment="snapshot or clip"),
        sa.Column("path", sa.String(length=300), nullable=False, comment="inside the media folder"),
        sa.Column(
            "sha256",
            sa.String(length=64),
            nullable=False,
            comment="of the bytes, checked at ingest",
        ),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="in bytes"),
        sa.Column(
            "content_type", sa.String(length=300), nullable=False, comment="image/jpeg or video/mp4"
        ),
        sa.Column(
            "stored_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="retention counts from here",
        ),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="file removed by retention",
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_media_event_id_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("event_id", "kind", name=op.f("uq_media_event_id_kind")),
    )
    with op.batch_alter_table("media", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_media_stored_at"), ["stored_at"], unique=False)

    op.create_table(
        "verdict",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="serial",
        ),
        sa.Column("event_id", sa.Uuid(), nullable=False, comment="its event"),
        sa.Column(
            "verdict", sa.String(length=300), nullable=False, comment="verified or dismissed"
        ),
        sa.Column("person", sa.String(length=300), nullable=False, comment="who judged"),
        sa.Column("key_id", sa.String(length=32), nullable=False, comment="with which key"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why"),
        sa.Column(
            "avs_level", sa.Integer(), nullable=True, comment="ANSI/TMA AVS-01 level, 0 to 4"
        ),
        sa.Column(
            "legal_basis",
            sa.String(length=300),
            nullable=True,
            comment="own_initiative, vordering or aangifte: of a release to the police",
        ),
        sa.Column(
            "legal_number",
            sa.String(length=300),
            nullable=True,
            comment="of the vordering or aangifte",
        ),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_verdict_event_id_event")),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("fk_verdict_key_id_api_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
    )
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verdict_event_id"), ["event_id"], unique=False)

    op.create_table(
        "web_session",
        sa.Column("token_sha256", sa.String(length=64), nullable=False, comment="of cookie"),
        sa.Column("key_id", sa.String(length=32), nullable=False, comment="key logged in with"),
        sa.Column("person", sa.String(length=300), nullable=False, comment="name the person gave"),
        sa.Column(
            "csrf", sa.String(length=300), nullable=False, comment="must come back with every form"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="logged in"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="valid until"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True, comment="logged out"),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_key.id"], name=op.f("fk_web_session_key_id_api_key")
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_web_session")),
    )
    op.create_table(
        "attempt",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="serial",
        ),
        sa.Column("delivery_id", sa.Uuid(), nullable=False, comment="its delivery"),
        sa.Column("number", sa.Integer(), nullable=False, comment="1 for the first"),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), nullable=False, comment="claimed for sending"
        ),
        sa.Column(
            "ended_at", sa.DateTime(timezone=True), nullable=True, comment="empty: the sender died"
        ),
        sa.Column(
            "outcome",
            sa.String(length=300),
            nullable=False,
            comment="sending, delivered, failed, refused or held",
        ),
        sa.Column("http_status", sa.Integer(), nullable=True, comment="the receiver's answer"),
        sa.Column(
            "response",
            sa.String(length=2048),
            nullable=False,
            comment="beginning of the receiver's answer",
        ),
        sa.Column("error", sa.Text(), nullable=False, comment="what went wrong, in English"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_attempt_delivery_id_delivery")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("delivery_id", "number", name=op.f("uq_attempt_delivery_id_number")),
    )
    op.create_table(
        "image_access",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="serial",
        ),
        sa.Column("event_id", sa.Uuid(), nullable=False, comment="which"),
        sa.Column(
            "media_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="which file",
        ),
        sa.Column("kind", sa.String(length=300), nullable=False, comment="snapshot or clip"),
        sa.Column(
            "byte_range",
            sa.String(length=300),
            nullable=False,
            comment="Range header, empty for the whole file",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column(
            "person",
            sa.String(length=300),
            nullable=False,
            comment="name of the person or of the key",
        ),
        sa.Column("key_id", sa.String(length=32), nullable=False, comment="with which key"),
        sa.Column("via", sa.String(length=300), nullable=False, comment="api or console"),
        sa.Column(
            "address", sa.String(length=300), nullable=False, comment="network address it came from"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_image_access_event_id_event")
        ),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_key.id"], name=op.f("fk_image_access_key_id_api_key")
        ),
        sa.ForeignKeyConstraint(
            ["media_id"], ["media.id"], name=op.f("fk_image_access_media_id_media")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_access")),
    )
    with op.batch_alter_table("image_access", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_image_access_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_image_access_event_id"), ["event_id"], unique=False)


def downgrade() -> None:
    """Take the tables back."""
    with op.batch_alter_table("image_access", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_image_access_event_id"))
        batch_op.drop_index(batch_op.f("ix_image_access_at"))

    op.drop_table("image_access")
    op.drop_table("attempt")
    op.drop_table("web_session")
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verdict_event_id"))

    op.drop_table("verdict")
    with op.batch_alter_table("media", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_media_stored_at"))

    op.drop_table("media")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_state_due_at"))
        batch_op.drop_index(batch_op.f("ix_delivery_receiver_id"))

    op.drop_table("delivery")
    with op.batch_alter_table("watch_report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_watch_report_started_at"))
        batch_op.drop_index(batch_op.f("ix_watch_report_camera_id"))

    op.drop_table("watch_report")
    op.drop_table("heartbeat")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_started_at_id"))
        batch_op.drop_index(batch_op.f("ix_event_review_state"))
        batch_op.drop_index(batch_op.f("ix_event_camera_id"))

    op.drop_table("event")
    op.drop_table("api_key")

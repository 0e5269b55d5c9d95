"""Incidents, their duty log, the state of partners, and deliveries per channel."""

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

# What was there before: every event is an incident of its own, under its own id.
GATHER = """
INSERT INTO incident (id, number, site_id, kind, subject, cause, severity, state, review_state,
    avs_level, opened_at, received_at, last_at, heard_at, n_events, n_merged, n_updates, version)
SELECT id, ROW_NUMBER() OVER (ORDER BY started_at, id), site_id, 'intrusion', zone_id, 'intrusion',
    severity, 'over', review_state,
    (SELECT avs_level FROM verdict WHERE event_id = event.id ORDER BY verdict.id DESC LIMIT 1),
    started_at, received_at, COALESCE(ended_at, started_at), received_at, 1, 0, 0, version
FROM event
"""

OLD_COMMENTS = {
    ("event", "review_state"): "unreviewed, verified or dismissed: the last verdict",
    ("verdict", "verdict"): "verified or dismissed",
    ("delivery", "kind"): "event.flagged or event.verified",
    ("delivery", "event_id"): "its event",
    ("verdict", "event_id"): "its event",
    ("image_access", "key_id"): "with which key",
    ("image_access", "via"): "api or console",
}
NEW_COMMENTS = {
    ("event", "review_state"): "unreviewed, verified, dismissed or unclear: the last verdict",
    ("verdict", "verdict"): "verified, dismissed or unclear",
    ("delivery", "kind"): "such as event.flagged, see release",
    ("delivery", "event_id"): "event it tells of; empty: none, a trouble",
    ("verdict", "event_id"): "its event; empty: the incident as a whole",
    ("image_access", "key_id"): "with which key; empty: with none, see via",
    ("image_access", "via"): "api, console or delivery: sent to a receiver",
}


def _comment_columns(comments: dict[tuple[str, str], str]) -> None:
    """Say anew what columns mean, where the engine keeps such words."""
    if op.get_bind().dialect.supports_comments:
        for (table, column), comment in comments.items():
            quoted = comment.replace("'", "''")
            op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'")


def _index_pages(
    batch_op: BatchOperations, table: str, names: tuple[str, ...], sorted_by: str
) -> None:
    """Let a page of a list be a range of an index, whatever the list is filtered by."""
    for name in names:
        columns = [name, sorted_by, "id"]
        batch_op.create_index(batch_op.f(f"ix_{table}_{name}_{sorted_by}_id"), columns)


def _old_indices(batch_op: BatchOperations) -> None:
    for name in ("camera_id", "review_state"):
        batch_op.drop_index(batch_op.f(f"ix_event_{name}_started_at_id"))
        batch_op.create_index(batch_op.f(f"ix_event_{name}"), [name])


def _gather_old() -> None:
    """Make every event that is there an incident of its own."""
    op.execute(GATHER)
    op.execute("UPDATE event SET incident_id = id")
    op.execute("UPDATE delivery SET incident_id = event_id")
    op.execute("UPDATE verdict SET incident_id = event_id")


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "handover",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="serial",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when handed over"),
        sa.Column("from_person", sa.String(length=300), nullable=False, comment="who goes"),
        sa.Column("to_person", sa.String(length=300), nullable=False, comment="who comes"),
        sa.Column("note", sa.Text(), nullable=False, comment="what the next must know"),
        sa.Column(
            "open_incidents", sa.JSON(), nullable=False, comment="what was open, as it stood"
        ),
        sa.Column(
            "accepted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="taken over by who comes",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
    )
    with op.batch_alter_table("handover", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handover_at"), ["at"], unique=False)

    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False, comment="stable; what partners quote"),
        sa.Column("number", sa.Integer(), nullable=False, comment="short number that people say"),
        sa.Column("site_id", sa.String(length=300), nullable=False, comment="park"),
        sa.Column(
            "kind",
            sa.String(length=300),
            nullable=False,
            comment="intrusion, camera_trouble, partner_trouble, service_trouble or test",
        ),
        sa.Column(
            "subject",
            sa.String(length=300),
            nullable=False,
            comment="zone, camera, receiver or process it is about",
        ),
        sa.Column(
            "cause",
            sa.String(length=300),
            nullable=False,
            comment="rule of the first event, or cause of the trouble",
        ),
        sa.Column(
            "severity",
            sa.String(length=300),
            nullable=False,
            comment="low, medium or high: the highest so far",
        ),
        sa.Column(
            "state",
            sa.String(length=300),
            nullable=False,
            comment="open, over (nothing seen any more) or closed",
        ),
        sa.Column(
            "review_state",
            sa.String(length=300),
            nullable=False,
            comment="unreviewed, verified, dismissed or unclear: the last verdict",
        ),
        sa.Column(
            "avs_level", sa.Integer(), nullable=True, comment="ANSI/TMA AVS-01 level, 0 to 4"
        ),
        sa.Column(
            "opened_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="first sign, by the clock of the world",
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="stored here"),
        sa.Column(
            "last_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="last sign, by the clock of the world",
        ),
        sa.Column(
            "heard_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="last sign, stored here",
        ),
        sa.Column("x_m", sa.Double(), nullable=True, comment="of the last event, EPSG:28992"),
        sa.Column("y_m", sa.Double(), nullable=True, comment="of the last event, EPSG:28992"),
        sa.Column("n_events", sa.Integer(), nullable=False, comment="events gathered in it"),
        sa.Column(
            "n_merged",
            sa.Integer(),
            nullable=False,
            comment="of those, told to nobody by themselves",
        ),
        sa.Column(
            "n_updates",
            sa.Integer(),
            nullable=False,
            comment="updates sent; the sequence of deliveries",
        ),
        sa.Column(
            "acknowledged_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="a person took it up",
        ),
        sa.Column("acknowledged_by", sa.String(length=300), nullable=True, comment="who"),
        sa.Column(
            "outcome",
            sa.String(length=300),
            nullable=True,
            comment="what came of it, as a person said",
        ),
        sa.Column(
            "outcome_at", sa.DateTime(timezone=True), nullable=True, comment="when that was said"
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True, comment="when closed"),
        sa.Column("closed_by", sa.String(length=300), nullable=True, comment="by whom"),
        sa.Column("close_reason", sa.Text(), nullable=True, comment="why: no closing without"),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="number of acts of people and of news; its ETag",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("number", name=op.f("uq_incident_number")),
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_incident_opened_at_id"), ["opened_at", "id"], unique=False
        )
        _index_pages(batch_op, "incident", ("state", "review_state"), "opened_at")
        batch_op.create_index(
            batch_op.f("ix_incident_state_last_at"), ["state", "last_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_incident_subject_state"), ["subject", "state"], unique=False
        )

    op.create_table(
        "partner_state",
        sa.Column(
            "receiver_id", sa.String(length=300), nullable=False, comment="partner in the site file"
        ),
        sa.Column("channel_id", sa.String(length=300), nullable=False, comment="channel of it"),
        sa.Column("state", sa.String(length=300), nullable=False, comment="unknown, up or down"),
        sa.Column(
            "since", sa.DateTime(timezone=True), nullable=False, comment="in this state since"
        ),
        sa.Column(
            "last_success_at", sa.DateTime(timezone=True), nullable=True, comment="last good answer"
        ),
        sa.Column(
            "last_failure_at", sa.DateTime(timezone=True), nullable=True, comment="last failure"
        ),
        sa.Column(
            "n_failures",
            sa.Integer(),
            nullable=False,
            comment="failures since the last good answer",
        ),
        sa.Column(
            "rests_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="circuit open: only one trial at a time after this",
        ),
        sa.Column("detail", sa.String(length=2048), nullable=False, comment="what went wrong last"),
        sa.Column(
            "data",
            sa.JSON(),
            nullable=False,
            comment="what the channel keeps, such as a clock offset",
        ),
        sa.PrimaryKeyConstraint("receiver_id", "channel_id", name=op.f("pk_partner_state")),
    )
    op.create_table(
        "incident_entry",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="serial",
        ),
        sa.Column("incident_id", sa.Uuid(), nullable=False, comment="its incident"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column(
            "what",
            sa.String(length=300),
            nullable=False,
            comment="opened, merged, updated, over, acknowledged, verdict, escalated, outcome, "
            "note, closed or reopened",
        ),
        sa.Column(
            "person",
            sa.String(length=300),
            nullable=False,
            comment="who; empty: the service itself",
        ),
        sa.Column("text", sa.Text(), nullable=False, comment="in their words"),
        sa.Column("details", sa.JSON(), nullable=False, comment="what else is known of it"),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_incident_entry_incident_id_incident")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_entry")),
    )
    with op.batch_alter_table("incident_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_incident_entry_incident_id"), ["incident_id"], unique=False
        )

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("incident_id", sa.Uuid(), nullable=True, comment="incident it tells of")
        )
        batch_op.add_column(
            sa.Column(
                "channel_id",
                sa.String(length=300),
                nullable=False,
                server_default="webhook",
                comment="channel of that partner",
            )
        )
        batch_op.add_column(
            sa.Column(
                "step",
                sa.Integer(),
                nullable=False,
                server_default="0",
                comment="0 for the first channel, 1 for the next ...",
            )
        )
        batch_op.add_column(
            sa.Column(
                "sequence",
                sa.Integer(),
                nullable=False,
                server_default="0",
                comment="which update of the incident; 0: the first",
            )
        )
        batch_op.add_column(
            sa.Column(
                "escalate_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="no person acknowledged until then: the next channel",
            )
        )
        batch_op.add_column(
            sa.Column(
                "escalated_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="the next channel was taken",
            )
        )
        batch_op.add_column(
            sa.Column(
                "put_off_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="when due_at was set after a failure; empty: at release",
            )
        )
        batch_op.add_column(
            sa.Column(
                "replayed_at",
                sa.DateTime(timezone=True),
                nullable=True,
                comment="a person let it be tried anew",
            )
        )
        batch_op.alter_column("event_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.drop_constraint(
            batch_op.f("uq_delivery_event_id_receiver_id_kind"), type_="unique"
        )
        batch_op.create_index(batch_op.f("ix_delivery_escalate_at"), ["escalate_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_incident_id"), ["incident_id"], unique=False)
        batch_op.create_unique_constraint(
            batch_op.f("uq_delivery_incident_id_receiver_id_channel_id_kind_sequence"),
            ["incident_id", "receiver_id", "channel_id", "kind", "sequence"],
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_delivery_incident_id_incident"), "incident", ["incident_id"], ["id"]
        )

    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("incident_id", sa.Uuid(), nullable=True, comment="incident it belongs to")
        )
        batch_op.create_index(batch_op.f("ix_event_incident_id"), ["incident_id"], unique=False)
        batch_op.drop_index(batch_op.f("ix_event_camera_id"))
        batch_op.drop_index(batch_op.f("ix_event_review_state"))
        _index_pages(batch_op, "event", ("camera_id", "review_state"), "started_at")
        batch_op.create_foreign_key(
            batch_op.f("fk_event_incident_id_incident"), "incident", ["incident_id"], ["id"]
        )

    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "incident_id", sa.Uuid(), nullable=True, comment="incident that was judged with it"
            )
        )
        batch_op.add_column(
            sa.Column(
                "cause",
                sa.String(length=300),
                nullable=True,
                comment="of a false alarm: animal, weather, light, authorised, test or other",
            )
        )
        batch_op.create_index(batch_op.f("ix_verdict_incident_id"), ["incident_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_verdict_incident_id_incident"), "incident", ["incident_id"], ["id"]
        )
        batch_op.alter_column("event_id", existing_type=sa.Uuid(), nullable=True)

    with op.batch_alter_table("heartbeat", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "data",
                sa.JSON(),
                nullable=False,
                server_default="{}",
                comment="what it said of itself",
            )
        )

    with op.batch_alter_table("image_access", schema=None) as batch_op:
        batch_op.alter_column("key_id", existing_type=sa.String(length=32), nullable=True)

    _gather_old()
    _comment_columns(NEW_COMMENTS)


def downgrade() -> None:
    """Take the changes back; what only the new form can hold is lost."""
    _comment_columns(OLD_COMMENTS)
    op.execute("DELETE FROM image_access WHERE key_id IS NULL")
    with op.batch_alter_table("image_access", schema=None) as batch_op:
        batch_op.alter_column("key_id", existing_type=sa.String(length=32), nullable=False)

    with op.batch_alter_table("heartbeat", schema=None) as batch_op:
        batch_op.drop_column("data")

    # One delivery per event, receiver and kind can stay; attempts of the others go with them.
    op.execute(
        "DELETE FROM attempt WHERE delivery_id IN "
        "(SELECT id FROM delivery WHERE event_id IS NULL OR step > 0 OR sequence > 0)"
    )
    op.execute("DELETE FROM delivery WHERE event_id IS NULL OR step > 0 OR sequence > 0")
    # A verdict on a whole incident becomes one on its first event.
    op.execute(
        "UPDATE verdict SET event_id = (SELECT id FROM event "
        "WHERE event.incident_id = verdict.incident_id ORDER BY started_at, id LIMIT 1) "
        "WHERE event_id IS NULL"
    )
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.alter_column("event_id", existing_type=sa.Uuid(), nullable=False)
        batch_op.drop_constraint(batch_op.f("fk_verdict_incident_id_incident"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_verdict_incident_id"))
        batch_op.drop_column("cause")
        batch_op.drop_column("incident_id")

    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_event_incident_id_incident"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_event_incident_id"))
        _old_indices(batch_op)
        batch_op.drop_column("incident_id")

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_delivery_incident_id_incident"), type_="foreignkey")
        batch_op.drop_constraint(
            batch_op.f("uq_delivery_incident_id_receiver_id_channel_id_kind_sequence"),
            type_="unique",
        )
        batch_op.drop_index(batch_op.f("ix_delivery_incident_id"))
        batch_op.drop_index(batch_op.f("ix_delivery_event_id"))
        batch_op.drop_index(batch_op.f("ix_delivery_escalate_at"))
        batch_op.create_unique_constraint(
            batch_op.f("uq_delivery_event_id_receiver_id_kind"), ["event_id", "receiver_id", "kind"]
        )
        batch_op.alter_column("event_id", existing_type=sa.Uuid(), nullable=False)
        batch_op.drop_column("replayed_at")
        batch_op.drop_column("put_off_at")
        batch_op.drop_column("escalated_at")
        batch_op.drop_column("escalate_at")
        batch_op.drop_column("sequence")
        batch_op.drop_column("step")
        batch_op.drop_column("channel_id")
        batch_op.drop_column("incident_id")

    with op.batch_alter_table("incident_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incident_entry_incident_id"))

    op.drop_table("incident_entry")
    op.drop_table("partner_state")
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incident_subject_state"))
        batch_op.drop_index(batch_op.f("ix_incident_state_last_at"))
        for name in ("review_state", "state"):
            batch_op.drop_index(batch_op.f(f"ix_incident_{name}_opened_at_id"))
        batch_op.drop_index(batch_op.f("ix_incident_opened_at_id"))

    op.drop_table("incident")
    with op.batch_alter_table("handover", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_handover_at"))

    op.drop_table("handover")

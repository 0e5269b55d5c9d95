"""Accounts, their sessions, wrong log-ins, and the audit log that cannot be changed."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AUDIT = ("who", "role", "via", "address", "what", "object_kind", "object_id")
AUDIT_COMMENTS = {
    "who": "name of the person or machine",
    "role": "role, or key, or none",
    "via": "api, console, command or service",
    "address": "network address it came from",
    "what": "the act, such as image.view",
    "object_kind": "kind of thing, such as event",
    "object_id": "which one",
}
SQLITE_GUARDS = {
    "UPDATE": "audit_entry_no_update",
    "DELETE": "audit_entry_no_delete",
}


def _create_account() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False, comment="stable"),
        sa.Column("name", sa.String(length=120), nullable=False, comment="to log in with"),
        sa.Column(
            "person", sa.String(length=120), nullable=False, comment="who it is, as the log shows"
        ),
        sa.Column(
            "role", sa.String(length=300), nullable=False, comment="such as security_operator"
        ),
        sa.Column(
            "receiver_id",
            sa.String(length=300),
            nullable=True,
            comment="where set: sees only what was released to this receiver",
        ),
        sa.Column(
            "password_hash",
            sa.String(length=300),
            nullable=False,
            comment="argon2id, with its parameters",
        ),
        sa.Column(
            "must_change",
            sa.Boolean(),
            nullable=False,
            comment="the password is for one log-in only",
        ),
        sa.Column(
            "totp_secret",
            sa.String(length=300),
            nullable=True,
            comment="of the second factor, base32",
        ),
        sa.Column(
            "totp_confirmed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="second factor in force",
        ),
        sa.Column(
            "totp_last_step",
            sa.BigInteger(),
            nullable=False,
            comment="30 s step of the last code taken; no code is taken twice",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="when made"),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True, comment="when shut"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_sha256", sa.String(length=64), nullable=False, comment="of the code"),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="whose"),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True, comment="worthless since"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_recovery_code_account_id_account")
        ),
        sa.PrimaryKeyConstraint("code_sha256", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_account_id"), "recovery_code", ["account_id"])
    op.create_table(
        "login_failure",
        sa.Column("id", SERIAL, nullable=False, comment="serial"),
        sa.Column(
            "subject",
            sa.String(length=300),
            nullable=False,
            comment="account:name or address:network address",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failure")),
    )
    op.create_index(op.f("ix_login_failure_subject_at"), "login_failure", ["subject", "at"])


def _create_session() -> None:
    op.create_table(
        "web_session",
        sa.Column("token_sha256", sa.String(length=64), nullable=False, comment="of cookie"),
        sa.Column("id", sa.Uuid(), nullable=False, comment="to name it by; opens nothing"),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="whose"),
        sa.Column(
            "stage",
            sa.String(length=300),
            nullable=False,
            comment="full, or what is still missing: code or password",
        ),
        sa.Column(
            "csrf", sa.String(length=300), nullable=False, comment="must come back with every form"
        ),
        sa.Column(
            "address",
            sa.String(length=300),
            nullable=False,
            comment="network address it was opened from",
        ),
        sa.Column(
            "browser",
            sa.String(length=300),
            nullable=False,
            comment="User-Agent it was opened with",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="logged in"),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="last used, to the minute",
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="valid until, used or not",
        ),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="logged out or revoked",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_web_session_account_id_account")
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_web_session")),
        sa.UniqueConstraint("id", name=op.f("uq_web_session_id")),
    )
    op.create_index(op.f("ix_web_session_account_id"), "web_session", ["account_id"])


def _create_old_session() -> None:
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


def _create_audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column(
            "id",
            SERIAL,
            autoincrement=False,
            nullable=False,
            comment="1 for the first, without gaps",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        *(
            sa.Column(name, sa.String(length=300), nullable=False, comment=AUDIT_COMMENTS[name])
            for name in AUDIT
        ),
        sa.Column("why", sa.Text(), nullable=False, comment="reason that was given"),
        sa.Column("details", sa.JSON(), nullable=False, comment="what else belongs to it"),
        sa.Column(
            "previous_hash",
            sa.String(length=64),
            nullable=False,
            comment="hash of the entry before",
        ),
        sa.Column(
            "hash",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the hash before and of that of the other columns",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    for name in ("at", "who", "what"):
        op.create_index(op.f(f"ix_audit_entry_{name}"), "audit_entry", [name])


def _guard_audit() -> None:
    """Refuse to change or remove an entry; whoever owns the database can lift this, visibly."""
    if op.get_bind().dialect.name == "sqlite":
        for act, name in SQLITE_GUARDS.items():
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {act} ON audit_entry "
                "BEGIN SELECT RAISE(ABORT, 'audit_entry is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit_entry is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse()"
    )


def upgrade() -> None:
    """Bring the tables forward; everybody has to log in anew."""
    _create_account()
    op.drop_table("web_session")
    _create_session()
    _create_audit()
    _guard_audit()
    op.add_column(
        "api_key",
        sa.Column(
            "role",
            sa.String(length=300),
            nullable=True,
            comment="role it was made for, where for one",
        ),
    )
    op.add_column(
        "api_key",
        sa.Column(
            "certificate_sha256",
            sa.String(length=64),
            nullable=True,
            comment="of a client certificate that stands for the secret",
        ),
    )
    op.create_index(
        op.f("ix_api_key_certificate_sha256"), "api_key", ["certificate_sha256"], unique=True
    )
    for table in ("image_access", "verdict"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column("account_id", sa.Uuid(), nullable=True, comment="or account")
            )
            batch_op.alter_column("key_id", existing_type=sa.String(length=32), nullable=True)
            batch_op.create_foreign_key(
                batch_op.f(f"fk_{table}_account_id_account"), "account", ["account_id"], ["id"]
            )


def downgrade() -> None:
    """Take the changes back; what people did with accounts stands under a revoked key."""
    op.execute(
        "INSERT INTO api_key (id, name, secret_sha256, scopes, created_at, revoked_at) "
        "SELECT 'accounts', 'accounts', '', '', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP "
        "WHERE EXISTS (SELECT 1 FROM image_access WHERE account_id IS NOT NULL) "
        "OR EXISTS (SELECT 1 FROM verdict WHERE key_id IS NULL)"
    )
    op.execute("UPDATE image_access SET key_id = 'accounts' WHERE account_id IS NOT NULL")
    op.execute("UPDATE verdict SET key_id = 'accounts' WHERE key_id IS NULL")
    for table in ("verdict", "image_access"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(
                batch_op.f(f"fk_{table}_account_id_account"), type_="foreignkey"
            )
            batch_op.drop_column("account_id")
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.alter_column("key_id", existing_type=sa.String(length=32), nullable=False)
    op.drop_index(op.f("ix_api_key_certificate_sha256"), "api_key")
    op.drop_column("api_key", "certificate_sha256")
    op.drop_column("api_key", "role")
    op.drop_table("audit_entry")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_entry_refuse()")
    op.drop_table("web_session")
    _create_old_session()
    op.drop_table("login_failure")
    op.drop_table("recovery_code")
    op.drop_table("account")

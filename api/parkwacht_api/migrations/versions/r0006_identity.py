"""
Log-in by another service, and whom an entry of the audit log tells from others of the same name.

Entries written before have no `who_id`, and their hashes stay what they were.
"""

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None

WHO_ID = "account:log-in name or key:id, unique; empty for others; none in old entries"
OLD_COMMENT = "of the second factor, base32"
NEW_COMMENT = "of the second factor, sealed with a key that is kept outside the database"


def _text(name: str, comment: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=300), nullable=nullable, comment=comment)


def _comment_secret(comment: str) -> None:
    if op.get_bind().dialect.supports_comments:
        op.execute(f"COMMENT ON COLUMN account.totp_secret IS '{comment}'")


def _has_who_id() -> bool:
    columns = sa.inspect(op.get_bind()).get_columns("audit_entry")
    return any(one["name"] == "who_id" for one in columns)


def _create_sign_in() -> None:
    name = "sign_in"
    op.create_table(
        name,
        sa.Column("token_sha256", sa.String(length=64), nullable=False, comment="of cookie"),
        _text("state", "must come back in the address"),
        _text("nonce", "must come back in the ID token"),
        _text("verifier", "proves who asked for the code (RFC 7636)"),
        sa.Column("next", sa.Text(), nullable=False, comment="path of ours to go on to"),
        _text("address", "network address it began at"),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), nullable=False, comment="worthless since"
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f(f"pk_{name}")),
    )
    for column in ("address", "expires_at"):
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def upgrade() -> None:
    """Bring the tables forward; secrets in the clear are sealed at the next start."""
    _create_sign_in()
    op.add_column("account", _text("issuer", "log-in service that may vouch for it", nullable=True))
    subject = "what that service calls it, never reused"
    op.add_column("account", _text("subject", subject, nullable=True))
    name = op.f("ix_account_issuer_subject")
    op.create_index(name, "account", ["issuer", "subject"], unique=True)
    vouched = "log-in service that vouched; empty: us"
    op.add_column("web_session", _text("issuer", vouched, nullable=True))
    _comment_secret(NEW_COMMENT)
    if not _has_who_id():
        op.add_column("audit_entry", _text("who_id", WHO_ID, nullable=True))
    op.create_index(op.f("ix_audit_entry_who_id"), "audit_entry", ["who_id"])


def downgrade() -> None:
    """
    Take the changes back.

    `who_id` stays, which the older form does not mind: the hashes of newer entries cover it. Who
    had a second factor has none afterwards, for the older form cannot open a sealed secret.
    """
    op.drop_index(op.f("ix_audit_entry_who_id"), "audit_entry")
    op.execute("UPDATE account SET totp_secret = NULL, totp_confirmed_at = NULL")
    _comment_secret(OLD_COMMENT)
    op.drop_column("web_session", "issuer")
    op.drop_index(op.f("ix_account_issuer_subject"), "account")
    for column in ("issuer", "subject"):
        op.drop_column("account", column)
    op.drop_table("sign_in")

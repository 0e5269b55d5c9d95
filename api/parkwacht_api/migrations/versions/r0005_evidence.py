"""Evidence packages, links to them, and legal holds."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def _text(
    name: str, comment: str, *, is_long: bool = False, nullable: bool = False
) -> sa.Column[Any]:
    kind = sa.Text() if is_long else sa.String(length=300)
    return sa.Column(name, kind, nullable=nullable, comment=comment)


def _at(name: str, comment: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _uuid(name: str, comment: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, comment=comment)


def _hash(name: str, comment: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length=64), nullable=nullable, comment=comment)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def _create_packages() -> None:
    name = "evidence_package"
    op.create_table(
        name,
        _uuid("id", "stable; names the file"),
        _uuid("incident_id", "of which incident"),
        _text(
            "receiver_id",
            "where set: asked by this receiver, so it holds only what it may see",
            nullable=True,
        ),
        _at("asked_at", "when asked for"),
        _text("asked_by", "name of the person or of the key"),
        sa.Column("key_id", sa.String(length=32), nullable=True, comment="with which key"),
        _uuid("account_id", "or account", nullable=True),
        _text("for_whom", "who is to have it"),
        _text("reason", "what for", is_long=True),
        _text("legal_basis", "own_initiative, vordering or aangifte"),
        _text("legal_number", "of the vordering or aangifte"),
        _text(
            "originals_reason",
            "why with sealed unmasked originals; empty: without",
            is_long=True,
        ),
        sa.Column(
            "size", sa.BigInteger(), nullable=True, comment="in bytes; empty: never finished"
        ),
        _hash("sha256", "of the file as it was made", nullable=True),
        _at("deleted_at", "file removed by retention", nullable=True),
        _to(name, "incident_id", "incident"),
        _to(name, "key_id", "api_key"),
        _to(name, "account_id", "account"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    for column in ("incident_id", "asked_at"):
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def _create_links() -> None:
    name = "evidence_link"
    op.create_table(
        name,
        _uuid("id", "to name it by; opens nothing"),
        _uuid("package_id", "what it leads to"),
        _hash("token_sha256", "of the token"),
        _text("for_whom", "whom it was made for"),
        _at("created_at", "when made"),
        _text("created_by", "by whom"),
        _at("expires_at", "opens nothing from then on"),
        _at("revoked_at", "withdrawn before that", nullable=True),
        _text("revoked_by", "by whom", nullable=True),
        _to(name, "package_id", "evidence_package"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint("token_sha256", name=op.f(f"uq_{name}_token_sha256")),
    )
    op.create_index(op.f(f"ix_{name}_package_id"), name, ["package_id"])


def _create_holds() -> None:
    name = "legal_hold"
    op.create_table(
        name,
        _uuid("id", "stable"),
        _uuid("incident_id", "which incident is kept"),
        _text("reason", "why", is_long=True),
        _at("placed_at", "when placed"),
        _text("placed_by", "by whom"),
        _at("ends_at", "holds nothing from then on"),
        _at("released_at", "lifted before that", nullable=True),
        _text("released_by", "by whom", nullable=True),
        _text("release_reason", "why lifted", is_long=True, nullable=True),
        _to(name, "incident_id", "incident"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    for column in ("incident_id", "ends_at"):
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def upgrade() -> None:
    """Bring the tables forward."""
    _create_packages()
    _create_links()
    _create_holds()


def downgrade() -> None:
    """Take the changes back."""
    for name in ("legal_hold", "evidence_link", "evidence_package"):
        op.drop_table(name)

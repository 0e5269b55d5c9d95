"""The tables of what leaves the house and of what may not be deleted: evidence, links, holds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from parkwacht_api.models import Base


def package_name(package_id: UUID) -> str:
    """Return where the file of a package lies inside the media folder."""
    return f"evidence/{package_id}.zip"


class EvidencePackage(Base):
    """What was asked for of one incident, on which ground, and the file that was made of it."""

    __tablename__ = "evidence_package"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="stable; names the file")
    incident_id: Mapped[UUID] = mapped_column(
        ForeignKey("incident.id"), index=True, comment="of which incident"
    )
    receiver_id: Mapped[str | None] = mapped_column(
        comment="where set: asked by this receiver, so it holds only what it may see"
    )
    asked_at: Mapped[datetime] = mapped_column(index=True, comment="when asked for")
    asked_by: Mapped[str] = mapped_column(comment="name of the person or of the key")
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_key.id"), comment="with which key")
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), comment="or account")
    for_whom: Mapped[str] = mapped_column(comment="who is to have it")
    reason: Mapped[str] = mapped_column(Text, comment="what for")
    legal_basis: Mapped[str] = mapped_column(comment="own_initiative, vordering or aangifte")
    legal_number: Mapped[str] = mapped_column(comment="of the vordering or aangifte")
    originals_reason: Mapped[str] = mapped_column(
        Text, comment="why with sealed unmasked originals; empty: without"
    )
    size: Mapped[int | None] = mapped_column(BigInteger, comment="in bytes; empty: never finished")
    sha256: Mapped[str | None] = mapped_column(String(64), comment="of the file as it was made")
    deleted_at: Mapped[datetime | None] = mapped_column(comment="file removed by retention")


class EvidenceLink(Base):
    """A way to one package without an account, for a time; only the hash of its token is kept."""

    __tablename__ = "evidence_link"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="to name it by; opens nothing")
    package_id: Mapped[UUID] = mapped_column(
        ForeignKey("evidence_package.id"), index=True, comment="what it leads to"
    )
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True, comment="of the token")
    for_whom: Mapped[str] = mapped_column(comment="whom it was made for")
    created_at: Mapped[datetime] = mapped_column(comment="when made")
    created_by: Mapped[str] = mapped_column(comment="by whom")
    expires_at: Mapped[datetime] = mapped_column(comment="opens nothing from then on")
    revoked_at: Mapped[datetime | None] = mapped_column(comment="withdrawn before that")
    revoked_by: Mapped[str | None] = mapped_column(comment="by whom")


class LegalHold(Base):
    """A reason to keep all of one incident longer than its time, until a day or a release."""

    __tablename__ = "legal_hold"

    id: Mapped[UUID] = mapped_column(primary_key=True, comment="stable")
    incident_id: Mapped[UUID] = mapped_column(
        ForeignKey("incident.id"), index=True, comment="which incident is kept"
    )
    reason: Mapped[str] = mapped_column(Text, comment="why")
    placed_at: Mapped[datetime] = mapped_column(comment="when placed")
    placed_by: Mapped[str] = mapped_column(comment="by whom")
    ends_at: Mapped[datetime] = mapped_column(index=True, comment="holds nothing from then on")
    released_at: Mapped[datetime | None] = mapped_column(comment="lifted before that")
    released_by: Mapped[str | None] = mapped_column(comment="by whom")
    release_reason: Mapped[str | None] = mapped_column(Text, comment="why lifted")

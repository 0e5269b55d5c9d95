"""
Evidence packages: asked for on a ground, made, kept for a time, handed out; all of it logged.

The request is written down before the work begins, and the work is done outside of any writing
transaction: a package of many clips takes seconds, and no alarm waits for it. The extract of the
audit log ends with the request, whenever the file is made.
"""

import os
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session
from starlette.responses import FileResponse

from parkwacht_api.audit import Act, Actor, audit
from parkwacht_api.auth import Principal
from parkwacht_api.errors import MediaGone, NotAllowed, not_found
from parkwacht_api.evidence_package import Request, write_package
from parkwacht_api.evidence_signing import signing_key
from parkwacht_api.models_evidence import EvidencePackage, package_name
from parkwacht_api.models_incidents import Incident
from parkwacht_api.repository_evidence import first_audit_id, package_by_id
from parkwacht_api.repository_incidents import INCIDENT, incident_by_id
from parkwacht_api.schemas_evidence import EvidenceIn
from parkwacht_api.state import AppState
from parkwacht_config.text import Text

PACKAGE = Text(nl="bewijspakket", en="evidence package")


def package_path(media_dir: Path, package_id: UUID) -> Path:
    """Return where the file of a package lies."""
    return media_dir / package_name(package_id)


def make_package(
    state: AppState, incident_id: UUID, asked: EvidenceIn, *, principal: Principal
) -> EvidencePackage:
    """
    Make the evidence package of an incident.

    Parameters
    ----------
    state
        Gives the park, the folders, the database and the time.
    incident_id
        Which incident.
    asked
        For whom, what for and on which ground.
    principal
        Who asks.

    Raises
    ------
    NotFound
        There is no such incident for this asker.
    NotAllowed
        A receiver asks for sealed originals.
    ConfigError
        There is no key to sign with.
    """
    signing_key(state.settings.state_dir)
    return finish_package(state, _ask(state, incident_id, asked, principal=principal), principal)


def finish_package(state: AppState, package_id: UUID, actor: Actor) -> EvidencePackage:
    """
    Make the file of a package that was asked for; one that is there already stays.

    Parameters
    ----------
    state
        Gives the park, the folders, the database and the time.
    package_id
        What was asked for.
    actor
        Who wants it now, for the log.
    """
    target = package_path(state.settings.media_dir, package_id)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".making-")
    os.close(handle)
    try:
        with state.database.reading() as session:
            sha256, size = write_package(session, _request(session, state, package_id), Path(draft))
        with state.database.writing() as session:
            package = session.get_one(EvidencePackage, package_id, with_for_update=True)
            if package.sha256 is None and package.deleted_at is None:
                Path(draft).replace(target)
                package.sha256, package.size = sha256, size
                log_evidence(session, actor, "evidence.make", package, state, sha256=sha256)
        return package
    finally:
        Path(draft).unlink(missing_ok=True)


def _request(session: Session, state: AppState, package_id: UUID) -> Request:
    package = session.get_one(EvidencePackage, package_id)
    incident = session.get_one(Incident, package.incident_id)
    asked = first_audit_id(session, [str(package_id)]) or 0
    key = signing_key(state.settings.state_dir)
    return Request(package, incident, asked, state.site, state.settings.media_dir, key)


def _ask(state: AppState, incident_id: UUID, asked: EvidenceIn, *, principal: Principal) -> UUID:
    if asked.originals_reason and principal.receiver_id is not None:
        raise NotAllowed(
            Text(
                nl="verzegelde originelen geeft alleen de beheerder van het park",
                en="sealed originals are given by the manager of the site only",
            )
        )
    with state.database.writing() as session:
        incident = incident_by_id(session, incident_id, receiver_id=principal.receiver_id)
        if incident is None:
            raise not_found(INCIDENT, incident_id)
        package = EvidencePackage(
            id=uuid4(),
            incident_id=incident.id,
            receiver_id=principal.receiver_id,
            asked_at=state.clock.now(),
            asked_by=principal.name,
            key_id=principal.key_id,
            account_id=principal.account_id,
            **asked.model_dump(mode="json"),
        )
        session.add(package)
        session.flush()
        details = asked.model_dump(mode="json", exclude={"reason"})
        log_evidence(
            session,
            principal,
            "evidence.ask",
            package,
            state,
            why=asked.reason,
            incident_number=incident.number,
            **details,
        )
        return package.id


def log_evidence(
    session: Session,
    actor: Actor,
    what: str,
    package: EvidencePackage,
    state: AppState,
    *,
    why: str = "",
    **details: Any,  # noqa: ANN401  # what else belongs to it, as JSON
) -> None:
    """Write an act on a package in the audit log."""
    told = {"incident_id": str(package.incident_id), **details}
    act = Act(what, "evidence", str(package.id), why=why, details=told)
    audit(session, actor, act, at=state.clock.now())


def find_package(session: Session, package_id: UUID, principal: Principal) -> EvidencePackage:
    """
    Return a package that this asker may see.

    Raises
    ------
    NotFound
        There is none.
    """
    package = package_by_id(session, package_id, receiver_id=principal.receiver_id)
    if package is None:
        raise not_found(PACKAGE, package_id)
    return package


def is_there(state: AppState, package: EvidencePackage) -> bool:
    """Say whether the file of a package can be handed out."""
    is_kept = package.deleted_at is None and package.sha256 is not None
    return is_kept and package_path(state.settings.media_dir, package.id).is_file()


def hand_out(state: AppState, package: EvidencePackage) -> FileResponse:
    """
    Answer with the file of a package; whoever calls this logs it.

    Raises
    ------
    MediaGone
        It was deleted after its time, or never finished.
    """
    if not is_there(state, package):
        raise MediaGone(
            Text(
                nl="dit pakket is verwijderd of nooit afgemaakt; vraag een nieuw",
                en="this package was deleted or never finished; ask for a new one",
            )
        )
    return FileResponse(
        package_path(state.settings.media_dir, package.id),
        media_type="application/zip",
        filename=f"parkwacht-{state.site.id}-{package.id}.zip",
        headers={"Cache-Control": "private, no-store"},
    )


def send_package(
    session: Session, package_id: UUID, *, principal: Principal, state: AppState
) -> FileResponse:
    """
    Answer with the file of a package, and log that it was fetched.

    Parameters
    ----------
    session
        A writing transaction.
    package_id
        Which package.
    principal
        Who fetches it.
    state
        Gives the folders and the time.

    Raises
    ------
    NotFound
        There is no such package for this asker.
    MediaGone
        Its file was deleted after its time, or never finished.
    """
    package = find_package(session, package_id, principal)
    answer = hand_out(state, package)
    log_evidence(session, principal, "evidence.download", package, state, sha256=package.sha256)
    return answer

"""What the page of an incident shows of its evidence: packages, their links and legal holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.auth import Principal
from parkwacht_api.evidence import is_there
from parkwacht_api.keys import Scope
from parkwacht_api.models_evidence import EvidenceLink, EvidencePackage
from parkwacht_api.repository_evidence import (
    holds_of_incident,
    links_of_package,
    packages_of_incident,
)
from parkwacht_api.schemas_evidence import DEFAULT_HOURS
from parkwacht_api.state import AppState


@dataclass(frozen=True, slots=True)
class ShownPackage:
    """A package, whether its file can be fetched, and the links to it."""

    package: EvidencePackage
    is_there: bool
    links: Sequence[EvidenceLink]


def evidence_section(
    state: AppState, session: Session, incident_id: UUID, me: Principal
) -> dict[str, Any]:
    """
    Gather what the section on evidence shows, no more than this person may see.

    Parameters
    ----------
    state
        Gives the folders and the time.
    session
        A transaction that is open until the page is rendered.
    incident_id
        Which incident; that this person may see it was seen to before.
    me
        Who looks.
    """
    packages: Sequence[EvidencePackage] = []
    if me.may(Scope.EXPORT):
        packages = packages_of_incident(session, incident_id, receiver_id=me.receiver_id)
    return {
        "may_export": me.may(Scope.EXPORT),
        "may_hold": me.may(Scope.HOLD),
        "packages": [
            ShownPackage(one, is_there(state, one), links_of_package(session, one.id))
            for one in reversed(packages)
        ],
        "holds": holds_of_incident(session, incident_id) if me.may(Scope.HOLD) else [],
        "now": state.clock.now(),
        "hours": int(DEFAULT_HOURS),
        "new_link": None,
        "asked": dict.fromkeys(("for_whom", "reason", "legal_basis", "legal_number"), ""),
        "asked_hold": dict.fromkeys(("reason", "ends_on"), ""),
    }

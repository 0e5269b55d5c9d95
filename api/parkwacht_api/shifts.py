"""Handing a shift over: who goes, who comes, what was open and what the next must know."""

from typing import Any

from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, audit
from parkwacht_api.auth import Principal
from parkwacht_api.errors import RecordInvalid, not_found
from parkwacht_api.models_incidents import Handover
from parkwacht_api.repository_incidents import unfinished
from parkwacht_api.schemas_incidents import HandoverIn
from parkwacht_api.state import AppState
from parkwacht_config.text import Text

HANDOVER = Text(nl="overdracht", en="handover")
SHOWN = ("number", "kind", "subject", "cause", "severity", "state", "review_state")


def hand_over(
    session: Session, given: HandoverIn, *, principal: Principal, state: AppState
) -> Handover:
    """
    Write down the end of a shift, with what is open as it stands.

    Parameters
    ----------
    session
        A writing transaction.
    given
        Who goes, who comes, and what the next must know.
    principal
        Who writes it.
    state
        Gives the time.
    """
    at = state.clock.now()
    incidents: list[dict[str, Any]] = [
        {
            "id": str(one.id),
            **{name: getattr(one, name) for name in SHOWN},
            "opened_at": one.opened_at.isoformat(),
            "acknowledged_by": one.acknowledged_by,
        }
        for one in unfinished(session)
    ]
    row = Handover(
        at=at,
        from_person=given.from_person,
        to_person=given.to_person,
        note=given.note,
        open_incidents={"items": incidents},
    )
    session.add(row)
    session.flush()
    details = {"from": given.from_person, "to": given.to_person, "n_open": len(incidents)}
    act = Act("shift.hand_over", "handover", str(row.id), given.note, details)
    audit(session, principal, act, at=at)
    return row


def accept(
    session: Session, handover_id: int, person: str, *, principal: Principal, state: AppState
) -> Handover:
    """
    Take a shift over; the first time stays.

    Parameters
    ----------
    session
        A writing transaction.
    handover_id
        Which handover.
    person
        Who takes it over.
    principal
        Whose session or key it is.
    state
        Gives the time.

    Raises
    ------
    NotFound
        There is no such handover.
    RecordInvalid
        Who goes cannot take over from themselves.
    """
    row = session.get(Handover, handover_id, with_for_update=True)
    if row is None:
        raise not_found(HANDOVER, handover_id)
    if person.casefold() == row.from_person.casefold():
        raise RecordInvalid(
            Text(
                nl="wie gaat, kan niet van zichzelf overnemen",
                en="who goes cannot take over from themselves",
            )
        )
    if row.accepted_at is None:
        row.accepted_at = state.clock.now()
        act = Act("shift.accept", "handover", str(row.id), details={"person": person})
        audit(session, principal, act, at=row.accepted_at)
    return row

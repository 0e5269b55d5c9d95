"""
What people judge of an incident or of one of its events, and what that releases.

The police are told by a verdict, never by the machine, and on a recorded legal basis
(design/forwarding.md, section 3). A second person may judge otherwise: both verdicts stay. Whoever
acts on an incident says which version was seen, so that two operators never undo each other. A
verdict on one event counts for its incident, but what is dismissed alone leaves the others as they
are: an alarm is not withdrawn for a cat while nobody judged the man beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, audit
from parkwacht_api.auth import Principal
from parkwacht_api.errors import RecordInvalid, VersionConflict, VersionMissing, not_found
from parkwacht_api.incidents import MACHINE_LEVEL, add_entry, spread, take_turn, told_receivers
from parkwacht_api.ingest import EVENT
from parkwacht_api.models import Event, Verdict
from parkwacht_api.models_incidents import Incident
from parkwacht_api.release import CANCELLED, UPDATED, VERIFIED, News, receivers_at, tell
from parkwacht_api.repository import event_by_id
from parkwacht_api.repository_incidents import (
    INCIDENT,
    events_of,
    incident_by_id,
    last_verdict_of,
    last_words,
    receivers_told,
)
from parkwacht_api.schemas import VerdictIn
from parkwacht_api.state import AppState
from parkwacht_config.site import Receiver, ReceiverRole, Release, Site
from parkwacht_config.text import Text

DELIVERY = Text(nl="levering", en="delivery")


def etag_of(row: Event | Incident) -> str:
    """Return the ETag of what is judged: it changes with every act."""
    return f'"v{row.version}"'


def check_version(row: Event | Incident, if_match: str) -> None:
    """
    Insist that nobody acted since this version was seen; empty or `*` is any version.

    Raises
    ------
    VersionConflict
        Somebody did.
    """
    if if_match in {"", "*"} or etag_of(row) in [one.strip() for one in if_match.split(",")]:
        return
    raise VersionConflict(
        Text(
            nl="iemand anders was u voor; laad de pagina opnieuw",
            en="somebody else acted in between; load it again",
        )
    )


def _no_version() -> VersionMissing:
    return VersionMissing(
        Text(
            nl="noem met If-Match de versie die u zag",
            en="say with If-Match which version you saw",
        )
    )


def incident_to_act_on(
    session: Session, incident_id: UUID, *, principal: Principal, if_match: str
) -> Incident:
    """
    Take the turn and return an incident, locked, for an act of a person.

    Parameters
    ----------
    session
        A writing transaction.
    incident_id
        Which incident.
    principal
        Who acts.
    if_match
        The ETag that was seen.

    Raises
    ------
    VersionMissing
        The act does not say what was seen.
    NotFound
        There is no such incident for this asker.
    VersionConflict
        Somebody else acted in between.
    """
    if not if_match:
        raise _no_version()
    take_turn(session)
    incident = incident_by_id(session, incident_id, receiver_id=principal.receiver_id, lock=True)
    if incident is None:
        raise not_found(INCIDENT, incident_id)
    check_version(incident, if_match)
    return incident


def needs_basis(site: Site) -> bool:
    """Say whether a verdict releases to the police, which asks for a legal basis."""
    return any(one.role is ReceiverRole.POLICE for one in receivers_at(site, Release.ON_VERIFIED))


def _check_basis(given: VerdictIn, site: Site) -> None:
    if given.verdict == "verified" and given.legal_basis is None and needs_basis(site):
        raise RecordInvalid(
            Text(
                nl="doorgeven aan de politie vraagt een grondslag",
                en="a release to the police needs a legal basis",
            ),
            fields=[{"field": "body.legal_basis", "message": "required"}],
        )


def give_verdict(
    session: Session,
    event_id: UUID,
    given: VerdictIn,
    *,
    principal: Principal,
    state: AppState,
    if_match: str = "",
) -> Event:
    """
    Judge an event, and with it its incident; what that releases is in the same transaction.

    Parameters
    ----------
    session
        A writing transaction.
    event_id
        What is judged.
    given
        The verdict.
    principal
        Who judges.
    state
        Gives the receivers and the time.
    if_match
        The ETag that was seen; only a first verdict may do without.

    Raises
    ------
    NotFound
        There is no such event for this asker.
    VersionMissing
        Somebody judged before, and no ETag was given.
    VersionConflict
        Somebody else judged in between.
    RecordInvalid
        It would release to the police without a legal basis.
    """
    take_turn(session)
    event = event_by_id(session, event_id, receiver_id=principal.receiver_id, lock=True)
    if event is None or event.incident_id is None:
        raise not_found(EVENT, event_id)
    incident = incident_by_id(session, event.incident_id, lock=True)
    if incident is None:
        raise not_found(EVENT, event_id)
    # Of the event, or of its incident: a verdict on either overrules what was said of the other.
    is_judged = {event.review_state, incident.review_state} != {"unreviewed"}
    if is_judged and not if_match:
        raise _no_version()
    check_version(event, if_match)
    _check_basis(given, state.site)
    event.review_state = given.verdict
    _judge(session, incident, event, given, principal=principal, state=state)
    return event


def judge_incident(
    session: Session,
    incident_id: UUID,
    given: VerdictIn,
    *,
    principal: Principal,
    state: AppState,
    if_match: str,
) -> Incident:
    """
    Judge an incident and all its events.

    Parameters
    ----------
    session
        A writing transaction.
    incident_id
        What is judged.
    given
        The verdict.
    principal
        Who judges.
    state
        Gives the receivers and the time.
    if_match
        The ETag that was seen.

    Raises
    ------
    NotFound
        There is no such incident for this asker.
    VersionMissing
        No ETag was given.
    VersionConflict
        Somebody else acted in between.
    RecordInvalid
        It would release to the police without a legal basis, or it is no intrusion.
    """
    incident = incident_to_act_on(session, incident_id, principal=principal, if_match=if_match)
    if incident.kind != "intrusion":
        raise RecordInvalid(
            Text(
                nl="een storing wordt niet beoordeeld; meld de afloop en sluit hem",
                en="a trouble is not judged; record its outcome and close it",
            )
        )
    _check_basis(given, state.site)
    for event in events_of(session, incident):
        event.review_state = given.verdict
    _judge(session, incident, None, given, principal=principal, state=state)
    return incident


@dataclass(frozen=True, slots=True)
class _Change:
    """A verdict and what was held before it."""

    verdict: Verdict
    was: tuple[str, int | None]

    def is_news(self, incident: Incident) -> bool:
        """Say whether it is another verdict or level than before."""
        return self.was != (incident.review_state, incident.avs_level)


def _judge(
    session: Session,
    incident: Incident,
    event: Event | None,
    given: VerdictIn,
    *,
    principal: Principal,
    state: AppState,
) -> None:
    at, before = state.clock.now(), last_verdict_of(session, incident)
    verdict = Verdict(
        event_id=event.id if event else None,
        incident_id=incident.id,
        verdict=given.verdict,
        cause=given.cause,
        person=given.person,
        key_id=principal.key_id,
        account_id=principal.account_id,
        reason=given.reason,
        avs_level=given.avs_level,
        legal_basis=given.legal_basis.value if given.legal_basis else None,
        legal_number=given.legal_number or None,
        given_at=at,
    )
    session.add(verdict)
    events = events_of(session, incident)
    for one in events:
        one.version += 1
    incident.version += 1
    if given.verdict != "dismissed" or all(one.review_state == "dismissed" for one in events):
        subject = event or (events[0] if events else None)
        _settle(session, incident, subject, verdict, at=at, state=state)
    details: dict[str, Any] = {"verdict": given.verdict, "cause": given.cause}
    details["avs_level"] = given.avs_level
    if before is not None and before.verdict != given.verdict and before.person != given.person:
        details["overrules"] = before.person
    details |= {"person": given.person, "text": given.reason}
    add_entry(session, incident, "verdict", at=at, **details)
    kind, key = ("event", event.id) if event else ("incident", incident.id)
    details |= {"legal_basis": verdict.legal_basis, "legal_number": verdict.legal_number}
    details["incident"] = incident.number
    audit(session, principal, Act("verdict", kind, str(key), given.reason, details), at=at)


def _settle(
    session: Session,
    incident: Incident,
    event: Event | None,
    verdict: Verdict,
    *,
    at: datetime,
    state: AppState,
) -> None:
    change = _Change(verdict, (incident.review_state, incident.avs_level))
    usual = 0 if verdict.verdict == "dismissed" else MACHINE_LEVEL
    incident.review_state = verdict.verdict
    incident.avs_level = usual if verdict.avs_level is None else verdict.avs_level
    session.flush()
    _spread_verdict(session, incident, event, change, at=at, state=state)


def _spread_verdict(
    session: Session,
    incident: Incident,
    event: Event | None,
    change: _Change,
    *,
    at: datetime,
    state: AppState,
) -> None:
    verdict = change.verdict
    if verdict.verdict == "dismissed":
        news = News(CANCELLED, incident, event, verdict)
        spread(session, news, told_receivers(session, incident, state), at=at, state=state)
        return
    words = last_words(session, incident)
    misled = _misled(session, incident, state) if change.is_news(incident) else []
    if verdict.verdict == "verified":
        # It was withdrawn and is something after all: that wants a person again.
        withdrawn = [one for one in misled if words[one.id].kind == CANCELLED]
        misled = [one for one in misled if one not in withdrawn]
        news = News(VERIFIED, incident, event, verdict)
        spread(session, news, withdrawn, at=at, state=state)
        new = [one for one in receivers_at(state.site, Release.ON_VERIFIED) if one.id not in words]
        tell(session, news, new, at=at, state=state)
    # Who heard a verdict that holds no more must hear the new one.
    news = News(UPDATED, incident, event, verdict, reason="verdict")
    spread(session, news, misled, at=at, state=state)


def _misled(session: Session, incident: Incident, state: AppState) -> Sequence[Receiver]:
    heard = receivers_told(session, incident, (CANCELLED, VERIFIED))
    return [one for one in state.site.receivers if one.id in heard]

"""
Nobody answers, or the channel is dead: then the next one is taken, and the last one is a trouble.

A message that wants a person goes to the partner's next channel where nobody acknowledged it
within `acknowledge_within_s`; any message does where its channel failed for half a minute or gave
it up. Contacts on duty go first, the others after them. Quiet hours play no part here.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from parkwacht_api.hand_over import pass_link_on
from parkwacht_api.incidents import add_entry, take_turn
from parkwacht_api.models import Delivery, Event
from parkwacht_api.models_incidents import Incident
from parkwacht_api.release import VERIFIED, WANTS_A_PERSON, News, next_way, plan_delivery
from parkwacht_api.repository_incidents import (
    deliveries_to_escalate,
    has_deliveries_to_escalate,
    is_answered,
    last_verdict_of,
    same_message,
)
from parkwacht_api.state import AppState
from parkwacht_api.troubles import SERVICE, Trouble, open_trouble
from parkwacht_config.site import Receiver

FAILING_AFTER = timedelta(seconds=30)
UNANSWERED = "unanswered"


def has_any_to_escalate(session: Session, at: datetime, *, state: AppState) -> bool:
    """Say whether `escalate_due` would move any message on, without taking a lock."""
    return has_deliveries_to_escalate(session, at, at - FAILING_AFTER, _last_steps(state))


def _last_steps(state: AppState) -> dict[str, int]:
    return {one.id: len(one.ways) - 1 for one in state.site.receivers}


def escalate_due(session: Session, at: datetime, *, state: AppState) -> int:
    """
    Take the next channel for what waited too long; return how many messages moved on.

    Parameters
    ----------
    session
        A writing transaction.
    at
        The present instant.
    state
        Gives the park, its receivers and the settings.
    """
    take_turn(session)
    due = deliveries_to_escalate(session, at, at - FAILING_AFTER, _last_steps(state))
    for delivery in due:
        _escalate(session, delivery, at=at, state=state)
        session.flush()
    return len(due)


def _escalate(session: Session, delivery: Delivery, *, at: datetime, state: AppState) -> None:
    # Looked at once: what is answered or settled must not be found again each second.
    delivery.escalated_at, delivery.escalate_at = at, None
    receiver = state.site.receiver(delivery.receiver_id)
    incident = session.get(Incident, delivery.incident_id)
    if receiver is None or incident is None or _is_settled(session, incident, delivery):
        return
    told = same_message(session, delivery)
    if any(one.step > delivery.step for one in told):
        return  # it moved on already, because the channel failed
    way = next_way(receiver, state.site, at, tried=[one.channel_id for one in told])
    details = {"receiver_id": receiver.id, "channel_id": delivery.channel_id}
    if way is None:
        add_entry(session, incident, "escalated", at=at, to="", **details)
        _nobody_answers(session, receiver, at=at, state=state)
        return
    news = News(
        delivery.kind,
        incident,
        session.get(Event, delivery.event_id) if delivery.event_id else None,
        last_verdict_of(session, incident) if delivery.kind == VERIFIED else None,
        delivery.sequence,
        delivery.payload["data"].get("release"),
        delivery.payload["data"].get("news", ""),
    )
    step = delivery.step + 1
    planned = plan_delivery(news, receiver, way, at=at, state=state, step=step)
    pass_link_on(delivery, planned)
    session.add(planned)
    add_entry(session, incident, "escalated", at=at, to=way.id, **details)


def _is_settled(session: Session, incident: Incident, delivery: Delivery) -> bool:
    if delivery.kind not in WANTS_A_PERSON:
        return False  # it only needs to arrive, also with whoever took the alarm up
    if incident.review_state == "dismissed" or is_answered(session, delivery):
        return True
    # Verified and closed at once: what never arrived with the police must still go to them.
    return incident.state == "closed" and delivery.state == "delivered"


def _nobody_answers(session: Session, receiver: Receiver, *, at: datetime, state: AppState) -> None:
    trouble = Trouble(SERVICE, receiver.id, UNANSWERED, "high")
    open_trouble(session, trouble, at=at, state=state)

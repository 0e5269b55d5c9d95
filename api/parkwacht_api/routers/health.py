"""Whether the service lives, and whether it can do its work."""

import os
from collections.abc import Mapping
from datetime import datetime

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from parkwacht_api.migrations.upgrade import is_current
from parkwacht_api.models_incidents import PartnerState
from parkwacht_api.outbox import HEARTBEAT, HEARTBEAT_LATE_S
from parkwacht_api.repository import heartbeat_of
from parkwacht_api.repository_outbox import Way, count_given_up, oldest_due, partner_states
from parkwacht_api.schemas import Health
from parkwacht_api.state import AppState, State

DUE_LATE_S = 60.0

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def get_live() -> Health:
    """Answer while the process lives."""
    return Health(status="ok")


def _check_outbox(state: AppState) -> str:
    with state.database.reading() as session:
        row = heartbeat_of(session, HEARTBEAT)
    if row is None:
        return "never seen"
    age_s = (state.clock.now() - row.at).total_seconds()
    return "ok" if age_s <= HEARTBEAT_LATE_S else f"silent for {age_s:.0f} s"


def _check_ways(states: Mapping[Way, PartnerState]) -> str:
    # Anybody may ask this: how many, not whose.
    n_down = sum(one.state == "down" for one in states.values())
    return "ok" if n_down == 0 else f"{n_down} of {len(states)} down"


def _check_deliveries(session: Session, states: Mapping[Way, PartnerState], at: datetime) -> str:
    waits_s = max(
        (
            (at - due_at).total_seconds()
            for way, due_at in oldest_due(session).items()
            if way not in states or states[way].n_failures == 0
        ),
        default=0.0,
    )
    n_given_up = sum(count_given_up(session).values())
    if waits_s > DUE_LATE_S:
        return f"waiting for {waits_s:.0f} s"
    return f"{n_given_up} given up" if n_given_up else "ok"


def _check_forwarding(state: AppState) -> dict[str, str]:
    outbox = _check_outbox(state)
    with state.database.reading() as session:
        states = partner_states(session)
        deliveries = _check_deliveries(session, states, state.clock.now())
    return {"outbox": outbox, "deliveries": deliveries, "ways": _check_ways(states)}


def _check_all(state: AppState) -> dict[str, str]:
    checks = {}
    try:
        with state.database.reading() as session:
            session.execute(text("SELECT 1"))
        checks["database"] = "ok"
        checks["migration"] = "ok" if is_current(state.database.engine) else "not current"
        if checks["migration"] == "ok":
            checks |= _check_forwarding(state)
    except SQLAlchemyError as error:
        checks["database"] = type(error).__name__
    media_dir = state.settings.media_dir
    is_writable = media_dir.is_dir() and os.access(media_dir, os.W_OK)
    checks["media"] = "ok" if is_writable else "not writable"
    return checks


@router.get("/ready", responses={503: {"model": Health, "description": "cannot work"}})
def get_ready(state: State, response: Response) -> Health:
    """
    Say what works.

    A silent outbox, a lost partner or a dead letter degrades the service, but events are still
    taken in.
    """
    checks = _check_all(state)
    if any(checks.get(name) != "ok" for name in ("database", "migration", "media")):
        response.status_code = 503
        return Health(status="failing", checks=checks)
    is_well = all(one == "ok" for one in checks.values())
    return Health(status="ok" if is_well else "degraded", checks=checks)

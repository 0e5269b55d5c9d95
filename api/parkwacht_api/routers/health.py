"""Whether the service lives, and whether it can do its work."""

import os

from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from parkwacht_api.migrations.upgrade import is_current
from parkwacht_api.outbox import HEARTBEAT, HEARTBEAT_LATE_S
from parkwacht_api.repository import heartbeat_of
from parkwacht_api.schemas import Health
from parkwacht_api.state import AppState, State

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


def _check_all(state: AppState) -> dict[str, str]:
    checks = {}
    try:
        with state.database.reading() as session:
            session.execute(text("SELECT 1"))
        checks["database"] = "ok"
        checks["migration"] = "ok" if is_current(state.database.engine) else "not current"
        checks["outbox"] = _check_outbox(state) if checks["migration"] == "ok" else "not known"
    except SQLAlchemyError as error:
        checks["database"] = type(error).__name__
    media_dir = state.settings.media_dir
    is_writable = media_dir.is_dir() and os.access(media_dir, os.W_OK)
    checks["media"] = "ok" if is_writable else "not writable"
    return checks


@router.get("/ready", responses={503: {"model": Health, "description": "cannot work"}})
def get_ready(state: State, response: Response) -> Health:
    """Say what works; a silent outbox degrades the service, but events are still taken in."""
    checks = _check_all(state)
    if any(checks.get(name) != "ok" for name in ("database", "migration", "media")):
        response.status_code = 503
        return Health(status="failing", checks=checks)
    return Health(status="ok" if checks["outbox"] == "ok" else "degraded", checks=checks)

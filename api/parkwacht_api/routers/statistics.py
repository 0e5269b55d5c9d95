"""Figures for the working group: counts and times, no image and no person."""

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from parkwacht_api.auth import Principal, needs
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.keys import Scope
from parkwacht_api.problems import problems
from parkwacht_api.schemas_statistics import StatisticsOut
from parkwacht_api.state import AppState, ReadSession, State
from parkwacht_api.statistics import compute_statistics
from parkwacht_config.text import Text

router = APIRouter(prefix="/statistics", tags=["statistics"])

USUAL = timedelta(weeks=8)
LONGEST = timedelta(days=3 * 366)


def days_of(state: AppState, from_on: date | None, until_on: date | None) -> tuple[date, date]:
    """
    Return which days are asked for; without a date the last eight weeks, today among them.

    Raises
    ------
    RecordInvalid
        They are no span, or one of more than three years.
    """
    today = state.clock.now().astimezone(ZoneInfo(state.site.timezone)).date()
    until = min(until_on or today + timedelta(days=1), today + LONGEST)
    start = from_on or (until - USUAL if until - date.min > USUAL else date.min)
    if not timedelta(0) < until - start <= LONGEST:
        raise RecordInvalid(
            Text(
                nl="kies een begin en een einde, hoogstens drie jaar uit elkaar",
                en="choose a beginning and an end, at most three years apart",
            ),
            fields=[{"field": "query.to", "message": "after from, by at most three years"}],
        )
    return start, until


@router.get("", responses=problems(401, 403, 422))
def get_statistics(
    _me: Annotated[Principal, Depends(needs(Scope.STATISTICS))],
    state: State,
    session: ReadSession,
    from_on: Annotated[date | None, Query(alias="from", description="first day")] = None,
    until_on: Annotated[date | None, Query(alias="to", description="day after the last")] = None,
) -> StatisticsOut:
    """Count alarms and false alarms, and say how fast they were answered."""
    return compute_statistics(session, state.site, *days_of(state, from_on, until_on))

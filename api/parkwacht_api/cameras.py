"""
How the cameras are: do they watch now, what troubles them, and how much of last night they saw.

A night runs from noon to noon on the site's clock. What counts as blind is vision's to say
(`parkwacht_vision.availability`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, false, or_, select
from sqlalchemy.orm import Session

from parkwacht_api.models import CameraTroubleRow, WatchReportRow
from parkwacht_api.repository import (
    last_watched,
    troubles_between,
    troubles_page,
    watch_reports_between,
)
from parkwacht_api.schemas import CameraOut, CameraStateWord, NightOut, TroubleOut
from parkwacht_config.site import Site
from parkwacht_vision.availability import NightSpan, measure_availability
from parkwacht_vision.event import CameraTrouble, Decoding, WatchReport

# A worker reports every 15 minutes; who missed two reports is silent.
SILENT_AFTER = timedelta(minutes=35)
MOST_TROUBLES = 200
NOON = time(12)


def last_night(at: datetime, timezone: str) -> NightSpan:
    """
    Return the night that an instant lies in, or the one just over in the afternoon.

    Parameters
    ----------
    at
        The present instant.
    timezone
        IANA name of the site's time zone.
    """
    local = at.astimezone(ZoneInfo(timezone))
    # Until six in the evening the night that is over is what people ask about.
    day = local.date() if local.hour >= 18 else local.date() - timedelta(days=1)  # noqa: PLR2004
    start = datetime.combine(day, NOON, ZoneInfo(timezone))
    end = datetime.combine(day + timedelta(days=1), NOON, ZoneInfo(timezone))
    return NightSpan(start, min(end, at))


def measure_night(
    reports: Sequence[WatchReportRow],
    site: Site,
    night: NightSpan,
    troubles: Sequence[CameraTroubleRow] = (),
) -> NightOut:
    """
    Show how much of the armed time of a night one camera analysed.

    Parameters
    ----------
    reports
        Its watch reports of that night.
    site
        Its calendar.
    night
        From when to when.
    troubles
        What troubled it that night.
    """
    found = measure_availability(
        [WatchReport.model_validate(one.record) for one in reports],
        [CameraTrouble.model_validate(one.record) for one in troubles],
        night,
        site.armings[site.default_arming_id],
        timezone=site.timezone,
    )
    return NightOut(
        started_at=night.started_at,
        ended_at=night.ended_at,
        armed_s=round(found.armed_s, 1),
        analysed_s=round(found.analysed_s, 1),
        blind_s={cause: round(seconds, 1) for cause, seconds in found.blind_s.items()},
        availability=None if found.share is None else round(found.share, 4),
    )


def trouble_out(row: CameraTroubleRow) -> TroubleOut:
    """Show a trouble."""
    return TroubleOut.model_validate(row, from_attributes=True)


def _state(troubles: list[TroubleOut], until: datetime | None, at: datetime) -> CameraStateWord:
    if until is None:
        return "trouble" if troubles else "never"
    if at - until > SILENT_AFTER:
        return "silent"
    return "trouble" if troubles else "watching"


def _decodings(session: Session, until: Mapping[str, datetime]) -> dict[str, Decoding]:
    """Return how much of each camera's stream was decoded by its last report."""
    last = [
        and_(WatchReportRow.camera_id == camera_id, WatchReportRow.ended_at == ended_at)
        for camera_id, ended_at in until.items()
    ]
    rows = session.scalars(select(WatchReportRow).where(or_(false(), *last)))
    stated = {row.camera_id: WatchReport.model_validate(row.record).decoding for row in rows}
    return {camera_id: one for camera_id, one in stated.items() if one is not None}


def list_cameras(session: Session, site: Site, at: datetime) -> list[CameraOut]:
    """
    Show every camera that the park has or that was watched, in the park's order.

    Parameters
    ----------
    session
        An open transaction.
    site
        Names and calendar.
    at
        The present instant.
    """
    night = last_night(at, site.timezone)
    reports: dict[str, list[WatchReportRow]] = defaultdict(list)
    for row in watch_reports_between(session, night.started_at, night.ended_at):
        reports[row.camera_id].append(row)
    troubled: dict[str, list[CameraTroubleRow]] = defaultdict(list)
    for one in troubles_between(session, night.started_at, night.ended_at):
        troubled[one.camera_id].append(one)
    troubles: dict[str, list[TroubleOut]] = defaultdict(list)
    for trouble in troubles_page(session, is_open=True, limit=MOST_TROUBLES)[0]:
        troubles[trouble.camera_id].append(trouble_out(trouble))
    until = last_watched(session)
    decoding = _decodings(session, until)
    names = {camera.id: camera.name for camera in site.cameras}
    names |= {camera_id: camera_id for camera_id in (*until, *troubles) if camera_id not in names}
    return [
        CameraOut(
            id=camera_id,
            name=name,
            state=_state(troubles[camera_id], until.get(camera_id), at),
            watched_until=until.get(camera_id),
            troubles=troubles[camera_id],
            night=measure_night(reports[camera_id], site, night, troubled[camera_id]),
            decoding=decoding.get(camera_id),
        )
        for camera_id, name in names.items()
    ]

"""
How the cameras are: do they watch now, what troubles them, and how much of last night they saw.

A night runs from noon to noon on the site's clock. What was armed and of which no worker told
counts as blind too: silence is not availability.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from parkwacht_api.models import CameraTroubleRow, WatchReportRow
from parkwacht_api.repository import last_watched, troubles_page, watch_reports_between
from parkwacht_api.schemas import CameraOut, CameraStateWord, NightOut, TroubleOut
from parkwacht_config.schedule import armed_seconds
from parkwacht_config.site import Site

# A worker reports every 15 minutes; who missed two reports is silent.
SILENT_AFTER = timedelta(minutes=35)
MOST_TROUBLES = 200
NOT_WATCHED = "not_watched"
NOON = time(12)


@dataclass(frozen=True, slots=True)
class NightSpan:
    """From noon to noon, or to now."""

    started_at: datetime
    ended_at: datetime


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


def measure_night(reports: Sequence[WatchReportRow], site: Site, night: NightSpan) -> NightOut:
    """
    Compute how much of the armed time of a night one camera analysed.

    Parameters
    ----------
    reports
        Its watch reports of that night.
    site
        Its calendar.
    night
        From when to when.
    """
    arming = site.armings[site.default_arming_id]
    armed_s = armed_seconds(arming, night.started_at, night.ended_at, timezone=site.timezone)
    watched_s = 0.0
    blind_s: dict[str, float] = defaultdict(float)
    for report in reports:
        start, end = max(report.started_at, night.started_at), min(report.ended_at, night.ended_at)
        span_s = (report.ended_at - report.started_at).total_seconds()
        share = (end - start).total_seconds() / span_s if span_s > 0 else 1.0
        total_s = report.record["watched_s"]
        armed_share = report.record["armed_s"] / total_s if total_s > 0 else 1.0
        watched_s += report.record["armed_s"] * share
        for spell in report.record["blind"]:
            blind_s[spell["cause"]] += spell["seconds"] * share * armed_share
    told_s = watched_s + sum(blind_s.values())
    if armed_s - told_s > 1:
        blind_s[NOT_WATCHED] = armed_s - told_s
    analysed_s = max(0.0, armed_s - sum(blind_s.values()))
    return NightOut(
        started_at=night.started_at,
        ended_at=night.ended_at,
        armed_s=round(armed_s, 1),
        analysed_s=round(analysed_s, 1),
        blind_s={cause: round(seconds, 1) for cause, seconds in sorted(blind_s.items())},
        availability=round(analysed_s / armed_s, 4) if armed_s > 0 else None,
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
    troubles: dict[str, list[TroubleOut]] = defaultdict(list)
    for trouble in troubles_page(session, is_open=True, limit=MOST_TROUBLES)[0]:
        troubles[trouble.camera_id].append(trouble_out(trouble))
    until = last_watched(session)
    names = {camera.id: camera.name for camera in site.cameras}
    names |= {one: one for one in (*until, *troubles) if one not in names}
    return [
        CameraOut(
            id=camera_id,
            name=name,
            state=_state(troubles[camera_id], until.get(camera_id), at),
            watched_until=until.get(camera_id),
            troubles=troubles[camera_id],
            night=measure_night(reports[camera_id], site, night),
        )
        for camera_id, name in names.items()
    ]

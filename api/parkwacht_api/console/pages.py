"""The pages of a reviewer: events, one event with its verdict, and what was watched."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Annotated, Any, get_args
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Header, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from parkwacht_api.auth import Principal, check_csrf, console_principal
from parkwacht_api.console.forms import read_verdict, verdict_form
from parkwacht_api.console.incidents import Names, not_forwarded
from parkwacht_api.console.park_map import build_map
from parkwacht_api.console.rendering import page_language, render, site_time
from parkwacht_api.errors import ApiError, RecordInvalid, VersionConflict
from parkwacht_api.keys import Scope
from parkwacht_api.repository import (
    EventFilter,
    deliveries_of,
    events_page,
    latest_watch_reports,
)
from parkwacht_api.schemas import FalseCause, LegalBasis, MediaKind, ReviewState
from parkwacht_api.state import AppState, ReadSession, State, WriteSession
from parkwacht_api.verification import give_verdict
from parkwacht_api.views import event_detail, show_image
from parkwacht_config.site import ObjectClass

router = APIRouter()

Person = Annotated[Principal, Depends(console_principal)]
RangeHeader = Annotated[str, Header(alias="Range")]
PAGE_SIZE = 20
REPORTS = 100
STATES = get_args(ReviewState)
CLASSES = tuple(one.value for one in ObjectClass)


def _more_link(cursor: str | None, wanted: EventFilter) -> str:
    asked = {"camera": wanted.camera_id, "verdict": wanted.review_state}
    asked |= {"class": wanted.object_class, "cursor": cursor}
    return "/events?" + urlencode({name: value for name, value in asked.items() if value})


def _list_filter(
    camera: str = "", verdict: str = "", object_class: Annotated[str, Query(alias="class")] = ""
) -> EventFilter:
    return EventFilter(
        camera or None,
        verdict if verdict in STATES else None,
        object_class if object_class in CLASSES else None,
    )


@router.get("/events")
def get_list(
    request: Request,
    me: Person,
    state: State,
    session: ReadSession,
    wanted: Annotated[EventFilter, Depends(_list_filter)],
    cursor: str = "",
) -> Response:
    """List events, newest first."""
    me.require(Scope.READ)
    rows, next_cursor = events_page(
        session, wanted, receiver_id=me.receiver_id, cursor=cursor or None, limit=PAGE_SIZE
    )
    names, told = Names(state), defaultdict(list)
    for one in deliveries_of(session, [row.id for row in rows], receiver_id=me.receiver_id):
        shown = "acknowledged" if one.acknowledged_at else one.state
        told[one.event_id].append((names.receiver(one.receiver_id), shown))
    context = {
        "events": rows,
        "told": told,
        "wanted": wanted,
        "states": STATES,
        "classes": CLASSES,
        "next_link": _more_link(next_cursor, wanted) if next_cursor else "",
        "is_first": not cursor,
        "first_link": _more_link(None, wanted),
        "names": names,
        "may_see": me.may(Scope.IMAGES),
        "troubles": not_forwarded(session, me),
    }
    return render(request, "list.html", context, principal=me)


def _event_context(state: AppState, session: Session, event_id: UUID, me: Principal) -> Any:  # noqa: ANN401
    event = event_detail(session, event_id, me)
    return {
        "event": event,
        "map": build_map(state.site, event.camera_id, event.record, event.ending),
        "media": dict.fromkeys(get_args(MediaKind)) | {one.kind: one for one in event.media},
        "clip_time": lambda at: at and site_time(datetime.fromisoformat(at), state.site.timezone),
        "names": Names(state),
        "bases": tuple(LegalBasis),
        "causes": get_args(FalseCause),
        "may_see": me.may(Scope.IMAGES),
        "may_judge": me.may(Scope.VERIFY),
    }


@router.get("/events/{event_id}")
def get_event(
    request: Request, event_id: UUID, me: Person, state: State, session: ReadSession
) -> Response:
    """Show one event."""
    me.require(Scope.READ)
    context = _event_context(state, session, event_id, me)
    context |= {"alert": "", "given": verdict_form()}
    return render(request, "event.html", context, principal=me)


@router.get("/events/{event_id}/{kind}")
def get_image(  # FastAPI: one parameter per input
    event_id: UUID,
    kind: str,
    me: Person,
    state: State,
    session: WriteSession,
    byte_range: RangeHeader = "",
) -> Response:
    """Send an image to the page; the look is logged under the person's name."""
    me.require(Scope.IMAGES)
    return show_image(session, event_id, kind, principal=me, state=state, byte_range=byte_range)


@router.post("/events/{event_id}/verdict")
def post_verdict(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    request: Request,
    event_id: UUID,
    me: Person,
    state: State,
    session: WriteSession,
    form: Annotated[dict[str, str], Depends(verdict_form)],
    csrf: Annotated[str, Form()] = "",
) -> Response:
    """Judge an event; where something is missing the form comes back with what was filled in."""
    check_csrf(me, csrf)
    me.require(Scope.VERIFY)
    try:
        give_verdict(
            session,
            event_id,
            read_verdict(form, me),
            principal=me,
            state=state,
            if_match=f'"v{form["version"]}"',
        )
    except (RecordInvalid, VersionConflict) as error:
        return _form_again(request, event_id, me, session, (form, error))
    return RedirectResponse(f"/events/{event_id}", status_code=303)


def _form_again(
    request: Request,
    event_id: UUID,
    me: Principal,
    session: Session,
    failed: tuple[dict[str, str], ApiError],
) -> Response:
    form, error = failed
    context = _event_context(request.app.state.parkwacht, session, event_id, me)
    context |= {"alert": error.text.to(page_language(request)), "given": form}
    status = 412 if isinstance(error, VersionConflict) else 422
    return render(request, "event.html", context, principal=me, status=status)


@router.get("/watch")
def get_watch(request: Request, me: Person, state: State, session: ReadSession) -> Response:
    """Show what was watched, and where the cameras were blind."""
    me.require(Scope.READ)
    rows = latest_watch_reports(session, REPORTS) if me.receiver_id is None else []
    blind_s: Counter[str] = Counter()
    for row in rows:
        for spell in row.record["blind"]:
            blind_s[spell["cause"]] += spell["seconds"]
    context = {
        "reports": rows,
        "blind": blind_s.most_common(),
        "watched_s": sum(row.record["watched_s"] for row in rows),
        "names": Names(state),
    }
    return render(request, "watch.html", context, principal=me)

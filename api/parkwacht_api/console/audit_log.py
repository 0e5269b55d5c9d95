"""The page of the audit log: who saw and did what."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from parkwacht_api.auth import Principal, console_principal
from parkwacht_api.console.rendering import render
from parkwacht_api.keys import Scope
from parkwacht_api.repository_access import AuditFilter, audit_page
from parkwacht_api.state import ReadSession

router = APIRouter()

PAGE_SIZE = 100


def _filter(who: str = "", what: str = "", object_id: str = "") -> AuditFilter:
    return AuditFilter(who=who or None, what=what or None, object_id=object_id or None)


@router.get("/audit")
def get_audit(
    request: Request,
    me: Annotated[Principal, Depends(console_principal)],
    session: ReadSession,
    wanted: Annotated[AuditFilter, Depends(_filter)],
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> Response:
    """List the audit log, newest first."""
    me.require(Scope.AUDIT)
    rows, older = audit_page(session, wanted, before_id=before, limit=PAGE_SIZE)
    asked = {"who": wanted.who, "what": wanted.what, "object_id": wanted.object_id}
    kept = {name: value for name, value in asked.items() if value}
    context = {
        "entries": rows,
        "wanted": wanted,
        "older_link": "/audit?" + urlencode({**kept, "before": older}) if older else "",
        "first_link": "/audit?" + urlencode(kept),
        "is_first": before is None,
    }
    return render(request, "audit.html", context, principal=me)

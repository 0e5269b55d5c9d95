"""The audit log, for those who may read it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from parkwacht_api.auth import Principal, needs
from parkwacht_api.keys import Scope
from parkwacht_api.problems import problems
from parkwacht_api.repository_access import AuditFilter, audit_page
from parkwacht_api.schemas_access import AuditOut, AuditPage
from parkwacht_api.state import ReadSession

router = APIRouter(prefix="/audit", tags=["audit"])


def _filter(
    who: Annotated[str | None, Query(description="only of this name, account or key")] = None,
    what: Annotated[str | None, Query(description="only this act, such as image.view")] = None,
    object_id: Annotated[str | None, Query(description="only on this thing")] = None,
    since: Annotated[AwareDatetime | None, Query(description="at or after")] = None,
) -> AuditFilter:
    return AuditFilter(who=who, what=what, object_id=object_id, since=since)


@router.get("", responses=problems(401, 403, 422))
def get_audit(
    _reader: Annotated[Principal, Depends(needs(Scope.AUDIT))],
    session: ReadSession,
    wanted: Annotated[AuditFilter, Depends(_filter)],
    before: Annotated[int | None, Query(ge=1, le=2**53, description="next_before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AuditPage:
    """List the audit log, newest first."""
    rows, next_before = audit_page(session, wanted, before_id=before, limit=limit)
    items = [AuditOut.model_validate(row, from_attributes=True) for row in rows]
    return AuditPage(items=items, next_before=next_before)

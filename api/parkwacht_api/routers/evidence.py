"""Evidence packages, the links that lead to them, and legal holds."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import FileResponse

from parkwacht_api.auth import Principal, needs
from parkwacht_api.errors import not_found
from parkwacht_api.evidence import (
    find_package,
    make_package,
    send_package,
)
from parkwacht_api.holds import lift_hold, place_hold
from parkwacht_api.keys import Scope
from parkwacht_api.links import make_link, revoke_link
from parkwacht_api.models_evidence import EvidencePackage
from parkwacht_api.problems import problems
from parkwacht_api.repository_evidence import (
    all_holds,
    links_of_package,
    packages_of_incident,
)
from parkwacht_api.repository_incidents import INCIDENT, incident_by_id
from parkwacht_api.schemas_evidence import (
    EvidenceIn,
    HoldIn,
    HoldOut,
    HoldReleaseIn,
    LinkIn,
    LinkOut,
    NewLinkOut,
    PackageOut,
)
from parkwacht_api.state import ReadSession, State, WriteSession

router = APIRouter(tags=["evidence"])

Exporter = Annotated[Principal, Depends(needs(Scope.EXPORT))]
Holder = Annotated[Principal, Depends(needs(Scope.HOLD))]
IncidentId = Annotated[UUID, Path(description="id of the incident")]
PackageId = Annotated[UUID, Path(description="id of the package")]
ZIP_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "the package", "content": {"application/zip": {}}},
    206: {"description": "the range that was asked for"},
    **problems(401, 403, 404, 410, 422),
}


def _package_out(package: EvidencePackage) -> PackageOut:
    fields = set(PackageOut.model_fields) - {"href"}
    return PackageOut(
        **{name: getattr(package, name) for name in fields}, href=f"/api/v1/evidence/{package.id}"
    )


@router.post(
    "/incidents/{incident_id}/evidence",
    status_code=201,
    responses=problems(400, 401, 403, 404, 422),
)
def post_evidence(
    incident_id: IncidentId, asked: EvidenceIn, exporter: Exporter, state: State
) -> PackageOut:
    """Make the evidence package of an incident; who asked, why and on which ground is logged."""
    return _package_out(make_package(state, incident_id, asked, principal=exporter))


@router.get("/incidents/{incident_id}/evidence", responses=problems(401, 403, 404, 422))
def get_packages(
    incident_id: IncidentId, exporter: Exporter, session: ReadSession
) -> list[PackageOut]:
    """List the packages that were made of an incident."""
    receiver_id = exporter.receiver_id
    if incident_by_id(session, incident_id, receiver_id=receiver_id) is None:
        raise not_found(INCIDENT, incident_id)
    rows = packages_of_incident(session, incident_id, receiver_id=receiver_id)
    return [_package_out(one) for one in rows]


@router.get("/evidence/{package_id}", response_class=FileResponse, responses=ZIP_RESPONSES)
def get_package(
    package_id: PackageId, exporter: Exporter, state: State, session: WriteSession
) -> FileResponse:
    """Send a package; the download is logged."""
    return send_package(session, package_id, principal=exporter, state=state)


@router.post(
    "/evidence/{package_id}/links",
    status_code=201,
    responses=problems(400, 401, 403, 404, 422),
)
def post_link(
    package_id: PackageId, asked: LinkIn, exporter: Exporter, state: State, session: WriteSession
) -> NewLinkOut:
    """Make a link to a package that opens without an account, for a time; shown this once."""
    link, url = make_link(session, package_id, asked, principal=exporter, state=state)
    told = LinkOut.model_validate(link, from_attributes=True)
    return NewLinkOut(**told.model_dump(), url=url)


@router.get("/evidence/{package_id}/links", responses=problems(401, 403, 404, 422))
def get_links(package_id: PackageId, exporter: Exporter, session: ReadSession) -> list[LinkOut]:
    """List the links to a package, without what opens them."""
    find_package(session, package_id, exporter)
    rows = links_of_package(session, package_id)
    return [LinkOut.model_validate(one, from_attributes=True) for one in rows]


@router.delete("/evidence/links/{link_id}", responses=problems(401, 403, 404, 422))
def delete_link(
    link_id: Annotated[UUID, Path(description="id of the link")],
    exporter: Exporter,
    state: State,
    session: WriteSession,
) -> LinkOut:
    """Withdraw a link at once."""
    link = revoke_link(session, link_id, principal=exporter, state=state)
    return LinkOut.model_validate(link, from_attributes=True)


@router.post(
    "/incidents/{incident_id}/holds",
    status_code=201,
    responses=problems(400, 401, 403, 404, 422),
)
def post_hold(
    incident_id: IncidentId, asked: HoldIn, holder: Holder, state: State, session: WriteSession
) -> HoldOut:
    """Keep all of an incident until a day, whatever its time would be."""
    hold = place_hold(session, incident_id, asked, principal=holder, state=state)
    return HoldOut.model_validate(hold, from_attributes=True)


@router.get("/holds", responses=problems(401, 403, 422))
def get_holds(
    _holder: Holder,
    state: State,
    session: ReadSession,
    all: Annotated[bool, Query(description="also those that are over")] = False,
) -> list[HoldOut]:
    """List the legal holds, the one that ends first first."""
    rows = all_holds(session, at=None if all else state.clock.now())
    return [HoldOut.model_validate(one, from_attributes=True) for one in rows]


@router.post("/holds/{hold_id}/lift", responses=problems(400, 401, 403, 404, 422))
def post_lift(
    hold_id: Annotated[UUID, Path(description="id of the hold")],
    asked: HoldReleaseIn,
    holder: Holder,
    state: State,
    session: WriteSession,
) -> HoldOut:
    """Lift a hold before its end."""
    hold = lift_hold(session, hold_id, asked, principal=holder, state=state)
    return HoldOut.model_validate(hold, from_attributes=True)

"""The page behind a link to an evidence package: what it is, and the file; no account is needed."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from parkwacht_api.audit import Somebody
from parkwacht_api.auth import address_of
from parkwacht_api.console.rendering import page_language, render
from parkwacht_api.evidence import finish_package, hand_out, is_there
from parkwacht_api.evidence_receipt import BASES
from parkwacht_api.evidence_signing import fingerprint_of, public_pem, signing_key
from parkwacht_api.links import Opened, count_look, open_link
from parkwacht_api.models_incidents import Incident
from parkwacht_api.schemas import LegalBasis
from parkwacht_api.state import AppState, State

router = APIRouter(prefix="/evidence")


def _open(request: Request, state: AppState, token: str, what: str) -> tuple[Opened, Incident]:
    address = address_of(request)
    with state.database.writing() as session:
        count_look(session, address, at=state.clock.now())
    with state.database.writing() as session:
        opened = open_link(session, token, what, address=address, state=state)
        incident = session.get_one(Incident, opened.package.incident_id)
    if opened.package.sha256 is None and opened.package.deleted_at is None:
        actor = Somebody(opened.link.for_whom, role="link", via="link", address=address)
        package = finish_package(state, opened.package.id, actor)
        opened = Opened(opened.link, package)
    return opened, incident


@router.get("/{token}")
def show_package(request: Request, token: str, state: State) -> Response:
    """Show what the package is and where its file is."""
    opened, incident = _open(request, state, token, "view")
    basis = BASES[LegalBasis(opened.package.legal_basis)]
    context = {
        "link": opened.link,
        "package": opened.package,
        "incident": incident,
        "basis": basis.to(page_language(request)),
        "is_there": is_there(state, opened.package),
        "fingerprint": fingerprint_of(public_pem(signing_key(state.settings.state_dir))),
    }
    return render(request, "evidence.html", context)


@router.get("/{token}/download")
def download_package(request: Request, token: str, state: State) -> Response:
    """Send the file."""
    opened, _incident = _open(request, state, token, "download")
    return hand_out(state, opened.package)

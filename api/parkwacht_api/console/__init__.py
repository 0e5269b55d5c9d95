"""The review pages: rendered here, plain HTML, usable without scripts."""

from fastapi import APIRouter

from parkwacht_api.console import (
    account,
    accounts,
    audit_log,
    cameras,
    evidence,
    figures,
    incident_evidence,
    incidents,
    login,
    login_oidc,
    pages,
)

router = APIRouter(include_in_schema=False)
router.include_router(login.router)
router.include_router(login_oidc.router)
router.include_router(account.router)
router.include_router(accounts.router)
router.include_router(audit_log.router)
router.include_router(cameras.router)
router.include_router(evidence.router)
# Before the acts of an incident, whose route takes any word.
router.include_router(incident_evidence.router)
router.include_router(incidents.router)
router.include_router(figures.router)
router.include_router(pages.router)

"""
Links to evidence packages: opened without an account, for a time, every look logged.

A token holds 256 random bits and only its hash is kept. Looks are counted per network address, so
that nobody can try tokens or fetch without end.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from parkwacht_api.audit import Actor, Somebody
from parkwacht_api.auth import Principal
from parkwacht_api.database import take_turn
from parkwacht_api.errors import NotFound, TooManyLogins, not_found
from parkwacht_api.evidence import find_package, log_evidence
from parkwacht_api.keys import hash_secret
from parkwacht_api.lockout import LOGIN_LOCK, WINDOW
from parkwacht_api.models_access import LoginFailure
from parkwacht_api.models_evidence import EvidenceLink, EvidencePackage
from parkwacht_api.repository_access import login_failures_before, login_failures_of
from parkwacht_api.repository_evidence import link_by_hash, link_by_id
from parkwacht_api.schemas_evidence import LinkIn
from parkwacht_api.state import AppState
from parkwacht_config.text import Text

LINK = Text(nl="koppeling", en="link")
LOOKS_IN_WINDOW = 60


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that is in force, and what it leads to."""

    link: EvidenceLink
    package: EvidencePackage


def make_link(
    session: Session, package_id: UUID, asked: LinkIn, *, principal: Principal, state: AppState
) -> tuple[EvidenceLink, str]:
    """
    Make a link to a package and return it with its address, which is shown this once.

    Parameters
    ----------
    session
        A writing transaction.
    package_id
        What it leads to.
    asked
        For whom, and for how long.
    principal
        Who makes it.
    state
        Gives the service's address and the time.

    Raises
    ------
    NotFound
        There is no such package for this asker.
    """
    package = find_package(session, package_id, principal)
    return add_link(session, package, asked, actor=principal, state=state)


def add_link(
    session: Session, package: EvidencePackage, asked: LinkIn, *, actor: Actor, state: AppState
) -> tuple[EvidenceLink, str]:
    """
    Add a link to a package, log it, and return it with its address.

    Parameters
    ----------
    session
        A writing transaction.
    package
        What it leads to.
    asked
        For whom, and for how long.
    actor
        Who makes it.
    state
        Gives the service's address and the time.
    """
    at, token = state.clock.now(), secrets.token_urlsafe(32)
    link = EvidenceLink(
        id=uuid4(),
        package_id=package.id,
        token_sha256=hash_secret(token),
        for_whom=asked.for_whom,
        created_at=at,
        created_by=actor.name,
        expires_at=at + timedelta(hours=asked.hours),
    )
    session.add(link)
    session.flush()
    told = {"link_id": str(link.id), "for_whom": link.for_whom}
    until = link.expires_at.isoformat()
    log_evidence(session, actor, "evidence.link.make", package, state, until=until, **told)
    return link, f"{state.settings.api_url.rstrip('/')}/evidence/{token}"


def revoke_link(
    session: Session, link_id: UUID, *, principal: Principal, state: AppState
) -> EvidenceLink:
    """
    Withdraw a link. A second time changes nothing.

    Raises
    ------
    NotFound
        There is no such link for this asker.
    """
    link = link_by_id(session, link_id, receiver_id=principal.receiver_id)
    if link is None:
        raise not_found(LINK, link_id)
    if link.revoked_at is None:
        link.revoked_at, link.revoked_by = state.clock.now(), principal.name
        package = session.get_one(EvidencePackage, link.package_id)
        told = {"link_id": str(link.id)}
        log_evidence(session, principal, "evidence.link.revoke", package, state, **told)
    return link


def count_look(session: Session, address: str, *, at: datetime) -> None:
    """
    Count a look from an address, right or wrong, or refuse it.

    Parameters
    ----------
    session
        A writing transaction, committed before the token is looked at.
    address
        Network address it comes from.
    at
        The present instant.

    Raises
    ------
    TooManyLogins
        Too many looks from this address.
    """
    take_turn(session, LOGIN_LOCK)
    for old in login_failures_before(session, at - WINDOW):
        session.delete(old)
    subject = f"link:{address}"[:300]
    looks = login_failures_of(session, subject, at - WINDOW)
    if len(looks) >= LOOKS_IN_WINDOW:
        wait_s = int((looks[-LOOKS_IN_WINDOW].at + WINDOW - at).total_seconds()) + 1
        raise TooManyLogins(
            Text(
                nl=f"te vaak gekeken; probeer het over {wait_s} s opnieuw",
                en=f"too many looks; try again in {wait_s} s",
            ),
            headers={"Retry-After": str(wait_s)},
        )
    session.add(LoginFailure(subject=subject, at=at))


def open_link(session: Session, token: str, what: str, *, address: str, state: AppState) -> Opened:
    """
    Return what a token leads to, and log the look.

    Parameters
    ----------
    session
        A writing transaction.
    token
        As it stands in the address.
    what
        Act for the log: `view` or `download`.
    address
        Network address it comes from.
    state
        Gives the time.

    Raises
    ------
    NotFound
        There is no such link, or it is over; nobody learns which.
    """
    link, at = link_by_hash(session, hash_secret(token)), state.clock.now()
    if link is None or link.revoked_at is not None or link.expires_at <= at:
        raise NotFound(
            Text(
                nl="deze koppeling bestaat niet of geldt niet meer; vraag de beheerder een nieuwe",
                en="there is no such link, or it is over; ask the site's manager for another",
            )
        )
    package = session.get_one(EvidencePackage, link.package_id)
    actor = Somebody(link.for_whom, role="link", via="link", address=address)
    told = {"link_id": str(link.id)}
    log_evidence(session, actor, f"evidence.link.{what}", package, state, **told)
    return Opened(link, package)

"""
Who asks, and what they may: API keys of machines, sessions of people in a browser.

A person is an account with a role, logged in on the pages (`console.login`); a machine is a key.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from parkwacht_api.audit import account_who
from parkwacht_api.errors import FormForged, NotAllowed, NotAuthenticated
from parkwacht_api.keys import Scope, hash_secret, split_key
from parkwacht_api.models import ApiKey
from parkwacht_api.models_access import Account, WebSession
from parkwacht_api.proxies import client_address, client_certificate_sha256
from parkwacht_api.repository_access import key_by_certificate, key_by_id
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_api.state import state_of
from parkwacht_api.web_sessions import find_session, is_to_be_marked, mark_seen
from parkwacht_config.site import ReceiverRole
from parkwacht_config.text import Text

COOKIE = "parkwacht_session"
_bearer = HTTPBearer(auto_error=False, scheme_name="key", description="pw_<keyid>_<secret>")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks; `receiver_id` is set where the asker is a partner and sees only its own."""

    name: str
    role: str  # a Role, or "key" for a key that was made without one
    scopes: frozenset[Scope]
    receiver_id: str | None
    via: str  # "api" or "console"
    address: str
    key_id: str | None = None  # of a machine
    account_id: UUID | None = None  # of a person
    csrf: str = ""
    is_police: bool = False  # of a receiver that is the police
    who_id: str = ""  # unique, as the audit log tells it from others of its name

    def may(self, scope: Scope) -> bool:
        """Say whether a scope is held."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """
        Insist on a scope.

        Raises
        ------
        NotAllowed
            It is not held.
        """
        if scope not in self.scopes:
            raise NotAllowed(
                Text(
                    nl=f"{self.name} heeft het recht {scope.value} niet",
                    en=f"{self.name} does not have the scope {scope.value}",
                )
            )


def _wrong_key() -> NotAuthenticated:
    return NotAuthenticated(
        Text(nl="geen geldige sleutel", en="no valid key"),
        headers={"WWW-Authenticate": 'Bearer realm="parkwacht"'},
    )


def find_key(session: Session, key: str) -> ApiKey:
    """
    Find the row of a key that is right and not revoked.

    Raises
    ------
    NotAuthenticated
        The key is malformed, unknown, wrong or revoked.
    """
    parts = split_key(key)
    row = key_by_id(session, parts[0]) if parts else None
    # An unknown id costs the same comparison as a wrong secret.
    expected = row.secret_sha256 if row else "0" * 64
    is_right = hmac.compare_digest(hash_secret(parts[1] if parts else ""), expected)
    if row is None or not is_right or row.revoked_at is not None:
        raise _wrong_key()
    return row


def _scopes(row: ApiKey) -> frozenset[Scope]:
    return frozenset(Scope(scope) for scope in row.scopes.split())


def address_of(request: Request) -> str:
    """Return the network address a request came from, as far as our own proxies tell."""
    return client_address(request, state_of(request).settings)


def _find_by_certificate(session: Session, request: Request) -> ApiKey:
    sha256 = client_certificate_sha256(request, state_of(request).settings)
    row = key_by_certificate(session, sha256) if sha256 else None
    if row is None or row.revoked_at is not None:
        raise _wrong_key()
    return row


def _is_police(request: Request, receiver_id: str | None) -> bool:
    receiver = state_of(request).site.receiver(receiver_id) if receiver_id else None
    return receiver is not None and receiver.role is ReceiverRole.POLICE


def api_principal(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Principal:
    """Identify a machine by its key, or by the certificate it showed to our proxy."""
    with state_of(request).database.reading() as session:
        if credentials is None:
            row = _find_by_certificate(session, request)
        else:
            row = find_key(session, credentials.credentials)
    return Principal(
        name=row.name,
        role=row.role or "key",
        scopes=_scopes(row),
        receiver_id=row.receiver_id,
        via="api",
        address=address_of(request),
        key_id=row.id,
        is_police=_is_police(request, row.receiver_id),
        who_id=f"key:{row.id}",
    )


def needs(scope: Scope) -> Callable[[Principal], Awaitable[Principal]]:
    """Make a dependency that insists on a scope."""

    async def check(principal: Annotated[Principal, Depends(api_principal)]) -> Principal:
        principal.require(scope)
        return principal

    return check


def console_principal(request: Request) -> Principal:
    """Identify a person by the session's cookie; a session that lacks something is none."""
    row, account = pending_session(request)
    if row.stage != "full":
        raise NotAuthenticated(Text(nl="niet geheel aangemeld", en="not quite logged in"))
    role = Role(account.role)
    return Principal(
        name=account.person,
        role=role.value,
        scopes=SCOPES_OF[role],
        receiver_id=account.receiver_id,
        via="console",
        address=address_of(request),
        account_id=account.id,
        csrf=row.csrf,
        is_police=_is_police(request, account.receiver_id),
        who_id=account_who(account.name),
    )


def pending_session(request: Request) -> tuple[WebSession, Account]:
    """
    Return the session of a request's cookie and its account, whatever it still lacks.

    Raises
    ------
    NotAuthenticated
        There is none, or it is over.
    """
    state, token = state_of(request), request.cookies.get(COOKIE, "")
    at = state.clock.now()
    with state.database.reading() as session:
        found = find_session(session, token, at=at)
    if found is None:
        raise NotAuthenticated(Text(nl="niet aangemeld", en="not logged in"))
    if is_to_be_marked(found[0], at=at):
        with state.database.writing() as session:
            mark_seen(session, token, at=at)
    return found


def check_csrf(principal: Principal, token: str) -> None:
    """
    Insist that a form came from this session's own page.

    Raises
    ------
    FormForged
        It did not.
    """
    matches_csrf(principal.csrf, token)


def matches_csrf(expected: str, token: str) -> None:
    """
    Insist that a form's token is the session's own.

    Raises
    ------
    FormForged
        It is not.
    """
    if not hmac.compare_digest(expected.encode(), token.encode(errors="replace")):
        raise FormForged(
            Text(
                nl="dit formulier hoort niet bij uw sessie; laad de pagina opnieuw",
                en="this form does not belong to your session; load the page again",
            )
        )

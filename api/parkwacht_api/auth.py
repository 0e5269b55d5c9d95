"""
Who asks, and what they may: API keys of machines, sessions of people in a browser.

A session belongs to the key it was opened with: where the key is revoked, the session ends too.
"""

import hmac
import secrets
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from parkwacht_api.errors import FormForged, NotAllowed, NotAuthenticated, TooManyLogins
from parkwacht_api.keys import Scope, hash_secret, split_key
from parkwacht_api.models import ApiKey, WebSession
from parkwacht_api.repository import key_by_id, session_by_hash
from parkwacht_api.state import state_of
from parkwacht_config.text import Text

SESSION_LENGTH = timedelta(hours=12)
COOKIE = "parkwacht_session"
_bearer = HTTPBearer(auto_error=False, scheme_name="key", description="pw_<keyid>_<secret>")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks; `receiver_id` is set where the asker is a partner and sees only its own."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    receiver_id: str | None
    via: str  # "api" or "console"
    address: str
    csrf: str = ""

    def may(self, scope: Scope) -> bool:
        """Say whether a scope is held."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """
        Insist on a scope.

        Raises
        ------
        NotAllowed
            The key does not hold it.
        """
        if scope not in self.scopes:
            raise NotAllowed(
                Text(
                    nl=f"deze sleutel heeft het recht {scope.value} niet",
                    en=f"this key does not have the scope {scope.value}",
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
    """Return the network address a request came from."""
    return request.client.host if request.client else ""


def api_principal(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Principal:
    """Identify a machine by its key."""
    if credentials is None:
        raise _wrong_key()
    with state_of(request).database.reading() as session:
        row = find_key(session, credentials.credentials)
    return Principal(row.id, row.name, _scopes(row), row.receiver_id, "api", address_of(request))


def needs(scope: Scope) -> Callable[[Principal], Principal]:
    """Make a dependency that insists on a scope."""

    def check(principal: Annotated[Principal, Depends(api_principal)]) -> Principal:
        principal.require(scope)
        return principal

    return check


def open_session(session: Session, row: ApiKey, person: str, *, at: datetime) -> str:
    """Log a person in and return the cookie's value."""
    token = secrets.token_urlsafe(32)
    session.add(
        WebSession(
            token_sha256=hash_secret(token),
            key_id=row.id,
            person=person,
            csrf=secrets.token_urlsafe(24),
            created_at=at,
            expires_at=at + SESSION_LENGTH,
        )
    )
    return token


def end_session(session: Session, token: str, *, at: datetime) -> None:
    """Log a person out; the cookie is worthless from now on."""
    found = session_by_hash(session, hash_secret(token))
    if found is not None:
        found[0].ended_at = found[0].ended_at or at


def console_principal(request: Request) -> Principal:
    """Identify a person by the session's cookie."""
    state = state_of(request)
    with state.database.reading() as session:
        found = session_by_hash(session, hash_secret(request.cookies.get(COOKIE, "")))
    at = state.clock.now()
    if found is None or found[0].ended_at or found[0].expires_at <= at or found[1].revoked_at:
        raise NotAuthenticated(Text(nl="niet aangemeld", en="not logged in"))
    login, row = found
    return Principal(
        key_id=row.id,
        name=login.person,
        scopes=_scopes(row),
        receiver_id=row.receiver_id,
        via="console",
        address=address_of(request),
        csrf=login.csrf,
    )


def check_csrf(principal: Principal, token: str) -> None:
    """
    Insist that a form came from this session's own page.

    Raises
    ------
    FormForged
        It did not.
    """
    if not hmac.compare_digest(principal.csrf.encode(), token.encode()):
        raise FormForged(
            Text(
                nl="dit formulier hoort niet bij uw sessie; laad de pagina opnieuw",
                en="this form does not belong to your session; load the page again",
            )
        )


class LoginThrottle:
    """Counts wrong keys per address; five in five minutes lock that address for five minutes."""

    limit = 5
    window = timedelta(minutes=5)

    def __init__(self) -> None:
        self._failures: dict[str, deque[datetime]] = defaultdict(deque)
        self._lock = Lock()

    def check(self, address: str, at: datetime) -> None:
        """
        Let an attempt through, or not.

        Raises
        ------
        TooManyLogins
            This address is locked.
        """
        with self._lock:
            failures = self._failures[address]
            while failures and failures[0] <= at - self.window:
                failures.popleft()
            if not failures:
                del self._failures[address]
            elif len(failures) >= self.limit:
                wait_s = int((failures[0] + self.window - at).total_seconds()) + 1
                raise TooManyLogins(
                    Text(
                        nl=f"te veel onjuiste sleutels; probeer het over {wait_s} s opnieuw",
                        en=f"too many wrong keys; try again in {wait_s} s",
                    ),
                    headers={"Retry-After": str(wait_s)},
                )

    def failed(self, address: str, at: datetime) -> None:
        """Count a wrong key."""
        with self._lock:
            self._failures[address].append(at)

    def succeeded(self, address: str) -> None:
        """Forget the wrong keys of an address."""
        with self._lock:
            self._failures.pop(address, None)

"""
A log-in service that vouches for people: OpenID Connect, authorization code with PKCE.

Nothing it says is believed but an ID token that it signed, for us, now, and in answer to the very
request that this browser began. Its description and keys are fetched when needed and kept for an
hour; an unknown key is looked for anew, so that it may change its keys at any time.
"""

import base64
import binascii
import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import KeySet

from parkwacht_api.errors import NotVouched, ProviderSilent
from parkwacht_api.models_access import SignIn
from parkwacht_api.release import is_on_this_machine
from parkwacht_config.clock import Clock
from parkwacht_config.oidc import Oidc
from parkwacht_config.secrets import read_secret
from parkwacht_config.text import Text

# Signatures of a private key only: with `none` or HS256 anybody could make a token.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
KEPT_FOR = timedelta(hours=1)
# A key that we do not have makes us ask for the keys, but not at a stranger's pace.
ASK_AGAIN_AFTER = timedelta(seconds=10)
# A service that is down is not waited for by everybody who tries: threads are for alarms too.
SILENT_FOR = timedelta(seconds=10)
SKEW_S = 60
MAX_AGE_S = 600
TIMEOUT_S = 5.0
MAX_BYTES = 1 << 20
MAX_SUBJECT = 255  # OpenID Connect Core 1.0, section 2


@dataclass(frozen=True, slots=True)
class Vouched:
    """For whom the service vouches."""

    subject: str
    name: str  # to log in with, as the service calls it; may be empty
    person: str
    groups: frozenset[str]
    has_second_factor: bool


@dataclass(slots=True)
class _Known:
    """What was fetched, and when."""

    document: dict[str, Any] = field(default_factory=dict)
    keys: KeySet | None = None
    at: datetime | None = None
    asked_at: datetime | None = None  # for the keys


def _is_recent(then: datetime | None, at: datetime, within: timedelta) -> bool:
    """Say whether something was less long ago; on a clock that was put back nothing was."""
    return then is not None and timedelta(0) <= at - then < within


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Provider:
    """
    The log-in service of a park.

    Parameters
    ----------
    told
        What the park's file says of it.
    state_dir
        Folder of the secrets.
    clock
        The time.
    redirect_uri
        Our address that it sends people back to.
    """

    def __init__(self, told: Oidc, state_dir: Path, clock: Clock, redirect_uri: str) -> None:
        self.told = told
        self.redirect_uri = redirect_uri
        self._state_dir = state_dir
        self._clock = clock
        self._known = _Known()
        self._silent_at: datetime | None = None
        self._lock = threading.Lock()

    def authorization_url(self, row: SignIn) -> str:
        """
        Return where a browser is sent to log in.

        Raises
        ------
        ProviderSilent
            The service cannot be reached, or is not the one of the park's file.
        """
        asked = {
            "response_type": "code",
            "client_id": self.told.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.told.scopes),
            "state": row.state,
            "nonce": row.nonce,
            "code_challenge": challenge_of(row.verifier),
            "code_challenge_method": "S256",
        }
        return _with_query(self._address("authorization_endpoint"), asked)

    def log_out_url(self, back_to: str) -> str | None:
        """Return where a person can log out of the service too, None where it has no such page."""
        document = self._document()
        if not isinstance(document.get("end_session_endpoint"), str):
            return None
        asked = {"client_id": self.told.client_id, "post_logout_redirect_uri": back_to}
        return _with_query(self._address("end_session_endpoint"), asked)

    def vouch(self, row: SignIn, code: str) -> Vouched:
        """
        Turn a code into whom the service vouches for.

        Parameters
        ----------
        row
            What this browser began.
        code
            As it came back in the address.

        Raises
        ------
        ProviderSilent
            The service cannot be reached.
        NotVouched
            It does not take the code, or its ID token is not right.
        """
        tokens = self._exchange(code, row.verifier)
        claims = self._claims_of(tokens.get("id_token"))
        _check_claims(claims, self.told, row.nonce, now_s=int(self._clock.now().timestamp()))
        if self.told.group_claim not in claims and self.told.roles:
            told = self._user_info(tokens, claims["sub"])
            # Nobody signed it, and people may fill it in themselves: no word on how they logged in.
            claims = {**told, **claims, "amr": claims.get("amr")}
        return _vouched(claims, self.told)

    def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        secret = read_secret(self.told.client_secret_env, self._state_dir).get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
            "client_id": self.told.client_id,
        }
        headers = {"Accept": "application/json"}
        methods = self._document().get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_basic" not in methods:
            form["client_secret"] = secret
            pair = None
        else:  # RFC 6749, section 2.3.1: both are form-encoded first
            pair = (quote(self.told.client_id, safe=""), quote(secret, safe=""))
        url = self._address("token_endpoint")
        return _ask("POST", url, headers=headers, data=form, auth=pair)

    def _user_info(self, tokens: Mapping[str, Any], subject: str) -> dict[str, Any]:
        token = tokens.get("access_token")
        if "userinfo_endpoint" not in self._document() or not isinstance(token, str):
            return {}
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        told = _ask("GET", self._address("userinfo_endpoint"), headers=headers)
        if told.get("sub") != subject:  # OpenID Connect Core 1.0, section 5.3.2
            _refuse("userinfo")
        return told

    def _claims_of(self, token: object) -> dict[str, Any]:
        if not isinstance(token, str):
            _refuse("id_token")
        try:
            header = jws.extract_compact(token.encode()).headers()
            keys = self._keys(header.get("kid"))
            registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
            return dict(jwt.decode(token, keys, registry=registry).claims)
        except (JoseError, ValueError, TypeError, KeyError, binascii.Error) as error:
            _refuse(f"id_token ({type(error).__name__})", error)

    def _keys(self, kid: object) -> KeySet:
        document, at, known = self._document(), self._clock.now(), self._known
        has_it = known.keys is not None and any(kid in {None, one.kid} for one in known.keys)
        if not has_it:
            with self._lock:
                if not _is_recent(known.asked_at, at, ASK_AGAIN_AFTER):
                    known.asked_at = at
                    told = _ask("GET", _checked(document.get("jwks_uri"), "jwks_uri"))
                    known.keys = _signing_keys(told)
        if known.keys is None:
            _give_up("jwks_uri")
        return known.keys

    def _document(self) -> dict[str, Any]:
        at = self._clock.now()
        with self._lock:
            if not _is_recent(self._known.at, at, KEPT_FOR):
                if _is_recent(self._silent_at, at, SILENT_FOR):
                    _give_up("silent")
                self._silent_at = at  # unless it turns out otherwise
                document = self._fetched()
                self._known, self._silent_at = _Known(document, at=at), None
            return self._known.document

    def _fetched(self) -> dict[str, Any]:
        document = _ask("GET", f"{self.told.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self.told.issuer:
            _give_up("issuer")
        return document

    def _address(self, name: str) -> str:
        return _checked(self._document().get(name), name)


def _checked(url: object, name: str) -> str:
    """Return an address of the service's description; a secret only goes by https."""
    if not isinstance(url, str) or urlsplit(url).scheme not in {"https", "http"}:
        _give_up(name)
    if urlsplit(url).scheme != "https" and not is_on_this_machine(url):
        _give_up(name)
    return url


def _signing_keys(told: Mapping[str, Any]) -> KeySet:
    listed = told.get("keys")
    rows = listed if isinstance(listed, list) else []
    wanted = [
        one
        for one in rows
        if isinstance(one, dict)
        and one.get("kty") in {"RSA", "EC", "OKP"}
        and one.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": wanted})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        _give_up("jwks_uri", error)


def _check_claims(claims: dict[str, Any], told: Oidc, nonce: str, *, now_s: int) -> None:
    """Insist on what OpenID Connect Core 1.0, section 3.1.3.7, asks of an ID token."""
    registry = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=SKEW_S,
        iss={"essential": True, "value": told.issuer},
        aud={"essential": True, "value": told.client_id},
        nonce={"essential": True, "value": nonce},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        registry.validate(claims)
    except ClaimError as error:
        _refuse(error.claim, error)
    # What the library leaves to us.
    is_for_many = claims["aud"] not in (told.client_id, [told.client_id])
    if claims.get("azp", None if is_for_many else told.client_id) != told.client_id:
        _refuse("azp")
    if now_s - claims["iat"] > MAX_AGE_S:
        _refuse("iat")
    if len(claims["sub"]) > MAX_SUBJECT:
        _refuse("sub")


def _vouched(claims: Mapping[str, Any], told: Oidc) -> Vouched:
    groups = claims.get(told.group_claim)
    methods = claims.get("amr")
    names = [claims.get(one) for one in ("preferred_username", "email")]
    known = [one for one in names if isinstance(one, str) and one]
    person = claims.get("name")
    return Vouched(
        subject=claims["sub"],
        name=known[0] if known else "",
        person=person if isinstance(person, str) else "",
        groups=_words(groups),
        has_second_factor=bool(_words(methods) & set(told.second_factor_amr)),
    )


def _words(told: object) -> frozenset[str]:
    listed = told if isinstance(told, list) else [told]
    return frozenset(one for one in listed if isinstance(one, str))


def _with_query(url: str, asked: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"


def _ask(method: str, url: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # httpx's own
    """Ask the service for some JSON; a redirect is no answer, a 4xx is a refusal."""
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, trust_env=not is_on_this_machine(url)) as client,
            client.stream(method, url, **more) as answer,
        ):
            body, end_s = b"", time.monotonic() + TIMEOUT_S
            for part in answer.iter_bytes():
                body += part
                if len(body) > MAX_BYTES or time.monotonic() > end_s:
                    _give_up("size or time")
            status = answer.status_code
        told = json.loads(body)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        _give_up(type(error).__name__, error)
    if method == "POST" and 400 <= status < 500 and isinstance(told, dict):  # noqa: PLR2004
        _refuse(f"code ({str(told.get('error'))[:60]})")
    if status != 200 or not isinstance(told, dict):  # noqa: PLR2004
        _give_up(f"HTTP {status}")
    return told


def _give_up(why: str, cause: Exception | None = None) -> NoReturn:
    text = Text(
        nl=f"de aanmelddienst antwoordt niet zoals afgesproken ({why}); meld u aan met een "
        "wachtwoord, of probeer het later",
        en=f"the log-in service does not answer as agreed ({why}); log in with a password, or "
        "try again later",
    )
    raise ProviderSilent(text) from cause


def _refuse(why: str, cause: Exception | None = None) -> NoReturn:
    text = Text(
        nl=f"de aanmelddienst staat niet voor u in ({why}); begin opnieuw",
        en=f"the log-in service does not vouch for you ({why}); start again",
    )
    raise NotVouched(text) from cause

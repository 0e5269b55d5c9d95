"""
A log-in service that can be told to lie, for the tests of logging in by OpenID Connect.

A real HTTP server; tokens are signed with `cryptography` by the words of RFC 7515, not with the
library that checks them. It keeps to RFC 7636 and takes a code once. The way in which honest ones
behave is tested against another service (`oidc-provider-mock`).
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from api_harness import serving
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from parkwacht_config.oidc import Oidc

CLIENT, CLIENT_SECRET = "parkwacht", "geheim: 100% :/"
ROLES = (
    {"group": "bazen", "role": "administrator"},
    {"group": "beveiliging", "role": "security_operator"},
    {"group": "politie", "role": "police_reader", "receiver_id": "politie"},
)


def told(issuer: str, **changes: Any) -> Oidc:
    given = {"name": "Parkpas", "issuer": issuer, "client_id": CLIENT, "roles": ROLES}
    given |= {"client_secret_env": "PARKWACHT_OIDC_SECRET", **changes}
    return Oidc.model_validate(given)


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass
class SigningKey:
    kid: str
    private: rsa.RSAPrivateKey

    @classmethod
    @cache
    def make(cls, kid: str) -> "SigningKey":
        """Return the key of this name: made once, for it takes a while."""
        return cls(kid, rsa.generate_private_key(65537, 2048))

    def public(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        told = {"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256"}
        return told | {"n": number(numbers.n), "e": number(numbers.e)}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        head = {"alg": "RS256", "typ": "JWT", "kid": self.kid, **header}
        signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
        raw = self.private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{b64(raw)}"


@dataclass
class ProviderStub:
    """What the service knows, and how it is told to lie."""

    now: Callable[[], datetime]
    issuer: str = ""
    key: SigningKey = field(default_factory=lambda: SigningKey.make("k1"))
    user: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] | None = None  # of /userinfo, where there is one
    claims: dict[str, Any] = field(default_factory=dict)  # instead of the right ones
    document: dict[str, Any] = field(default_factory=dict)  # instead of the right one
    token: Callable[[dict[str, Any]], str] | None = None  # instead of a signed one
    pending: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    n_codes: int = 0

    def describe(self) -> dict[str, Any]:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?realm=park",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/out",
        }
        if self.info is not None:
            told["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return told | self.document

    def log_in(self, url: str) -> dict[str, str]:
        """Play the person at the service's own page; return what comes back in the address."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.n_codes += 1
        code = f"code{self.n_codes}"
        self.pending[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.pending.pop(form.get("code", ""), None)
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        client, _, secret = pair.partition(":")
        if (unquote(client), unquote(secret)) != (CLIENT, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        right = asked and challenge == asked["code_challenge"]
        if not asked or not right or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now_s = int(self.now().timestamp())
        claims: dict[str, Any] = {"iss": self.issuer, "aud": CLIENT, "nonce": asked["nonce"]}
        claims |= {"iat": now_s, "exp": now_s + 300, **self.user, **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        made = self.token(claims) if self.token else self.key.sign(claims)
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": made}


@contextmanager
def running_provider(now: Callable[[], datetime]) -> Iterator[ProviderStub]:
    stub = ProviderStub(now)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            stub.asked.append(path)
            told: dict[str, Any] = {
                "/.well-known/openid-configuration": stub.describe(),
                "/keys": {"keys": [stub.key.public()]},
                "/userinfo": stub.info or {},
            }.get(path, {})
            self.answer(200, told)

        def do_POST(self) -> None:
            stub.asked.append(self.path)
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(*stub.redeem(form, self.headers.get("Authorization", "")))

        def answer(self, status: int, told: dict[str, Any]) -> None:
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.issuer = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield stub

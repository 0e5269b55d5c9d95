"""
What every answer carries and what no request may exceed: headers, and the size of a body.

Written as plain ASGI, so that a body that is too large is refused while it comes in.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'; "
    "object-src 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# Only where the service is reached by https: elsewhere a browser must not believe it.
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000"}
MIB = 1024 * 1024
# A body may be a little larger than its media: the record and the form's boundaries.
SNAPSHOT_BODY = 9 * MIB
CLIP_BODY = 258 * MIB
OTHER_BODY = 1 * MIB


class SecurityHeaders:
    """Adds the security headers to every answer, also to errors."""

    def __init__(self, app: ASGIApp, *, is_https: bool = False) -> None:
        self._app = app
        self._headers = SECURITY_HEADERS | (STRICT_TRANSPORT if is_https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def body_limit(scope: Scope) -> int:
    """Return how many bytes a request's body may have."""
    path, method = scope["path"], scope["method"]
    if method == "POST" and path == "/api/v1/events":
        return SNAPSHOT_BODY
    if method == "PUT" and path.startswith("/api/v1/events/") and path.endswith("/ending"):
        return CLIP_BODY
    return OTHER_BODY


class BodyLimit:
    """Refuses a body that is too large, by its announced and by its real length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = body_limit(scope)
        announced = Headers(scope=scope).get("content-length", "0")
        n_received = 0

        async def limited_receive() -> Message:
            nonlocal n_received
            if announced.isdigit() and int(announced) > limit:
                raise HTTPException(413)
            message = await receive()
            n_received += len(message.get("body", b""))
            if n_received > limit:
                raise HTTPException(413)
            return message

        await self._app(scope, limited_receive, send)

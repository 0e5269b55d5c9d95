import socket

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from parkwacht_api.serve import running_server


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_is_answered_is_sent_at_once(host: str) -> None:
    # Without TCP_NODELAY the kernel keeps an answer's body until its headers are acknowledged,
    # which the other side puts off for 40 ms (RFC 9293, 3.7.4 and 3.8.6.3).
    options = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        connection = send.__self__.transport.get_extra_info("socket")  # type: ignore[attr-defined]
        options.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await Response(Request(scope).url.path)(scope, receive, send)

    with running_server(app, host) as url:
        assert httpx.get(f"{url}/here", trust_env=False).text == "/here"
    assert options == [1]

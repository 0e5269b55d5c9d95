"""Runs an application under uvicorn: in the foreground until a signal, or beside other work."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from parkwacht_config.errors import ForwardingError
from parkwacht_config.text import Text

GRACE_S = 10
START_WITHIN_S = 30.0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named: only then asyncio sends what is written at once (TCP_NODELAY), and an
    # answer's body does not wait 40 ms for the other side to acknowledge its headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = error.strerror
        raise ForwardingError(
            Text(
                nl=f"poort {port} op {host} kan niet geopend worden: {reason}",
                en=f"port {port} on {host} cannot be opened: {reason}",
            )
        ) from error
    return listener


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    return uvicorn.Server(config)


def _failed() -> ForwardingError:
    return ForwardingError(
        Text(nl="de dienst komt niet op; zie het log", en="the service does not come up; see log")
    )


@contextmanager
def running_server(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """
    Serve in a thread of this process and give the address; stops at the end of the block.

    Parameters
    ----------
    app
        What to serve.
    host
        Address to listen at.
    port
        Port to listen at; 0 for a free one.

    Raises
    ------
    ForwardingError
        The port is taken, or the application does not start.
    """
    listener = _listen(host, port)
    server = _server(app)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener])), name="server"
    )
    thread.start()
    try:
        deadline = time.monotonic() + START_WITHIN_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise _failed()
            time.sleep(0.01)
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def run_server(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    stop: threading.Event | None = None,
    on_listening: Callable[[], None] | None = None,
) -> None:
    """
    Serve until a signal ends the process, or until told to stop.

    Requests under way are finished first.

    Parameters
    ----------
    app
        What to serve.
    host
        Address to listen at.
    port
        Port to listen at.
    stop
        Ends the service too.
    on_listening
        Called once the port is ours, before the first request is answered.

    Raises
    ------
    ForwardingError
        The port is taken, or the application does not start.
    """
    listener = _listen(host, port)
    if on_listening is not None:
        on_listening()
    server = _server(app)

    async def serve() -> None:
        watcher = asyncio.create_task(_stop_when_told(server, stop))
        try:
            await server.serve(sockets=[listener])
        finally:
            watcher.cancel()

    try:
        asyncio.run(serve())
    finally:
        listener.close()
    if not server.started:
        raise _failed()


async def _stop_when_told(server: uvicorn.Server, stop: threading.Event | None) -> None:
    while stop is not None and not stop.is_set():  # noqa: ASYNC110  # a thread's event
        await asyncio.sleep(0.1)
    if stop is not None:
        server.should_exit = True

"""
An HTTP client whose calls end in time, also where the other side drips.

httpx limits each read; a receiver that sends a byte every few seconds would hold a sender for
hours. Here every read, write and connect gets what is left of the whole call.
"""

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpcore
import httpx

# A call is made in one thread, from its connecting to its last read.
_END_S: ContextVar[float | None] = ContextVar("end_s", default=None)
MAX_CONNECTIONS = 100
MAX_IDLE = 20  # as httpx has them
IDLE_S = 5.0


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what is called in here take this long altogether, or less where less was left."""
    end_s, outer_s = time.monotonic() + seconds, _END_S.get()
    token = _END_S.set(end_s if outer_s is None else min(end_s, outer_s))
    try:
        yield
    finally:
        _END_S.reset(token)


def _left_s(timeout: float | None, error: type[Exception]) -> float | None:
    end_s = _END_S.get()
    if end_s is None:
        return timeout
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        message = "the call took too long"
        raise error(message)
    return left_s if timeout is None else min(timeout, left_s)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left_s(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left_s(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left_s = _left_s(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left_s))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left_s = _left_s(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left_s, local_address, socket_options))


class _Transport(httpx.HTTPTransport):
    def __init__(self, trusting: ssl.SSLContext) -> None:
        super().__init__(verify=trusting, trust_env=False)
        # httpx has no argument for this; a test with a dripping server holds it to it.
        self._pool = httpcore.ConnectionPool(
            ssl_context=trusting,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE,
            keepalive_expiry=IDLE_S,
            network_backend=_Backend(),
        )


def make_client(timeout_s: float, trusting: ssl.SSLContext | None = None) -> httpx.Client:
    """
    Make a client that follows no redirect and knows no proxy: "local" must mean this machine.

    Parameters
    ----------
    timeout_s
        Limit of one connect, read or write; `within` limits a whole call.
    trusting
        Whom it trusts; the usual authorities where nothing is given.
    """
    transport = _Transport(trusting or httpx.create_ssl_context(trust_env=False))
    return httpx.Client(
        transport=transport, timeout=timeout_s, follow_redirects=False, trust_env=False
    )

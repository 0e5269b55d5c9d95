"""Independent receivers of SIA DC-09: pysiaalarm (Python) and ioBroker.sia (node)."""

import asyncio
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from npm_packages import INSTALL, fetch, unpack
from pysiaalarm import SIAAccount
from pysiaalarm.aio import server as aio_server
from pysiaalarm.sync.server import SIATCPServer, SIAUDPServer
from pysiaalarm.utils import Counter

IOBROKER = "iobroker.sia@2.0.4"
PROGRAM = """
const { sia } = require("./package/build/lib/sia.js");
const given = JSON.parse(process.argv[2]);
const place = { host: "127.0.0.1", port: given.port, sockend: given.sockend };
const server = new sia({ timeout: 10, ...place });
server.setAccounts(given.accounts);
server.on("sia", (data, error) => console.log(JSON.stringify({ data: data, error: error })));
server.serverudp.on("listening", () => server.serverStartTCP());
server.servertcp.on("listening", () => console.log(JSON.stringify({ ready: true })));
server.serverStartUDP();
"""


@dataclass
class Peer:
    """A receiver that listens; what it took, as it understood it."""

    port: int
    seen: list[Any] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)


def _accounts(given: dict[str, str | None]) -> dict[str, SIAAccount]:
    return {name: SIAAccount(name, key) for name, key in given.items()}


@contextmanager
def sync_peer(accounts: dict[str, str | None], *, is_udp: bool = False) -> Iterator[Peer]:
    """pysiaalarm with threads, over TCP or UDP."""
    peer = Peer(0)
    kind = SIAUDPServer if is_udp else SIATCPServer
    server = kind(("127.0.0.1", 0), _accounts(accounts), peer.seen.append, peer.counts)
    server.daemon_threads = False  # so that closing waits for what is under way
    peer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown_flag = True
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def async_peer(accounts: dict[str, str | None]) -> Iterator[Peer]:
    """pysiaalarm with asyncio, over TCP."""
    peer, loop, is_up = Peer(0), asyncio.new_event_loop(), threading.Event()

    async def take(event: Any) -> None:
        peer.seen.append(event)

    async def serve() -> asyncio.Server:
        streams = aio_server.SIAServerTCP(_accounts(accounts), take, peer.counts)
        server = await asyncio.start_server(streams.handle_line, "127.0.0.1", 0)
        peer.port = server.sockets[0].getsockname()[1]
        return server

    async def wait_for_the_rest() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait_for(asyncio.gather(*others), 5)
        await asyncio.sleep(0)

    def run() -> None:
        server = loop.run_until_complete(serve())
        is_up.set()
        loop.run_forever()
        server.close()
        loop.run_until_complete(wait_for_the_rest())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    is_up.wait(5)
    try:
        yield peer
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def require_iobroker(request: pytest.FixtureRequest) -> Path:
    """ioBroker.sia, fetched once into pytest's cache."""
    # Only what the receiver itself loads; the adapter around it wants a whole ioBroker.
    needed = (*INSTALL, "axios@1", "node-ssh@13")
    home = fetch(request, "iobroker", *unpack(IOBROKER), needed)
    (home / "peer.js").write_text(PROGRAM)
    return home


@contextmanager
def iobroker_peer(
    home: Path, port: int, accounts: list[dict[str, Any]], *, sockend: bool = False
) -> Iterator[Peer]:
    """ioBroker.sia over TCP and UDP at one port; `seen` gets `data` or `error` of each frame."""
    given = json.dumps({"port": port, "accounts": accounts, "sockend": sockend})
    command = ["node", "peer.js", given]
    peer, told = Peer(port), queue.Queue[Any]()
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True)

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            told.put(json.loads(line))
            peer.seen.append(json.loads(line))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert told.get(timeout=20) == {"ready": True}
        peer.seen.clear()
        yield peer
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()
